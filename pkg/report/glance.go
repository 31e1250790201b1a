package report

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/inspect"
)

var link = regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`)

// fact is a number at the top of the page.
type fact struct{ Name, Value, More string }

// facts are what a reader wants to know first.
func (v *view) facts() []fact {
	changed := 0
	for _, c := range v.Changes {
		changed += len(c.Hosts)
	}
	since := fact{"Changes", diag.Counted(changed, "machine"), "since the build of " + v.LastBuild.UTC().Format(time.DateOnly)}
	if v.LastBuild.IsZero() {
		since.Value, since.More = "No build yet", "every machine is new"
	}
	var sizes []string
	for _, l := range v.Lanes {
		if n := laneSize(l); n != "" {
			sizes = append(sizes, n)
		}
	}
	return []fact{
		{"Boot before", v.BootBy.UTC().Format(time.DateOnly), until(v.At, v.BootBy)},
		{"Renew from", v.RenewBy.UTC().Format(time.DateOnly), until(v.At, v.RenewBy)},
		{"Machines", fmt.Sprint(len(v.Hosts)), strings.Join(sizes, ", ")},
		{"Endpoint", v.Endpoint, endpointNote(v.Lanes)},
		{"Pinned parts", fmt.Sprintf("%d of %d", v.Pinned, len(v.Parts)), "programs, images and packages"},
		since,
	}
}

// laneSize says how many machines of a kind there are.
func laneSize(l Lane) string {
	n, _, machines := strings.Cut(l.Note, " machine")
	if !machines || l.Kind == laneEndpoint {
		return ""
	}
	label := map[string]string{laneControlPlane: "control plane", laneEtcd: "etcd", laneWorker: "worker", laneMachine: "other"}[l.Kind]
	if n != "1" && (l.Kind == laneControlPlane || l.Kind == laneWorker) {
		label += "s"
	}
	return n + " " + label
}

func endpointNote(lanes []Lane) string {
	for _, l := range lanes {
		if l.Kind == laneEndpoint {
			return l.Note
		}
	}
	return "a machine’s own address"
}

// until says how many days there are between two moments.
func until(from, to time.Time) string {
	switch days := int(to.Sub(from).Hours() / 24); {
	case days < 0:
		return diag.Counted(-days, "day") + " ago"
	default:
		return "in " + diag.Counted(days, "day")
	}
}

// findings are what a reader must not miss.
func (v *view) findings() []string {
	var out []string
	if !v.RenewBy.IsZero() && !v.At.Before(v.RenewBy) {
		out = append(out, "certificates are due: the next build makes new ones.")
	}
	if !v.Stored {
		out = append(out, "there is no store yet. Dates and sizes are those of keys that were made for this report and forgotten.")
	}
	switch left := len(v.Parts) - v.Pinned; {
	case v.LockFile == "":
		out = append(out, "no part of the payload is pinned: machines run what their image or payload brings, unchecked.")
	case left > 0:
		out = append(out, diag.Counted(left, "part")+" of the payload "+map[bool]string{true: "is", false: "are"}[left == 1]+" not pinned.")
	}
	for _, f := range v.Firewalls {
		if f.Absent {
			out = append(out, "no firewall on "+names(f.Hosts)+".")
		}
	}
	var given []string
	for _, d := range v.Hardening.Defaults {
		if len(d.GivenUp) > 0 {
			given = append(given, d.What)
		}
	}
	if len(given) > 0 {
		out = append(out, diag.Counted(len(given), "safer default")+" given up by the topology: see Hardening.")
	}
	var full []string
	for _, h := range v.Hosts {
		if h.Limit > 0 && h.Counted*100/h.Limit > 90 {
			full = append(full, h.Name)
		}
	}
	if len(full) > 0 {
		out = append(out, "the documents of "+names(full)+" take more than 90% of what their delivery carries.")
	}
	return out
}

// keyKind is a part of the table of keys.
type keyKind struct {
	Title string
	Rows  []keyRow
}

// keyRow is a key, and who holds it: a column for each group, then the build
// machine alone.
type keyRow struct {
	Name string
	Held []bool
}

func keyKinds(t inspect.KeyTable) []keyKind {
	kinds := []struct{ prefix, title string }{
		{"ca/", "Keys of authorities, by which others are signed"},
		{"cluster/", "Of the cluster, the same everywhere"},
		{"hosts/<own>/", "Of each machine, its own"},
		{"", "Others"},
	}
	out := make([]keyKind, len(kinds))
	for _, k := range t.Keys {
		row := keyRow{Held: make([]bool, len(t.Groups)+1)}
		for _, g := range k.Groups {
			row.Held[g] = true
		}
		row.Held[len(t.Groups)] = len(k.Groups) == 0
		for i, kind := range kinds {
			if name, is := strings.CutPrefix(k.Name, kind.prefix); is {
				row.Name = name
				out[i].Title, out[i].Rows = kind.title, append(out[i].Rows, row)
				break
			}
		}
	}
	return slices.DeleteFunc(out, func(k keyKind) bool { return len(k.Rows) == 0 })
}
