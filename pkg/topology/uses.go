package topology

import (
	"strconv"

	"go.yaml.in/yaml/v3"

	"github.com/kubespore/kubespore/pkg/yamlfile"
	"github.com/kubespore/kubespore/pkg/yamlfile/schema"
)

var profiles = schema.Dict[Selection]{Name: "mapping of profiles", Key: checkProfileName, Value: selectionKind{}}

func checkProfileName(text string) *schema.Fault {
	if !labelForm.MatchString(text) {
		return schema.Faultf(codeName, "%q is not a name of a profile", yamlfile.Clip(text)).Or("small letters, digits and -")
	}
	return nil
}

// selectionKind is what stands behind the name of a profile: its parameters, true or
// nothing for its defaults, false to leave it out.
type selectionKind struct{}

func (selectionKind) Shape() *schema.Shape {
	return &schema.Shape{Name: "parameters, or true or false", OneOf: []*schema.Shape{{Type: "object", Name: "parameters", Values: &schema.Shape{Name: "value"}}, {Type: "boolean", Name: "true or false"}, {Type: "null", Name: "nothing"}}}
}

func (selectionKind) Read(d *schema.Decoder, n *yaml.Node, path string, into *Selection) {
	n = d.Follow(n, path)
	switch {
	case d.Stopped:
	case n.Kind == yaml.MappingNode:
		into.Params = map[string]any{}
		parameters(d, n, path, 0, into.Params)
	case n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null":
	case n.Kind == yaml.ScalarNode && n.ShortTag() == "!!bool":
		on, _ := schema.Boolean.Parse(n.Value)
		into.Off = !on
	default:
		d.Errorf(codeType, path, "expected parameters, true or false, found %s", yamlfile.Describe(n)).WithHint("write {} for a profile with its defaults, false to leave it out")
	}
}

func parameters(d *schema.Decoder, n *yaml.Node, path string, depth int, into map[string]any) {
	for _, p := range d.Pairs(n, path) {
		at := yamlfile.Join(path, p.Key)
		d.Record(at, schema.EntryNode(p))
		if value, ok := parameter(d, p.Value, at, depth+1); ok {
			into[p.Key] = value
		}
	}
}

// parameter reads a value whose type only the profile knows.
func parameter(d *schema.Decoder, n *yaml.Node, path string, depth int) (any, bool) {
	n = d.Follow(n, path)
	if depth > maxDepth {
		d.ErrorAt(d.At(path), codeLimit, yamlfile.Clip(path), "values are nested more than %d deep", maxDepth).
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
		if !d.Fits(path, len(n.Content), yamlfile.MaxEntries) {
			return nil, false
		}
		out := make([]any, 0, len(n.Content))
		for i, item := range n.Content {
			at := yamlfile.Element(path, i)
			d.Record(at, item)
			if value, ok := parameter(d, item, at, depth+1); ok {
				out = append(out, value)
			}
		}
		return out, true
	}
	return plainValue(d, n, path)
}

// plainValue reads a single value by the type that YAML gives it.
func plainValue(d *schema.Decoder, n *yaml.Node, path string) (any, bool) {
	switch n.ShortTag() {
	case "!!str", "!!timestamp":
		return n.Value, true
	case "!!bool":
		on, _ := schema.Boolean.Parse(n.Value)
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
	d.Errorf(codeType, path, "%s cannot be a parameter", yamlfile.Describe(n)).WithHint("give text (in quotes), a plain decimal number, true, false, a list or a mapping")
	return nil, false
}
