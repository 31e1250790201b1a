package profile

import (
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/yamlfile"
)

// decoder walks through one YAML file, reporting every mistake at its place
// and remembering where each value stands.
type decoder struct {
	*yamlfile.Reader
	list      *diag.List
	positions map[string]diag.Position
	systems   []asked // names of systems
	named     map[string]*namedCondition
	// What follows is set while the decoders are asked for what they read.
	schema      map[string]any            // of the value that is described; nil while a file is read
	definitions map[string]map[string]any // of values that hold themselves
}

func newDecoder(file string, positions map[string]diag.Position, list *diag.List) *decoder {
	d := &decoder{list: list, positions: positions}
	d.Reader = &yamlfile.Reader{File: file, Codes: yamlfile.Codes{Limit: "F002", Type: "F004", DuplicateKey: "F008"}, Report: d.report}
	return d
}

// report takes the mistakes that every YAML file may have.
func (d *decoder) report(at diag.Position, code, path, format string, args ...any) *diag.Diagnostic {
	if at == (diag.Position{}) {
		at = diag.Position{File: d.File, Line: max(1, d.positions[path].Line), Column: d.positions[path].Column}
	}
	return d.list.Errorf(code, at, path, format, args...)
}

// node is a YAML value and its path in the file.
type node struct {
	*yaml.Node
	path string
}

// fields says which keys an object may have. From this table profile.yaml is
// read, and its JSON Schema and reference are written.
type fields map[string]field

// field is how the value of a key is read, and what it means.
type field struct {
	read func(node)
	doc  string
}

// read parses a file of exactly one document. It reports and gives false when
// there is nothing to decode.
func (d *decoder) read(text []byte) (node, bool) {
	root, fault := yamlfile.One(d.File, text)
	if fault != nil {
		d.list.Errorf("F002", fault.At, "", "%s", fault.Message).Hint = fault.Hint
		return node{}, false
	}
	if !d.expand(root, nil, new(int)) {
		return node{}, false
	}
	return node{root, ""}, true
}

// expand puts the anchored values in the place of their aliases. An alias
// inside its own value, or values that grow beyond any use, are refused.
func (d *decoder) expand(n *yaml.Node, around []*yaml.Node, total *int) bool {
	const most, deepest = 20_000, 64
	if *total++; *total > most || len(around) > deepest || slices.Contains(around, n) {
		d.list.Errorf("F002", diag.Position{File: d.File, Line: n.Line, Column: n.Column}, "", "the values are nested too deep, or aliases lead to themselves").
			WithHint("write the values out, without aliases")
		return false
	}
	around = append(around, n)
	for i, c := range n.Content {
		if c.Kind == yaml.AliasNode {
			c = c.Alias
			n.Content[i] = c
		}
		if !d.expand(c, around, total) {
			return false
		}
	}
	return true
}

func (d *decoder) at(n node) diag.Position {
	return d.Position(n.Node)
}

func (d *decoder) wrong(n node, format string, args ...any) *diag.Diagnostic {
	return d.list.Errorf("F004", d.at(n), n.path, format, args...)
}

// isKind checks the kind of a value.
func (d *decoder) isKind(n node, kind yaml.Kind, what string) bool {
	if d.schema != nil {
		d.schema = schemaOfKind(kind, what)
		return false
	}
	if n.path != "" {
		d.positions[n.path] = d.at(n)
	}
	if n.Kind != kind {
		d.wrong(n, "this must be %s", what)
	}
	return n.Kind == kind
}

// pairs calls f for each key of a mapping, in order, with the key's node.
func (d *decoder) pairs(n node, what string, f func(key string, keyNode, value node)) {
	if d.schema != nil {
		d.schema = map[string]any{"type": "object", "additionalProperties": d.describe(func(n node) { f("name", node{n.Node, ""}, n) })}
		return
	}
	if !d.isKind(n, yaml.MappingNode, what) {
		return
	}
	for _, p := range d.Pairs(n.Node, n.path) {
		path := yamlfile.Join(n.path, p.Key)
		f(p.Key, node{p.At, path}, node{p.Value, path})
	}
}

// object decodes a mapping with known keys.
func (d *decoder) object(n node, what string, known fields, required ...string) {
	if d.schema != nil {
		d.schema = d.describeObject(known, required)
		return
	}
	d.pairs(n, what, func(key string, keyNode, value node) {
		d.positions[value.path] = d.at(value)
		decode, ok := known[key]
		if !ok {
			decode = known[d.unknown(keyNode, key, slices.Sorted(maps.Keys(known)))]
		}
		if decode.read != nil {
			decode.read(value)
		}
	})
	d.require(n, required...)
}

// require reports keys that a mapping lacks.
func (d *decoder) require(n node, required ...string) {
	if n.Kind != yaml.MappingNode || d.schema != nil {
		return
	}
	for _, key := range required {
		if _, found := d.positions[yamlfile.Join(n.path, key)]; !found {
			d.list.Errorf("F005", d.at(n), n.path, "%s is missing", key).WithHint("add %s", key)
		}
	}
}

// unknown reports a key that is not known. It gives the key that was meant
// where this is plain, so that its value is read, or "".
func (d *decoder) unknown(n node, key string, known []string) string {
	if name := diag.Renamed(key, known, formerKeys); name != "" {
		d.list.Errorf("F003", d.at(n), n.path, "the key %s is called %s now", key, name).WithHint("write %s", name)
		return name
	}
	diagnostic := d.list.Errorf("F003", d.at(n), n.path, "unknown key %s", key)
	if near := yamlfile.Suggest(key, known); near != "" {
		diagnostic.WithHint("did you mean %s?", near)
	} else {
		diagnostic.WithHint("known keys: %s", strings.Join(known, ", "))
	}
	return ""
}

// items calls f for each element of a list. A single value stands for a list
// of one, as in `roles: control-plane`.
func (d *decoder) items(n node, f func(node)) {
	if d.schema != nil {
		item := d.describe(f)
		d.schema = anyOf(item, map[string]any{"type": "array", "items": item})
		return
	}
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		return
	}
	if n.Kind != yaml.SequenceNode {
		f(node{n.Node, n.path + "[0]"})
		return
	}
	if n.path != "" {
		d.positions[n.path] = d.at(n)
	}
	for i, c := range n.Content {
		f(node{c, yamlfile.Element(n.path, i)})
	}
}

// scalar gives a value as it is written.
func (d *decoder) scalar(n node, what string) (string, bool) {
	if !d.isKind(n, yaml.ScalarNode, what) {
		return "", false
	}
	if n.Tag == "!!null" {
		d.wrong(n, "this must be %s", what)
		return "", false
	}
	return n.Value, true
}

// The functions below make decoders for the values of object.

func (d *decoder) str(into *string) func(node) {
	return func(n node) {
		if s, ok := d.scalar(n, "a text"); ok {
			*into = s
		}
	}
}

func (d *decoder) strs(into *[]string) func(node) {
	return func(n node) {
		d.items(n, func(n node) {
			if s, ok := d.scalar(n, "a text"); ok {
				*into = append(*into, s)
			}
		})
	}
}

func (d *decoder) boolean(into *bool) func(node) {
	return func(n node) {
		if !d.isKind(n, yaml.ScalarNode, aBoolean) {
			return
		}
		if n.Tag != "!!bool" || n.Decode(into) != nil {
			d.wrong(n, "this must be %s", aBoolean)
		}
	}
}

func (d *decoder) integer(into *int) func(node) {
	return func(n node) {
		if !d.isKind(n, yaml.ScalarNode, aNumber) {
			return
		}
		if n.Tag != "!!int" || n.Decode(into) != nil {
			d.wrong(n, "this must be %s", aNumber)
		}
	}
}

func (d *decoder) optional(into **int) func(node) {
	return func(n node) {
		*into = new(int)
		d.integer(*into)(n)
	}
}

// enum decodes one of a closed list of words.
func (d *decoder) enum(into *string, known []string) func(node) {
	return func(n node) {
		if d.schema != nil {
			d.schema = schemaOfWords(known)
			return
		}
		if s, ok := d.scalar(n, "one of "+strings.Join(known, ", ")); ok {
			*into = s
			d.checkEnum(n, s, known)
		}
	}
}

func (d *decoder) enums(into *[]string, known []string) func(node) {
	return func(n node) {
		if d.schema != nil {
			d.items(n, func(node) { d.schema = schemaOfWords(known) })
			return
		}
		d.strs(into)(n)
		d.items(n, func(n node) {
			if n.Kind == yaml.ScalarNode {
				d.checkEnum(n, n.Value, known)
			}
		})
	}
}

// checkEnum checks that a word is one of a list.
func (d *decoder) checkEnum(n node, word string, known []string) {
	if slices.Contains(known, word) {
		return
	}
	diagnostic := d.list.Errorf("F006", d.at(n), n.path, "%q is not known here", word)
	if near := yamlfile.Suggest(word, known); near != "" {
		diagnostic.WithHint("did you mean %s?", near)
	} else {
		diagnostic.WithHint("write one of: %s", strings.Join(known, ", "))
	}
}

func (d *decoder) text(into *Text) func(node) {
	return func(n node) {
		s, ok := d.scalar(n, "a text")
		if !ok {
			return
		}
		at := d.at(n)
		parsed, err := parseTemplate(d.File, s, at, n.Style)
		if err != nil {
			err.Report(d.list, "F009", n.path)
			return
		}
		parsed.guardWords()
		*into = Text{parsed, at}
	}
}

func (d *decoder) texts(into *[]Text) func(node) {
	return func(n node) {
		d.items(n, func(n node) {
			var t Text
			if d.text(&t)(n); t.Template != nil {
				*into = append(*into, t)
			}
		})
	}
}
