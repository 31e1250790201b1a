package topology

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/kubespore/kubespore/pkg/diag"
)

// Said finds the parameter that holds a text, or a part of it: what a template
// made of a value is told at the line that gives the value. Those of the profile
// whose template it is come first.
func (t *Topology) Said(profile, text string) (path string, at diag.Position, found bool) {
	for _, name := range append([]string{profile}, slices.Sorted(maps.Keys(t.Profiles))...) {
		if path, found = holding(t.Profiles[name].Params, text, "profiles."+name); found {
			return path, t.At(path), true
		}
		for i := range t.Hosts {
			if path, found = holding(t.Hosts[i].Profiles[name].Params, text, t.Hosts[i].Path+".profiles."+name); found {
				return path, t.At(path), true
			}
		}
	}
	return "", diag.Position{}, false
}

// holding gives the path of the first text in a value that is the text, or a part
// of it that is no single word.
func holding(v any, text, path string) (string, bool) {
	switch v := v.(type) {
	case string:
		return path, v == text || strings.ContainsFunc(v, special) && strings.Contains(text, v)
	case []any:
		for i, e := range v {
			if p, ok := holding(e, text, fmt.Sprintf("%s[%d]", path, i)); ok {
				return p, true
			}
		}
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			if key == text {
				return path + "." + key, true
			}
			if p, ok := holding(v[key], text, path+"."+key); ok {
				return p, true
			}
		}
	}
	return "", false
}

func special(r rune) bool {
	return !strings.ContainsRune("._/:@+=,~^*[]-", r) && (r < '0' || r > '9') && (r|0x20 < 'a' || r|0x20 > 'z')
}
