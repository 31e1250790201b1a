package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/kubespore/kubespore/pkg/topology"
)

// minPart is the shortest value that counts as part of a longer text: shorter
// ones occur in any.
const minPart = 4

// Said gives the path of the topology at which a profile got a text that stands
// in a finished file: of the values that the topology gives to the profile, the
// host's before the cluster's, the one that is the text, else the longest one that
// is part of it or holds it. It gives "" when the text is not the topology's.
func (p *Plan) Said(h *Host, profile, text string) string { return said(p.Topology, h, profile, text) }

func said(t *topology.Topology, h *Host, profile, text string) string {
	best, length := "", 0
	look := func(path string, value any) {
		walk(path, value, func(at, v string) {
			switch {
			case v == text && length < 1<<20:
				best, length = at, 1<<20
			case len(v) >= minPart && len(v) > length && strings.Contains(text, v), len(text) >= minPart && length == 0 && strings.Contains(v, text):
				best, length = at, len(v)
			}
		})
	}
	if h != nil {
		look(h.Path+".profiles."+profile, h.Given[profile].Params)
	}
	if best == "" {
		look("profiles."+profile, t.Profiles[profile].Params)
	}
	return best
}

// walk visits the texts of a value as YAML gives it, in the order of their paths.
func walk(path string, value any, visit func(path, text string)) {
	switch v := value.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			walk(path+"."+key, v[key], visit)
		}
	case []any:
		for i, e := range v {
			walk(path+indexPath(i), e, visit)
		}
	case nil:
	default:
		visit(path, fmt.Sprint(v))
	}
}
