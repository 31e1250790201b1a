package inspect

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/kubespore/kubespore/pkg/document"
	"github.com/kubespore/kubespore/pkg/plan"
)

// ownKey stands in a key's name for the host that it lies on, so that each
// host's own key of a kind is one row of the table.
const ownKey = "hosts/<own>/"

// KeyTable says which private keys and secrets lie on which hosts.
type KeyTable struct {
	Groups []HostGroup `json:"groups"` // hosts that hold the same keys
	Keys   []KeyRow    `json:"keys"`   // sorted by name
}

// HostGroup is a set of hosts that hold the same keys.
type HostGroup struct {
	Hosts []string `json:"hosts"`
	Keys  []string `json:"keys"`
}

// KeyRow is a key and the groups that hold it.
type KeyRow struct {
	Name   string `json:"name"`   // as the store names it; hosts/<own>/x is each host's own
	Groups []int  `json:"groups"` // indexes into KeyTable.Groups; empty when it never leaves the build machine
}

// KeyCollector reads documents one by one, so that a fleet's need not be held
// in memory together.
type KeyCollector struct {
	known map[string]bool
	hosts map[string][]string // keys by host
}

// NewKeyCollector knows of every key in the plan, also of those on no host.
func NewKeyCollector(p *plan.Plan) *KeyCollector {
	c := &KeyCollector{known: map[string]bool{}, hosts: map[string][]string{}}
	for _, a := range p.Authorities {
		c.known["ca/"+a.Name] = true
	}
	for _, x := range p.Certs {
		c.known[keyName(x.ID, x.Host)] = true
	}
	for _, s := range p.Secrets {
		c.known[keyName(s.ID, s.Host)] = true
	}
	return c
}

func keyName(id, host string) string {
	if name, own := strings.CutPrefix(id, "hosts/"+host+"/"); own && host != "" {
		return ownKey + name
	}
	return id
}

// Add reads what a document holds.
func (c *KeyCollector) Add(d *document.Document) {
	held := map[string]bool{}
	for _, ids := range d.Keys {
		for _, id := range ids {
			held[keyName(id, d.Host)] = true
		}
	}
	names := slices.Sorted(maps.Keys(held))
	for _, n := range names {
		c.known[n] = true
	}
	c.hosts[d.Host] = names
}

// Table gives the table of all documents that were added.
func (c *KeyCollector) Table() KeyTable {
	var t KeyTable
	groups := map[string]int{}
	for _, host := range slices.Sorted(maps.Keys(c.hosts)) {
		signature := strings.Join(c.hosts[host], "\n")
		i, ok := groups[signature]
		if !ok {
			i = len(t.Groups)
			groups[signature] = i
			t.Groups = append(t.Groups, HostGroup{Keys: c.hosts[host]})
		}
		t.Groups[i].Hosts = append(t.Groups[i].Hosts, host)
	}
	for _, name := range slices.Sorted(maps.Keys(c.known)) {
		row := KeyRow{Name: name, Groups: []int{}}
		for i, g := range t.Groups {
			if slices.Contains(g.Keys, name) {
				row.Groups = append(row.Groups, i)
			}
		}
		t.Keys = append(t.Keys, row)
	}
	return t
}

// Print writes the table: groups first, since a fleet has few and many hosts.
func (t KeyTable) Print(w io.Writer) {
	for i, g := range t.Groups {
		fmt.Fprintf(w, "%s  %s\n", groupLetter(i), hostNames(g.Hosts))
	}
	width := len("KEY")
	for _, k := range t.Keys {
		width = max(width, len(k.Name))
	}
	fmt.Fprintf(w, "\n%-*s", width, "KEY")
	for i := range t.Groups {
		fmt.Fprintf(w, "  %s", groupLetter(i))
	}
	fmt.Fprintln(w)
	for _, k := range t.Keys {
		fmt.Fprintf(w, "%-*s", width, k.Name)
		for i := range t.Groups {
			mark := "."
			if slices.Contains(k.Groups, i) {
				mark = "x"
			}
			fmt.Fprintf(w, "  %*s", len(groupLetter(i)), mark)
		}
		if len(k.Groups) == 0 {
			fmt.Fprint(w, "  on no host")
		}
		fmt.Fprintln(w)
	}
}

// groupLetter names a group: A to Z, then A1 to Z1 and so on.
func groupLetter(i int) string {
	letter := string(rune('A' + i%26))
	if i < 26 {
		return letter
	}
	return fmt.Sprintf("%s%d", letter, i/26)
}

// shownHosts is how many hosts of a group are named.
const shownHosts = 8

func hostNames(hosts []string) string {
	if len(hosts) <= shownHosts {
		return strings.Join(hosts, " ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(hosts[:shownHosts], " "), len(hosts)-shownHosts)
}
