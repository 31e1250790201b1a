package topology

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/yamlfile"
)

// kind is how one sort of value is written in the file. It reads a node into
// a T and describes itself for the JSON Schema and the reference, so that the
// three cannot differ.
type kind[T any] interface {
	read(d *decoder, n *yaml.Node, path string, into *T)
	form() *shape
}

// shape describes a kind.
type shape struct {
	name       string // as messages and the reference call it
	typ        string // JSON type; "" for any
	enum       []string
	pattern    string
	minimum    *int
	maximum    *int
	items      *shape // of a list
	unique     bool
	values     *shape // of a mapping with free keys
	properties []described
	choices    [][]string // sets of keys of which at most one may be given
	oneOf      []*shape
}

// described is a key of a mapping, as the schema and the reference show it.
type described struct {
	name, doc, fallback string
	required            bool
	unless              []string // keys with which this one is not required
	fixed               bool     // fallback is a value, not a description
	form                *shape
}

// fault is why a text is not a value of a kind.
type fault struct {
	code, message, hint string
	meant               bool // what was meant is plain: the value is kept, to find further mistakes
}

func faultf(code, format string, args ...any) *fault {
	return &fault{code: code, message: fmt.Sprintf(format, args...)}
}

func (f *fault) or(hint string, args ...any) *fault {
	f.hint = fmt.Sprintf(hint, args...)
	return f
}

// scalar is a single value, written as text, a number or a boolean.
type scalar[T any] struct {
	name    string
	tag     string // of YAML: !!str, !!int or !!bool
	enum    []string
	pattern string
	minimum *int
	maximum *int
	secret  bool // neither messages nor excerpts repeat it
	parse   func(text string) (T, *fault)
}

var jsonTypes = map[string]string{"!!str": "string", "!!int": "integer", "!!bool": "boolean"}

func (s scalar[T]) form() *shape {
	return &shape{name: s.name, typ: jsonTypes[s.tag], enum: s.enum, pattern: s.pattern, minimum: s.minimum, maximum: s.maximum}
}

func (s scalar[T]) read(d *decoder, n *yaml.Node, path string, into *T) {
	n = d.Follow(n, path)
	if d.Stopped {
		return
	}
	if n.Kind != yaml.ScalarNode || n.ShortTag() != s.tag {
		wrong := d.errorf(codeType, path, "expected %s, found %s", s.name, yamlfile.Describe(n))
		wrong.Hint = s.retype(n)
		s.hide(wrong)
		return
	}
	value, f := s.parse(n.Value)
	if f != nil {
		wrong := d.errorf(f.code, path, "%s", f.message)
		wrong.Hint = f.hint
		s.hide(wrong)
	}
	if f == nil || f.meant {
		*into = value
	}
}

// hide keeps a secret's line out of what is printed.
func (s scalar[T]) hide(wrong *diag.Diagnostic) {
	if s.secret {
		wrong.WithSource(strings.Repeat(" ", max(0, wrong.Position.Column-1)) + "(not shown)")
	}
}

// retype says how to write a value so that YAML gives it the right type.
func (s scalar[T]) retype(n *yaml.Node) string {
	switch {
	case n.ShortTag() == "!!null":
		return emptyHint
	case s.tag == "!!bool":
		return "write true or false"
	case s.tag == "!!int":
		return "write a whole number without quotes"
	case n.Kind != yaml.ScalarNode || s.secret:
		return "write one value, in quotes"
	}
	if _, f := s.parse(n.Value); f != nil {
		return f.hint
	}
	return fmt.Sprintf("quote it: %q", yamlfile.Clip(n.Value))
}

// emptyHint is for keys behind which nothing stands.
const emptyHint = "remove the key, or give it a value"

// enum is one of a closed list.
func enum(name string, of []string) scalar[string] {
	return scalar[string]{name: name, tag: "!!str", enum: of, parse: func(text string) (string, *fault) {
		if slices.Contains(of, text) {
			return text, nil
		}
		f := faultf(codeEnum, "%q is not a valid %s", yamlfile.Clip(text), name)
		if len(of) == 1 {
			return "", f.or("write %s", of[0])
		}
		if near := yamlfile.Suggest(text, of); near != "" {
			return "", f.or("did you mean %s? (possible: %s)", near, strings.Join(of, ", "))
		}
		return "", f.or("use one of: %s", strings.Join(of, ", "))
	}}
}

// operatingSystem is a system that some profile describes.
type operatingSystem struct{}

func (operatingSystem) form() *shape { return enum("operating system", nil).form() }

func (operatingSystem) read(d *decoder, n *yaml.Node, path string, into *string) {
	known := enum("operating system", slices.Sorted(maps.Keys(d.known.Systems)))
	if len(d.known.Systems) == 0 {
		known.parse = func(text string) (string, *fault) { return text, checkLabel(text) }
	}
	known.read(d, n, path, into)
}

// number is a whole number in bounds.
func number(name, code string, low, high int) scalar[int] {
	return scalar[int]{name: name, tag: "!!int", minimum: &low, maximum: &high, parse: func(text string) (int, *fault) {
		n, err := strconv.Atoi(text)
		if err != nil || n < low || n > high {
			return 0, faultf(code, "%s is not a valid %s", yamlfile.Clip(text), name).or("use a number from %d to %d", low, high)
		}
		return n, nil
	}}
}

var boolean = scalar[bool]{name: "true or false", tag: "!!bool", parse: func(text string) (bool, *fault) {
	return strings.EqualFold(text, "true"), nil
}}

// list is several values of one kind. With single set, one value may stand
// for a list of one.
type list[T any] struct {
	item   kind[T]
	single bool
	unique func(T) string // equal results are repeats; nil allows them
	limit  int            // how many entries are read; 0: maxEntries
}

func (l list[T]) form() *shape {
	items := l.item.form()
	out := &shape{name: "list (" + items.name + ")", typ: "array", items: items, unique: l.unique != nil && items.typ == "string"}
	if !l.single {
		return out
	}
	return &shape{name: items.name + ", or a list", oneOf: []*shape{items, out}}
}

func (l list[T]) read(d *decoder, n *yaml.Node, path string, into *[]T) {
	n = d.Follow(n, path)
	if d.Stopped {
		return
	}
	if n.Kind != yaml.SequenceNode {
		if !l.single {
			wrong := d.errorf(codeType, path, "expected a list, found %s", yamlfile.Describe(n)).WithHint("write a list: [...], or remove the key")
			if n.Kind == yaml.ScalarNode && n.Value != "" {
				wrong.WithHint("write a list: [%s]", yamlfile.Clip(n.Value))
			}
			return
		}
		*into = make([]T, 1)
		l.item.read(d, n, path, &(*into)[0])
		return
	}
	if !d.Fits(path, len(n.Content), cmp.Or(l.limit, maxEntries)) {
		return
	}
	*into = make([]T, len(n.Content))
	for i, item := range n.Content {
		if d.Stopped {
			return
		}
		at := yamlfile.Element(path, i)
		d.record(at, item)
		l.item.read(d, item, at, &(*into)[i])
	}
	l.refuseRepeats(d, path, *into)
}

func (l list[T]) refuseRepeats(d *decoder, path string, items []T) {
	if l.unique == nil || len(items) < 2 {
		return
	}
	first := map[string]int{}
	for i, item := range items {
		at := yamlfile.Element(path, i)
		if !d.ok(at) {
			continue
		}
		key := l.unique(item)
		if before, ok := first[key]; ok {
			d.errorf(codeDuplicate, at, "%s is given twice", yamlfile.Clip(key)).WithHint("keep one of them").WithRelated(d.at(yamlfile.Element(path, before)), "given here first")
			continue
		}
		first[key] = i
	}
}

// itself is the unique function of lists of text.
func itself(text string) string { return text }

// dict is a mapping whose keys the user chooses.
type dict[T any] struct {
	name  string
	key   func(string) *fault
	value kind[T]
}

func (m dict[T]) form() *shape {
	return &shape{name: m.name, typ: "object", values: m.value.form()}
}

func (m dict[T]) read(d *decoder, n *yaml.Node, path string, into *map[string]T) {
	n = d.Follow(n, path)
	if d.Stopped {
		return
	}
	if n.Kind != yaml.MappingNode {
		d.errorf(codeType, path, "expected %s, found %s", m.name, yamlfile.Describe(n)).WithHint("write a mapping: {key: value}, or remove the key")
		return
	}
	*into = make(map[string]T, len(n.Content)/2)
	for _, p := range d.Pairs(n, path) {
		if d.Stopped {
			return
		}
		at := yamlfile.Join(path, p.Key)
		d.record(at, p.At)
		if f := m.key(p.Key); f != nil {
			d.errorf(f.code, at, "%s", f.message).Hint = f.hint
			continue
		}
		var value T
		m.value.read(d, p.Value, at, &value)
		if d.ok(at) {
			(*into)[p.Key] = value
		}
	}
}

// either is a value that may be written as one text or as a mapping.
type either[T any] struct {
	short scalar[T]
	long  *object[T]
}

func (e either[T]) form() *shape {
	short := e.short.form()
	return &shape{name: short.name + ", or a mapping", oneOf: []*shape{short, e.long.form()}}
}

func (e either[T]) read(d *decoder, n *yaml.Node, path string, into *T) {
	if followed := d.Follow(n, path); followed.Kind == yaml.MappingNode {
		e.long.read(d, followed, path, into)
		return
	}
	e.short.read(d, n, path, into)
}
