package verify

import (
	"reflect"

	"github.com/kubespore/kubespore/pkg/diag"
)

// proveOnce warns of an object of the user's that another file has too, with something
// else in it: the cluster holds what is applied last.
func proveOnce(m *machine, out *diag.List) {
	first := map[string]object{}
	for _, o := range m.objects {
		if o.read == nil || !underObjects(o.entry.Path) || o.read.Kind == "Kustomization" {
			continue
		}
		before, seen := first[o.read.Identity()]
		if !seen {
			first[o.read.Identity()] = o
			continue
		}
		users, other := o, before
		if !m.verbatim[o.entry.Path] {
			users, other = before, o
		}
		if !m.verbatim[users.entry.Path] || reflect.DeepEqual(users.read.Tree, other.read.Tree) {
			continue
		}
		at := m.doc.At(users.entry.Item)
		at.Line = users.line
		out.Warnf("V083", at, m.where(users.entry.Path), "%s %s is in %s too, and differs: the cluster holds what is applied last", o.read.Kind, o.read.Metadata.Name, other.entry.Path).
			WithHint("take it out of one of them, or give it another name")
	}
}
