package schema

import (
	"cmp"

	"go.yaml.in/yaml/v3"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/yamlfile"
)

// List is several values of one kind. With Single set, one value may stand for a
// list of one.
type List[T any] struct {
	Item   Kind[T]
	Single bool
	Limit  int            // how many entries are read; 0: yamlfile.MaxEntries
	Unique func(T) string // equal results are repeats; nil allows them
	By     string         // the key of an element that Unique is about, where a repeat is reported; "" for the element
}

// Shape describes the list.
func (l List[T]) Shape() *Shape {
	items := l.Item.Shape()
	out := &Shape{Name: "list (" + items.Name + ")", Type: "array", Items: items, Unique: l.Unique != nil && items.Type == "string"}
	if !l.Single {
		return out
	}
	return &Shape{Name: items.Name + ", or a list", OneOf: []*Shape{items, out}}
}

// Read reads each element.
func (l List[T]) Read(d *Decoder, n *yaml.Node, path string, into *[]T) {
	n = d.Follow(n, path)
	if d.Stopped {
		return
	}
	switch {
	case n.Kind == yaml.SequenceNode:
		l.elements(d, n, path, into)
	case l.Single:
		*into = make([]T, 1)
		l.Item.Read(d, n, path, &(*into)[0])
	default:
		wrong := d.Errorf(d.Codes.Type, path, "expected a list, found %s", yamlfile.Describe(n)).WithHint("write a list: [...], or remove the key")
		if n.Kind == yaml.ScalarNode && n.Value != "" {
			wrong.WithHint("write a list: [%s]", yamlfile.Clip(n.Value))
		}
	}
}

func (l List[T]) elements(d *Decoder, n *yaml.Node, path string, into *[]T) {
	if !d.Fits(path, len(n.Content), cmp.Or(l.Limit, yamlfile.MaxEntries)) {
		return
	}
	*into = make([]T, len(n.Content))
	for i, item := range n.Content {
		if d.Stopped {
			return
		}
		at := yamlfile.Element(path, i)
		d.Record(at, item)
		l.Item.Read(d, item, at, &(*into)[i])
	}
	l.refuseRepeats(d, path, *into)
}

func (l List[T]) refuseRepeats(d *Decoder, path string, items []T) {
	if l.Unique == nil || len(items) < 2 {
		return
	}
	first := map[string]string{}
	for i, item := range items {
		at := yamlfile.Element(path, i)
		if l.By != "" {
			at = yamlfile.Join(at, l.By)
		}
		key := l.Unique(item)
		if !d.OK(at) || key == "" && l.By != "" {
			continue
		}
		if before, ok := first[key]; ok {
			d.Errorf(d.Codes.Duplicate, at, "%s is given twice", yamlfile.Clip(key)).WithHint("keep one of them").WithRelated(d.At(before), "given here first")
			continue
		}
		first[key] = at
	}
}

// Itself is the Unique function of lists of text.
func Itself(text string) string { return text }

// Dict is a mapping whose keys the user chooses.
type Dict[T any] struct {
	Name  string
	Key   func(string) *Fault // nil for any key
	Value Kind[T]
	// AtValue is set where a value that is wrong is reported where it stands; else it
	// is at its key.
	AtValue bool
}

// Shape describes the mapping.
func (m Dict[T]) Shape() *Shape {
	return &Shape{Name: m.Name, Type: "object", Values: m.Value.Shape()}
}

// Read reads each value.
func (m Dict[T]) Read(d *Decoder, n *yaml.Node, path string, into *map[string]T) {
	if n = d.mapping(n, m.Name, path); n == nil {
		return
	}
	*into = make(map[string]T, len(n.Content)/2)
	d.entries(n, path, m.Key, func(p yamlfile.Pair, at string) {
		if m.AtValue {
			d.Record(at, EntryNode(p))
		}
		var read T
		m.Value.Read(d, p.Value, at, &read)
		if d.OK(at) {
			(*into)[p.Key] = read
		}
	})
}

// Named is a mapping whose keys the user chooses, in the order of the file: each
// names an element.
type Named[T any] struct {
	Name  string
	Key   func(string) *Fault                   // nil for any key
	Start func(name string, at diag.Position) T // what the key says of an element
	Value Kind[T]
}

// Shape describes the mapping.
func (m Named[T]) Shape() *Shape {
	return &Shape{Name: m.Name, Type: "object", Values: m.Value.Shape()}
}

// Read reads each element.
func (m Named[T]) Read(d *Decoder, n *yaml.Node, path string, into *[]T) {
	if n = d.mapping(n, m.Name, path); n == nil {
		return
	}
	d.entries(n, path, m.Key, func(p yamlfile.Pair, at string) {
		element := m.Start(p.Key, d.Position(p.At))
		m.Value.Read(d, p.Value, at, &element)
		*into = append(*into, element)
	})
}

// mapping gives what stands at a path where it is a mapping with free keys.
func (d *Decoder) mapping(n *yaml.Node, name, path string) *yaml.Node {
	n = d.Follow(n, path)
	if d.Stopped {
		return nil
	}
	if n.Kind != yaml.MappingNode {
		d.mistyped(n, name, path).WithHint("write a mapping: {key: value}, or remove the key")
		return nil
	}
	return n
}

// entries calls read for each entry of a mapping whose key is right.
func (d *Decoder) entries(n *yaml.Node, path string, check func(string) *Fault, read func(p yamlfile.Pair, at string)) {
	for _, p := range d.Pairs(n, path) {
		if d.Stopped {
			return
		}
		at := yamlfile.Join(path, p.Key)
		d.Record(at, p.At)
		if check != nil {
			if f := check(p.Key); f != nil {
				if d.Fault(f, at); !f.Meant {
					continue
				}
			}
		}
		read(p, at)
	}
}
