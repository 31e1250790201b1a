package schema

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/yamlfile"
)

// Object is a mapping with keys that the schema names.
type Object[S any] struct {
	Name       string
	Example    string // for hints; "" for one made of the first key
	Properties []Property[S]
	Choices    [][]string // of each set at most one key may be given
	// Join gives the entries of a mapping with what it shares with others; nil
	// where it shares nothing.
	Join func(d *Decoder, own []yamlfile.Pair, path string) []yamlfile.Pair
	// Check finds what the keys say together and cannot; nil where they cannot be at
	// odds.
	Check func(d *Decoder, path string, of *S)
}

// Property is one key of an object. Its options return a changed copy.
type Property[S any] struct {
	Described
	must   bool       // the key must be there, in the mapping or in what it shares
	spared []string   // keys with which the key need not be there
	absent *yaml.Node // what stands for a key that is not given
	assign func(d *Decoder, n *yaml.Node, path string, into *S)
}

// Key ties a key to a kind and to the field that takes its value.
func Key[S, T any](name string, k Kind[T], field func(*S) *T, doc string) Property[S] {
	return Property[S]{
		Described: Described{Name: name, Doc: doc, Shape: k.Shape()},
		assign: func(d *Decoder, n *yaml.Node, path string, into *S) {
			k.Read(d, n, path, field(into))
		},
	}
}

// Need makes the key a must.
func (p Property[S]) Need() Property[S] {
	p.Required, p.must = true, true
	return p
}

// NeedUnless makes the key a must where another key does not bring it: the first
// one as the reference says it.
func (p Property[S]) NeedUnless(others ...string) Property[S] {
	p.must, p.Unless, p.Fallback = true, others, "**required**, here or in the "+others[0]
	return p
}

// NeedWithout makes the key a must where none of the others is given.
func (p Property[S]) NeedWithout(others ...string) Property[S] {
	p.must, p.spared, p.Unless, p.Fallback = true, others, others, "**required** without "+others[0]
	return p
}

// Or gives the value of a key that is left out, as it would stand in the file.
func (p Property[S]) Or(value string) Property[S] {
	var document yaml.Node
	if err := yaml.Unmarshal([]byte(value), &document); err != nil {
		panic("schema: default of " + p.Name + ": " + err.Error()) // a mistake in a table of the program
	}
	p.Fallback, p.Fixed, p.absent = value, true, document.Content[0]
	forgetLines(p.absent)
	return p
}

// Says describes a default that depends on other values.
func (p Property[S]) Says(fallback string) Property[S] {
	p.Fallback = fallback
	return p
}

// Optional takes back that the key is a must.
func (p Property[S]) Optional() Property[S] {
	if p.must = false; p.Unless != nil {
		p.Unless, p.Fallback = nil, ""
	}
	return p
}

// forgetLines keeps defaults from claiming positions in the user's file.
func forgetLines(n *yaml.Node) {
	n.Line, n.Column = 0, 0
	for _, child := range n.Content {
		forgetLines(child)
	}
}

// Shape describes the mapping.
func (o *Object[S]) Shape() *Shape {
	out := &Shape{Name: o.Name, Type: "object", Choices: o.Choices}
	for _, p := range o.Properties {
		out.Properties = append(out.Properties, p.Described)
	}
	return out
}

// Read reads the known keys, and refuses all others.
func (o *Object[S]) Read(d *Decoder, n *yaml.Node, path string, into *S) {
	n = d.Follow(n, path)
	if d.Stopped {
		return
	}
	if n.Kind != yaml.MappingNode {
		d.mistyped(n, o.Name, path).WithHint("%s", o.example())
		for _, p := range o.Properties {
			d.Failed[yamlfile.Join(path, p.Name)] = true // what it would have said is not known, rather than missing
		}
		return
	}
	pairs := d.Pairs(n, path)
	if o.Join != nil {
		pairs = o.Join(d, pairs, path)
	}
	given := make([]*yamlfile.Pair, len(o.Properties))
	for i := range pairs {
		at := o.find(pairs[i].Key)
		if at < 0 {
			at = o.refuse(d, pairs[i], yamlfile.Join(path, pairs[i].Key))
		}
		if at >= 0 {
			given[at] = &pairs[i]
		}
	}
	// In the schema's order, because a key may need what another one says.
	for i, p := range given {
		if p == nil {
			continue
		}
		if d.Stopped {
			return
		}
		at := yamlfile.Join(path, p.Key)
		d.Record(at, EntryNode(*p))
		o.Properties[i].assign(d, p.Value, at, into)
	}
	o.complete(d, path, given, into)
	if o.Check != nil && !d.Stopped {
		o.Check(d, path, into)
	}
}

func (o *Object[S]) example() string {
	if o.Example != "" {
		return "write it as in " + o.Example
	}
	return "write a mapping with keys such as " + o.Properties[0].Name
}

// EntryNode gives the node that stands for an entry in messages: a single value
// itself; a mapping or list by its key, since it may begin on any later line.
func EntryNode(p yamlfile.Pair) *yaml.Node {
	if p.Value.Kind == yaml.MappingNode || p.Value.Kind == yaml.SequenceNode || p.Value.Value == "" && p.Value.Kind == yaml.ScalarNode {
		return p.At
	}
	return p.Value
}

// find gives the place of a key, or -1.
func (o *Object[S]) find(key string) int {
	return slices.IndexFunc(o.Properties, func(p Property[S]) bool { return p.Name == key })
}

// refuse reports a key that the object does not have. It gives the place of the
// key that was meant where this is plain, so that its value is read, or -1.
func (o *Object[S]) refuse(d *Decoder, p yamlfile.Pair, path string) int {
	names := make([]string, len(o.Properties))
	for i, known := range o.Properties {
		names[i] = known.Name
	}
	if name := diag.Renamed(p.Key, names, d.format.Former); name != "" {
		d.ErrorAt(d.Position(p.At), d.Codes.UnknownKey, path, "the key %s is called %s now", p.Key, name).WithHint("write %s", name)
		return o.find(name)
	}
	unknown := d.ErrorAt(d.Position(p.At), d.Codes.UnknownKey, path, "there is no key %s here", yamlfile.Clip(p.Key))
	if near := yamlfile.Suggest(p.Key, names); near != "" {
		unknown.WithHint("did you mean %s?", near)
	} else if place := d.elsewhere(p.Key); place != "" {
		unknown.WithHint("%s", place)
	} else {
		unknown.WithHint("possible keys: %s", strings.Join(names, ", "))
	}
	return -1
}

func (d *Decoder) elsewhere(key string) string {
	if d.format.Elsewhere == nil {
		return ""
	}
	return d.format.Elsewhere(key)
}

// complete fills in defaults, and reports keys that are missing or exclude
// each other.
func (o *Object[S]) complete(d *Decoder, path string, given []*yamlfile.Pair, into *S) {
	isGiven := func(name string) bool {
		return given[o.find(name)] != nil
	}
	for _, set := range o.Choices {
		present := slices.DeleteFunc(slices.Clone(set), func(name string) bool { return !isGiven(name) })
		if len(present) > 1 {
			last := len(present) - 1
			d.Errorf(d.Codes.Exclusive, yamlfile.Join(path, present[last]), "%s and %s exclude each other", present[0], present[last]).
				WithHint("keep one of them").WithRelated(d.At(yamlfile.Join(path, present[0])), "%s is given here", present[0])
		}
	}
	for i, p := range o.Properties {
		switch {
		case given[i] != nil || slices.ContainsFunc(p.spared, isGiven):
		case p.absent != nil:
			p.assign(d, p.absent, yamlfile.Join(path, p.Name), into)
		case !d.misspelt(path, p.Name) && p.must && d.OK(yamlfile.Join(path, p.Name)):
			d.Errorf(d.Codes.Missing, yamlfile.Join(path, p.Name), "the key %s is missing", p.Name).WithHint("add %s: %s", p.Name, p.Shape.example())
		}
	}
}

// misspelt says whether an unknown key of the mapping at path was taken for
// Name: such a key is not also missing, and what it says is not known.
func (d *Decoder) misspelt(path, name string) bool {
	if len(d.Failed) == 0 {
		return false
	}
	hint := "did you mean " + name + "?"
	found := slices.ContainsFunc(d.List, func(found diag.Diagnostic) bool {
		return found.Code == d.Codes.UnknownKey && found.Hint == hint && yamlfile.Parent(found.Path) == path
	})
	if found {
		d.Failed[yamlfile.Join(path, name)] = true
	}
	return found
}

// example stands for a value in hints.
func (f *Shape) example() string {
	switch {
	case f.Type == "object":
		return "{...}"
	case f.Type == "array":
		return "[...]"
	case len(f.Enum) == 1:
		return f.Enum[0]
	}
	return "<" + f.Name + ">"
}
