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
// of it that is not a single word.
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

// Named finds the parameter of a profile whose value a message names as a word of
// its own; of several that with the longest value.
func (t *Topology) Named(profile, message string) (string, bool) {
	best, length := "", 0
	visit := func(params map[string]any, under string) {
		each(params, under, func(path, value string) {
			if _, ofFlag, is := strings.Cut(value, "="); is {
				value = ofFlag
			}
			if len(value) > max(length, 1) && holdsWord(message, value) {
				best, length = path, len(value)
			}
		})
	}
	visit(t.Profiles[profile].Params, "profiles."+profile)
	for i := range t.Hosts {
		visit(t.Hosts[i].Profiles[profile].Params, t.Hosts[i].Path+".profiles."+profile)
	}
	return best, best != ""
}

// each visits the texts and numbers of a value, in order.
func each(v any, path string, visit func(path, value string)) {
	switch v := v.(type) {
	case string:
		visit(path, v)
	case int, float64:
		visit(path, fmt.Sprint(v))
	case []any:
		for i, e := range v {
			each(e, fmt.Sprintf("%s[%d]", path, i), visit)
		}
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			each(v[key], path+"."+key, visit)
		}
	}
}

func holdsWord(text, word string) bool {
	for from := 0; ; {
		i := strings.Index(text[from:], word)
		if i < 0 {
			return false
		}
		start, end := from+i, from+i+len(word)
		if (start == 0 || !inWord(text[start-1])) && (end == len(text) || !inWord(text[end])) {
			return true
		}
		from = start + 1
	}
}

func inWord(c byte) bool {
	return c == '-' || c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
}
