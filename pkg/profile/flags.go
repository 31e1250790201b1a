package profile

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/kubespore/kubespore/pkg/yamlfile/schema"
)

// Flag is a flag of a program as a topology gives it.
type Flag struct {
	Name  string
	Value string
	Alone bool   // it has no value: `profiling`, and not `profiling=true`
	Path  string // inside the parameter: [2], .v or .v[1]
}

// String gives the flag without the dashes, as templates see it. Only a switch
// may stand alone, and kubeadm has flags with values only.
func (f Flag) String() string {
	if f.Alone {
		return f.Name + "=true"
	}
	return f.Name + "=" + f.Value
}

var flagName = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,99}$`)

// flagsShape describes both ways to write flags.
var flagsShape = &schema.Shape{Name: "flags", OneOf: []*schema.Shape{
	{Name: "list", Type: "array", Items: &schema.Shape{Name: "flag", Type: "string", Pattern: `^[a-zA-Z0-9][a-zA-Z0-9_.-]*(=.*)?$`}},
	{Name: "map", Type: "object", Values: &schema.Shape{Name: "value, or a list", OneOf: []*schema.Shape{
		{Name: "value", Type: schema.AnyScalar}, {Name: "list", Type: "array", Items: &schema.Shape{Name: "value", Type: schema.AnyScalar}},
	}}},
}}

// Flags reads flags from what YAML gives: a list such as [v=4], or a map such as
// {v: 4}, in which a list stands for a flag that is given several times.
func Flags(v any) ([]Flag, []Wrong) {
	var flags []Flag
	var problems []Wrong
	add := func(f Flag, w []Wrong) { flags, problems = append(flags, f), append(problems, w...) }
	switch v := v.(type) {
	case []any:
		for i, e := range v {
			add(flagOf(e, fmt.Sprintf("[%d]", i)))
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			values, several := v[name].([]any)
			if !several {
				add(flagPair(name, v[name], "."+name))
			}
			for i, value := range values {
				add(flagPair(name, value, fmt.Sprintf(".%s[%d]", name, i)))
			}
		}
	default:
		return nil, newWrong("", fmt.Sprintf("write [%v]", v), "flags are a list, as in [v=4], or a map, as in {v: 4}, and not %s", describeValue(v))
	}
	return flags, problems
}

// flagOf reads an element of a list.
func flagOf(e any, where string) (Flag, []Wrong) {
	text, ok := e.(string)
	if m, isMap := e.(map[string]any); isMap {
		return Flag{}, newWrong(where, "write "+flagText(m), "in a list a flag is a text, and not a map")
	}
	if !ok {
		return Flag{}, newWrong(where, "write it as in v=4", "a flag is a text, and not %s", describeValue(e))
	}
	name, value, given := strings.Cut(text, "=")
	if bare := strings.TrimLeft(text, "-"); bare != text && bare != "" {
		return Flag{}, newWrong(where, "write "+bare, "a flag is written without dashes in front")
	}
	if !given && strings.ContainsAny(name, " :") {
		first, rest, _ := strings.Cut(strings.Replace(name, ":", " ", 1), " ")
		return Flag{}, newWrong(where, "write "+first+"="+strings.TrimSpace(rest), "between the name of a flag and its value there is =")
	}
	f := Flag{Name: name, Value: value, Alone: !given, Path: where}
	return f, f.written()
}

// flagPair reads a value of a map.
func flagPair(name string, value any, where string) (Flag, []Wrong) {
	f := Flag{Name: name, Path: where}
	if bare := strings.TrimLeft(name, "-"); bare != name && bare != "" {
		return f, newWrong(where, "write "+bare, "a flag is written without dashes in front")
	}
	switch v := value.(type) {
	case string:
		f.Value = v
	case bool, int:
		f.Value = fmt.Sprint(v)
	case float64:
		f.Value = strconv.FormatFloat(v, 'f', -1, 64)
	default:
		return f, newWrong(where, "write it as in v: 4", "the value of a flag is a text, a number or true or false, and not %s", describeValue(value))
	}
	return f, f.written()
}

// written says whether a flag can stand on a command line.
func (f Flag) written() []Wrong {
	if !flagName.MatchString(f.Name) {
		return newWrong(f.Path, "write it as in v=4", "%q is not the name of a flag", f.Name)
	}
	if strings.ContainsFunc(f.Value, unicode.IsControl) {
		return newWrong(f.Path, "give each flag an element of its own", "the value of %s has a line break or another control character in it", f.Name)
	}
	if len(f.Value) > longestText {
		return newWrong(f.Path, fmt.Sprintf("write %d bytes at most", longestText), "the value of %s is too long: %d bytes", f.Name, len(f.Value))
	}
	return nil
}

// flagText is what a map in a list of flags stands for: {name: v, value: "4"} as
// kubeadm has it, or {v: 4}.
func flagText(m map[string]any) string {
	if name, ok := m["name"].(string); ok && len(m) == 2 && m["value"] != nil {
		return fmt.Sprintf("%s=%v", strings.TrimLeft(name, "-"), m["value"])
	}
	for _, name := range slices.Sorted(maps.Keys(m)) {
		return fmt.Sprintf("%s=%v", strings.TrimLeft(name, "-"), m[name])
	}
	return "it as in v=4"
}

func acceptFlags(v any, where string) (any, []Wrong) {
	flags, problems := Flags(v)
	for i := range problems {
		problems[i].Path = where + problems[i].Path
	}
	out := make([]any, len(flags))
	for i, f := range flags {
		out[i] = f.String()
	}
	return out, problems
}
