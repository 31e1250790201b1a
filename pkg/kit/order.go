package kit

import (
	"bytes"
	"slices"
	"strings"

	systemd "github.com/coreos/go-systemd/v22/unit"

	"github.com/kubespore/kubespore/pkg/document"
)

// ordering is what units say of their order: by unit, those that it comes after.
type ordering map[string]map[string]bool

// note reads the unit or drop-in of an entry.
func (o ordering) note(e document.Entry) {
	if e.Kind != document.KindUnit && e.Kind != document.KindDropin {
		return
	}
	options, err := systemd.DeserializeOptions(bytes.NewReader(e.Content))
	if err != nil {
		return // the proofs of a build refuse it
	}
	for _, option := range options {
		for _, other := range strings.Fields(option.Value) {
			switch option.Section + "." + option.Name {
			case "Unit.After":
				o.add(e.Unit, other)
			case "Unit.Before":
				o.add(other, e.Unit)
			}
		}
	}
}

func (o ordering) add(later, sooner string) {
	if o[later] == nil {
		o[later] = map[string]bool{}
	}
	o[later][sooner] = true
}

// sort puts each unit after those that it comes after. systemctl asks for the restart of one
// unit after the other, even in one call, and systemd holds a unit back only for jobs that it
// knows of already. Units that say nothing of each other come in the order of their names.
func (o ordering) sort(units []string) []string {
	left := slices.Sorted(slices.Values(units))
	var out []string
	for len(left) > 0 {
		next := max(0, slices.IndexFunc(left, func(u string) bool {
			return !slices.ContainsFunc(left, func(other string) bool { return other != u && o[u][other] })
		})) // in a circle, which systemd breaks as it likes, the first
		out = append(out, left[next])
		left = slices.Delete(left, next, next+1)
	}
	return out
}
