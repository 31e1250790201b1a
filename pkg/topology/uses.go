package topology

import (
	"strconv"

	"go.yaml.in/yaml/v3"

	"github.com/kubespore/kubespore/pkg/yamlfile"
)

var profiles = dict[Selection]{name: "mapping of profiles", key: checkProfileName, value: selectionKind{}}

func checkProfileName(text string) *fault {
	if !labelForm.MatchString(text) {
		return faultf(codeName, "%q is not a name of a profile", yamlfile.Clip(text)).or("small letters, digits and -")
	}
	return nil
}

// selectionKind is what stands behind the name of a profile: its parameters, true or
// nothing for its defaults, false to leave it out.
type selectionKind struct{}

func (selectionKind) form() *shape {
	return &shape{name: "parameters, or true or false", oneOf: []*shape{{typ: "object", name: "parameters", values: &shape{name: "value"}}, {typ: "boolean", name: "true or false"}, {typ: "null", name: "nothing"}}}
}

func (selectionKind) read(d *decoder, n *yaml.Node, path string, into *Selection) {
	n = d.Follow(n, path)
	switch {
	case d.Stopped:
	case n.Kind == yaml.MappingNode:
		into.Params = map[string]any{}
		parameters(d, n, path, 0, into.Params)
	case n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null":
	case n.Kind == yaml.ScalarNode && n.ShortTag() == "!!bool":
		on, _ := boolean.parse(n.Value)
		into.Off = !on
	default:
		d.errorf(codeType, path, "expected parameters, true or false, found %s", yamlfile.Describe(n)).WithHint("write {} for a profile with its defaults, false to leave it out")
	}
}

func parameters(d *decoder, n *yaml.Node, path string, depth int, into map[string]any) {
	for _, p := range d.Pairs(n, path) {
		at := yamlfile.Join(path, p.Key)
		d.record(at, entryNode(p))
		if value, ok := parameter(d, p.Value, at, depth+1); ok {
			into[p.Key] = value
		}
	}
}

// parameter reads a value of which only the profile knows the type.
func parameter(d *decoder, n *yaml.Node, path string, depth int) (any, bool) {
	n = d.Follow(n, path)
	if depth > maxDepth {
		d.errorAt(d.at(path), codeLimit, yamlfile.Clip(path), "values are nested more than %d deep", maxDepth).
			WithHint("an alias must not stand inside what it stands for")
		d.Stopped = true
	}
	switch {
	case d.Stopped:
		return nil, false
	case n.Kind == yaml.MappingNode:
		out := map[string]any{}
		parameters(d, n, path, depth, out)
		return out, true
	case n.Kind == yaml.SequenceNode:
		if !d.Fits(path, len(n.Content), maxEntries) {
			return nil, false
		}
		out := make([]any, 0, len(n.Content))
		for i, item := range n.Content {
			at := yamlfile.Element(path, i)
			d.record(at, item)
			if value, ok := parameter(d, item, at, depth+1); ok {
				out = append(out, value)
			}
		}
		return out, true
	}
	return plainValue(d, n, path)
}

// plainValue reads a single value by the type that YAML gives it.
func plainValue(d *decoder, n *yaml.Node, path string) (any, bool) {
	switch n.ShortTag() {
	case "!!str", "!!timestamp":
		return n.Value, true
	case "!!bool":
		on, _ := boolean.parse(n.Value)
		return on, true
	case "!!int":
		if i, err := strconv.Atoi(n.Value); err == nil {
			return i, true
		}
	case "!!float":
		if f, err := strconv.ParseFloat(n.Value, 64); err == nil && f-f == 0 { // neither infinite nor no number
			return f, true
		}
	}
	d.errorf(codeType, path, "%s cannot be a parameter", yamlfile.Describe(n)).WithHint("give text (in quotes), a plain decimal number, true, false, a list or a mapping")
	return nil, false
}
