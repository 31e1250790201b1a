package inspect

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/aymanbagabas/go-udiff"

	"github.com/kubespore/kubespore/pkg/document"
)

// What happened to a host or to a part of its document.
const (
	Added   = "added"
	Removed = "removed"
	Changed = "changed"
)

// HostDiff is what a build changes on a host.
type HostDiff struct {
	Host    string   `json:"host"`
	Action  string   `json:"action"`  // "" when nothing changes
	Changes []Change `json:"changes"` // sorted by path; not listed for hosts that come or go
	Needs   Needs    `json:"needs"`
	Asks    []string `json:"asks,omitempty"` // what the going of a host asks of the operator, step by step
	Kit     *Kit     `json:"kit,omitempty"`  // nil unless the machine runs and takes kits
}

// Kit says whether a kit brings the changes of a host to its machine.
type Kit struct {
	Blocked  []string `json:"blocked"`            // changes for which it cannot
	Programs []string `json:"programs,omitempty"` // that it exchanges
	Images   []string `json:"images,omitempty"`   // that it imports
	Restarts []string `json:"restarts,omitempty"` // in this order; pods and units
}

// Change is one part of a document that differs.
type Change struct {
	Path          string   `json:"path"` // on the machine, or the item of what has no path
	Item          string   `json:"item"`
	Action        string   `json:"action"`
	Attributes    []string `json:"attributes,omitempty"` // as in: mode 0600, was 0644
	Secret        bool     `json:"secret"`
	Profile       string   `json:"profile,omitempty"`       // who writes it now
	ReadsAllHosts bool     `json:"readsAllHosts,omitempty"` // by a profile that looks at every host, so that any host may be the reason
	Patch         string   `json:"patch,omitempty"`         // unified; empty for what is secret
	Needs         Needs    `json:"needs"`
}

// Diff compares the last document of a host with the new one. Either may be
// nil: the host is new, or gone.
func Diff(old, new *document.Document) (HostDiff, error) {
	switch {
	case old == nil && new == nil:
		return HostDiff{}, nil
	case old == nil:
		return HostDiff{Host: new.Host, Action: Added, Needs: Needs{Reimage: true}}, nil
	case new == nil:
		asks, err := removal(old)
		return HostDiff{Host: old.Host, Action: Removed, Asks: asks}, err
	}
	before, err := old.Entries()
	if err != nil {
		return HostDiff{}, fmt.Errorf("the last document of %s: %w", old.Host, err)
	}
	after, err := new.Entries()
	if err != nil {
		return HostDiff{}, fmt.Errorf("the document of %s: %w", new.Host, err)
	}
	out := HostDiff{Host: new.Host} // no action says that nothing changes
	out.Changes = append(pathChanges(before, after), otherChanges(old, new)...)
	if len(out.Changes) == 0 {
		return out, nil
	}
	out.Action = Changed
	readers := newReaders(before, after)
	for i := range out.Changes {
		c := &out.Changes[i]
		c.Profile = new.Origins[c.Item].Profile
		c.Needs = readers.needs(*c)
		out.Needs = out.Needs.and(c.Needs)
	}
	return out, nil
}

// NoteReadsAllHosts marks the changes that come from profiles which look at every host.
func (d *HostDiff) NoteReadsAllHosts(readsAllHosts func(profile string) bool) {
	for i := range d.Changes {
		c := &d.Changes[i]
		c.ReadsAllHosts = c.Profile != "" && readsAllHosts(c.Profile)
	}
}

// pathChanges compares what two documents make on the file system. The name of
// the state is left out: it changes with everything else, and on each host.
func pathChanges(before, after []document.Entry) []Change {
	pairs := map[string][2]*document.Entry{}
	for i := range before {
		pairs[before[i].Path] = [2]*document.Entry{&before[i], nil}
	}
	for i := range after {
		pairs[after[i].Path] = [2]*document.Entry{pairs[after[i].Path][0], &after[i]}
	}
	var out []Change
	delete(pairs, document.StatePath)
	for _, path := range slices.Sorted(maps.Keys(pairs)) {
		if c, ok := compare(pairs[path][0], pairs[path][1]); ok {
			out = append(out, c)
		}
	}
	return out
}

func compare(old, new *document.Entry) (Change, bool) {
	either := cmp.Or(new, old)
	c := Change{Path: either.Path, Item: either.Item, Action: Changed}
	switch {
	case old == nil:
		c.Action, old = Added, &document.Entry{}
		c.Secret = new.Secret
	case new == nil:
		c.Action, new = Removed, &document.Entry{}
		c.Secret = old.Secret
	default:
		c.Secret = new.Secret || old.Secret
		c.Attributes = attributes(old, new)
	}
	same := bytes.Equal(old.Content, new.Content)
	if c.Action == Changed && same && len(c.Attributes) == 0 {
		return Change{}, false
	}
	switch {
	case same:
	case c.Secret:
		c.Attributes = append(c.Attributes, "secret content")
	default:
		c.Patch = udiff.Unified("last build", "this build", string(old.Content), string(new.Content))
	}
	return c, true
}

// attributes says what differs besides the content.
func attributes(old, new *document.Entry) []string {
	var out []string
	for _, a := range []struct{ name, old, new string }{
		{"kind", old.Kind, new.Kind},
		{"mode", fmt.Sprintf("%04o", old.Mode), fmt.Sprintf("%04o", new.Mode)},
		{"owner", old.User + ":" + old.Group, new.User + ":" + new.Group},
		{"target", old.Target, new.Target},
		{"hard", fmt.Sprint(old.Hard), fmt.Sprint(new.Hard)},
		{"append", fmt.Sprint(old.Append), fmt.Sprint(new.Append)},
		{"state", state(*old), state(*new)},
	} {
		if a.old != a.new {
			out = append(out, fmt.Sprintf("%s %s, was %s", a.name, cmp.Or(a.new, "none"), cmp.Or(a.old, "none")))
		}
	}
	return out
}

// otherChanges compares what has no path: users, groups, disks, kernel
// arguments. Their content is not shown: password hashes are among it.
func otherChanges(old, new *document.Document) []Change {
	before, after := old.Others(), new.Others()
	var out []Change
	for item, v := range after {
		switch w, ok := before[item]; {
		case !ok:
			out = append(out, Change{Path: item, Item: item, Action: Added})
		case !reflect.DeepEqual(v, w):
			out = append(out, Change{Path: item, Item: item, Action: Changed})
		}
	}
	for item := range before {
		if _, ok := after[item]; !ok {
			out = append(out, Change{Path: item, Item: item, Action: Removed})
		}
	}
	slices.SortFunc(out, func(a, b Change) int { return cmp.Compare(a.Item, b.Item) })
	return out
}
