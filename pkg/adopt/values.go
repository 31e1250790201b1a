package adopt

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
)

// dig gives what lies behind keys; nil where it is not there.
func dig(value any, keys ...string) any {
	for _, key := range keys {
		m, _ := value.(map[string]any)
		value = m[key]
	}
	return value
}

func list(value any) []any { l, _ := value.([]any); return l }

// str gives a scalar as text, "" for none.
func str(value any) string {
	switch v := value.(type) {
	case nil, map[string]any, []any:
		return ""
	case string:
		return v
	default:
		return fmt.Sprint(v)
	}
}

// scalar gives the text of a flag the type that a parameter has.
func scalar(text string) any {
	if n, err := strconv.Atoi(text); err == nil {
		return n
	}
	if text == "true" || text == "false" {
		return text == "true"
	}
	return text
}

// zero says whether a value is what kubeadm writes for one that was not set.
func zero(value any) bool {
	switch v := value.(type) {
	case nil:
		return true
	case string:
		return v == "" || v == "0" || v == "0s"
	case int:
		return v == 0
	case []any:
		return !slices.ContainsFunc(v, func(e any) bool { return !zero(e) })
	case map[string]any:
		for _, e := range v {
			if !zero(e) {
				return false
			}
		}
		return true
	}
	return false
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// flow writes a value on one line: JSON is YAML.
func flow(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err) // what YAML holds can be said in JSON
	}
	return string(text)
}
