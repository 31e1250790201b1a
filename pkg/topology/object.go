package topology

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/yamlfile"
)

// object is a mapping with keys that the schema names.
type object[S any] struct {
	name       string
	properties []property[S]
	choices    [][]string // of each set at most one key may be given
	// join gives the entries of a mapping with what it shares with others; nil
	// where it shares nothing.
	join func(d *decoder, own []yamlfile.Pair, path string) []yamlfile.Pair
}

// property is one key of an object. Its options return a changed copy.
type property[S any] struct {
	described
	must   bool       // the key must be there, in the mapping or in what it shares
	absent *yaml.Node // what stands for a key that is not given
	assign func(d *decoder, n *yaml.Node, path string, into *S)
}

// key ties a key to a kind and to the field that takes its value.
func key[S, T any](name string, k kind[T], field func(*S) *T, doc string) property[S] {
	return property[S]{
		described: described{name: name, doc: doc, form: k.form()},
		assign: func(d *decoder, n *yaml.Node, path string, into *S) {
			k.read(d, n, path, field(into))
		},
	}
}

// need makes the key a must.
func (p property[S]) need() property[S] {
	p.required, p.must = true, true
	return p
}

// needUnless makes the key a must where another key does not bring it: the first
// one as the reference says it.
func (p property[S]) needUnless(others ...string) property[S] {
	p.must, p.unless, p.fallback = true, others, "**required**, here or in the "+others[0]
	return p
}

// or gives the value of a key that is left out, as it would stand in the file.
func (p property[S]) or(value string) property[S] {
	var document yaml.Node
	if err := yaml.Unmarshal([]byte(value), &document); err != nil {
		panic("topology: default of " + p.name + ": " + err.Error()) // a mistake in this package's own table
	}
	p.fallback, p.fixed, p.absent = value, true, document.Content[0]
	forgetLines(p.absent)
	return p
}

// says describes a default that depends on other values.
func (p property[S]) says(fallback string) property[S] {
	p.fallback = fallback
	return p
}

// forgetLines keeps defaults from claiming positions in the user's file.
func forgetLines(n *yaml.Node) {
	n.Line, n.Column = 0, 0
	for _, child := range n.Content {
		forgetLines(child)
	}
}

func (o *object[S]) form() *shape {
	out := &shape{name: o.name, typ: "object", choices: o.choices}
	for _, p := range o.properties {
		out.properties = append(out.properties, p.described)
	}
	return out
}

func (o *object[S]) read(d *decoder, n *yaml.Node, path string, into *S) {
	n = d.Follow(n, path)
	if d.Stopped {
		return
	}
	if n.Kind != yaml.MappingNode {
		d.errorf(codeType, path, "expected %s, found %s", o.name, yamlfile.Describe(n)).WithHint("write a mapping with keys such as %s", o.properties[0].name)
		for _, p := range o.properties {
			d.failed[yamlfile.Join(path, p.name)] = true // what it would have said is not known, rather than missing
		}
		return
	}
	pairs := d.Pairs(n, path)
	if o.join != nil {
		pairs = o.join(d, pairs, path)
	}
	given := make([]*yamlfile.Pair, len(o.properties))
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
		d.record(at, entryNode(*p))
		o.properties[i].assign(d, p.Value, at, into)
	}
	o.complete(d, path, given, into)
}

// entryNode gives the node that stands for an entry in messages: a single value
// itself; a mapping or list by its key, since it may begin on any later line.
func entryNode(p yamlfile.Pair) *yaml.Node {
	if p.Value.Kind == yaml.MappingNode || p.Value.Kind == yaml.SequenceNode || p.Value.Value == "" && p.Value.Kind == yaml.ScalarNode {
		return p.At
	}
	return p.Value
}

// find gives the place of a key, or -1.
func (o *object[S]) find(key string) int {
	return slices.IndexFunc(o.properties, func(p property[S]) bool { return p.name == key })
}

// refuse reports a key that the object does not have. It gives the place of the
// key that was meant where this is plain, so that its value is read, or -1.
func (o *object[S]) refuse(d *decoder, p yamlfile.Pair, path string) int {
	names := make([]string, len(o.properties))
	for i, known := range o.properties {
		names[i] = known.name
	}
	if name := diag.Renamed(p.Key, names, formerKeys); name != "" {
		d.errorAt(d.Position(p.At), codeUnknownKey, path, "the key %s is called %s now", p.Key, name).WithHint("write %s", name)
		return o.find(name)
	}
	unknown := d.errorAt(d.Position(p.At), codeUnknownKey, path, "there is no key %s here", yamlfile.Clip(p.Key))
	if near := yamlfile.Suggest(p.Key, names); near != "" {
		unknown.WithHint("did you mean %s?", near)
	} else if place := Elsewhere(p.Key); place != "" {
		unknown.WithHint("%s", place)
	} else {
		unknown.WithHint("possible keys: %s", strings.Join(names, ", "))
	}
	return -1
}

// complete fills in defaults, and reports keys that are missing or exclude
// each other.
func (o *object[S]) complete(d *decoder, path string, given []*yamlfile.Pair, into *S) {
	has := func(name string) bool {
		return given[o.find(name)] != nil
	}
	for _, set := range o.choices {
		present := slices.DeleteFunc(slices.Clone(set), func(name string) bool { return !has(name) })
		if len(present) > 1 {
			last := len(present) - 1
			d.errorf(codeExclusive, yamlfile.Join(path, present[last]), "%s and %s exclude each other", present[0], present[last]).
				WithHint("keep one of them").WithRelated(d.at(yamlfile.Join(path, present[0])), "%s is given here", present[0])
		}
	}
	for i, p := range o.properties {
		switch {
		case given[i] != nil:
		case p.absent != nil:
			p.assign(d, p.absent, yamlfile.Join(path, p.name), into)
		case !d.misspelt(path, p.name) && p.must && d.ok(yamlfile.Join(path, p.name)):
			d.errorf(codeMissing, yamlfile.Join(path, p.name), "the key %s is missing", p.name).WithHint("add %s: %s", p.name, p.form.example())
		}
	}
}

// misspelt says whether an unknown key of the mapping at path was taken for
// name: such a key is not also missing, and what it says is not known.
func (d *decoder) misspelt(path, name string) bool {
	if len(d.failed) == 0 {
		return false
	}
	hint := "did you mean " + name + "?"
	found := slices.ContainsFunc(d.list, func(found diag.Diagnostic) bool {
		return found.Code == codeUnknownKey && found.Hint == hint && Parent(found.Path) == path
	})
	if found {
		d.failed[yamlfile.Join(path, name)] = true
	}
	return found
}

// example stands for a value in hints.
func (f *shape) example() string {
	switch {
	case f.typ == "object":
		return "{...}"
	case f.typ == "array":
		return "[...]"
	case len(f.enum) == 1:
		return f.enum[0]
	}
	return "<" + f.name + ">"
}
