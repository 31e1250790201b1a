package schema

import (
	"strconv"

	"go.yaml.in/yaml/v3"

	"github.com/kubespore/kubespore/pkg/yamlfile"
)

// maxDepth is how deep values of any type may be nested. It is far beyond any real
// file, and stops an alias inside of what it stands for.
const maxDepth = 64

// Any is a value whose type the file does not say: a text, a number, a boolean, a list
// ([]any) or a mapping (map[string]any).
type Any struct{}

// Shape describes it.
func (Any) Shape() *Shape { return &Shape{Name: "value"} }

// Read takes the value by the type that YAML gives it.
func (Any) Read(d *Decoder, n *yaml.Node, path string, into *any) {
	if value, ok := readAny(d, n, path, 0); ok {
		*into = value
	}
}

// Anything is a mapping of any values.
type Anything struct{}

// Shape describes the mapping.
func (Anything) Shape() *Shape {
	return &Shape{Name: "mapping", Type: "object", Values: Any{}.Shape()}
}

// Read reads each value.
func (Anything) Read(d *Decoder, n *yaml.Node, path string, into *map[string]any) {
	if n = d.mapping(n, "mapping", path); n != nil {
		*into = readAnything(d, n, path, 0)
	}
}

func readAnything(d *Decoder, n *yaml.Node, path string, depth int) map[string]any {
	out := map[string]any{}
	for _, p := range d.Pairs(n, path) {
		at := yamlfile.Join(path, p.Key)
		d.Record(at, EntryNode(p))
		if value, ok := readAny(d, p.Value, at, depth+1); ok {
			out[p.Key] = value
		}
	}
	return out
}

func readAny(d *Decoder, n *yaml.Node, path string, depth int) (any, bool) {
	n = d.Follow(n, path)
	switch {
	case !d.shallow(path, depth):
		return nil, false
	case n.Kind == yaml.MappingNode:
		return readAnything(d, n, path, depth), true
	case n.Kind == yaml.SequenceNode:
		if !d.Fits(path, len(n.Content), yamlfile.MaxEntries) {
			return nil, false
		}
		out := make([]any, 0, len(n.Content))
		for i, item := range n.Content {
			at := yamlfile.Element(path, i)
			d.Record(at, item)
			if value, ok := readAny(d, item, at, depth+1); ok {
				out = append(out, value)
			}
		}
		return out, true
	}
	return plain(d, n, path)
}

// shallow says whether to read on, and reports what is nested too deep.
func (d *Decoder) shallow(path string, depth int) bool {
	if depth > maxDepth && !d.Stopped {
		d.ErrorAt(d.At(path), d.Codes.Limit, yamlfile.Clip(path), "values are nested more than %d deep", maxDepth).
			WithHint("an alias must not stand inside what it stands for")
		d.Stopped = true
	}
	return !d.Stopped
}

// plain reads a single value by the type that YAML gives it.
func plain(d *Decoder, n *yaml.Node, path string) (any, bool) {
	switch n.ShortTag() {
	case "!!str", "!!timestamp":
		return n.Value, true
	case "!!bool":
		on, _ := Boolean.Parse(n.Value)
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
	d.Errorf(d.Codes.Type, path, "%s cannot be a parameter", yamlfile.Describe(n)).WithHint("give text (in quotes), a plain decimal number, true, false, a list or a mapping")
	return nil, false
}
