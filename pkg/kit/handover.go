package kit

import (
	"maps"
	"slices"
	"strings"

	"github.com/kubespore/kubespore/pkg/document"
)

// leave is the step by which a machine removes what it has of its cluster, before it
// becomes what the document of another one says.
const leave = "leave"

// handOver gives the steps that make a machine of another cluster what the document says:
// it leaves its cluster, then every file is put in place. Programs and images come when it
// starts again, from where its new document says, as at a first boot.
func (m *maker) handOver(old document.State) Difference {
	other := *m
	other.target = withoutParts(m.target)
	was := withoutParts(old)
	maps.DeleteFunc(was, func(key, _ string) bool {
		_, stays := other.target[key]
		return stays && (strings.HasPrefix(key, "unit:") || strings.HasPrefix(key, "/") && !adds(other.target[key]))
	})
	d := other.difference(was)
	d.State = old.Digest()
	d.steps = slices.Concat([]string{leave}, d.steps)
	return d
}

// strangers says what no kit brings to a machine of another cluster.
func strangers(old, new document.State) []string {
	was, is := withoutParts(old), withoutParts(new)
	out := blockedKeys(was, is)
	for key := range is {
		if unnamable(key) && !slices.Contains(out, key) {
			out = append(out, key)
		}
	}
	// Packages come at the start, too.
	out = slices.DeleteFunc(out, func(key string) bool { return key == packageList })
	slices.Sort(out)
	return out
}

func withoutParts(s document.State) document.State {
	out := maps.Clone(s)
	maps.DeleteFunc(out, func(key, _ string) bool { return isPart(key) })
	return out
}
