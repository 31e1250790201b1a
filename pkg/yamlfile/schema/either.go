package schema

import (
	"go.yaml.in/yaml/v3"

	"github.com/kubespore/kubespore/pkg/diag"
)

// Either is a value that may be written as one text or as a mapping.
type Either[T any] struct {
	Short Kind[T]
	Long  Kind[T]
}

// Shape describes both forms.
func (e Either[T]) Shape() *Shape {
	short := e.Short.Shape()
	return &Shape{Name: short.Name + ", or a mapping", OneOf: []*Shape{short, e.Long.Shape()}}
}

// Read takes a mapping for the long form and all else for the short one.
func (e Either[T]) Read(d *Decoder, n *yaml.Node, path string, into *T) {
	if followed := d.Follow(n, path); followed.Kind == yaml.MappingNode {
		e.Long.Read(d, followed, path, into)
		return
	}
	e.Short.Read(d, n, path, into)
}

// Part is the value of one field, which stands for the whole: the short form of a
// mapping.
type Part[S, T any] struct {
	Kind  Kind[T]
	Field func(*S) *T
}

// Shape describes the value of the field.
func (p Part[S, T]) Shape() *Shape { return p.Kind.Shape() }

// Read reads the field.
func (p Part[S, T]) Read(d *Decoder, n *yaml.Node, path string, into *S) {
	p.Kind.Read(d, n, path, p.Field(into))
}

// Pointer is a value that may be absent: nil where the key is.
type Pointer[T any] struct{ Kind Kind[T] }

// Shape describes the value.
func (p Pointer[T]) Shape() *Shape { return p.Kind.Shape() }

// Read reads the value.
func (p Pointer[T]) Read(d *Decoder, n *yaml.Node, path string, into **T) {
	*into = new(T)
	p.Kind.Read(d, n, path, *into)
}

// Placed is a value that remembers where it stands.
type Placed[T any] struct {
	Kind Kind[T]
	At   func(*T) *diag.Position
}

// Shape describes the value.
func (p Placed[T]) Shape() *Shape { return p.Kind.Shape() }

// Read reads the value, once its place is known.
func (p Placed[T]) Read(d *Decoder, n *yaml.Node, path string, into *T) {
	n = d.Follow(n, path)
	*p.At(into) = d.Position(n)
	p.Kind.Read(d, n, path, into)
}

// Recursive is a kind that may hold itself. The JSON Schema refers to it by name.
type Recursive[T any] struct {
	Name string
	Of   func() Kind[T]
}

// Shape names the kind, and does not look inside.
func (r Recursive[T]) Shape() *Shape { return &Shape{Name: r.Name, Ref: r.Name} }

// Read reads the kind.
func (r Recursive[T]) Read(d *Decoder, n *yaml.Node, path string, into *T) {
	d.depth++
	defer func() { d.depth-- }()
	if n = d.Follow(n, path); d.shallow(path, d.depth) {
		r.Of().Read(d, n, path, into)
	}
}

// Ref is the name of something that stands elsewhere.
type Ref[T any] struct {
	Name string // what it is the name of
	Find func(d *Decoder, name, path string) (T, *Fault)
}

// Shape describes the name.
func (r Ref[T]) Shape() *Shape { return &Shape{Name: "name of " + r.Name, Type: AnyScalar} }

// Read finds what has the name.
func (r Ref[T]) Read(d *Decoder, n *yaml.Node, path string, into *T) {
	n = d.Follow(n, path)
	switch {
	case d.Stopped:
	case n.Kind != yaml.ScalarNode || n.ShortTag() == "!!null":
		d.mistyped(n, "the name of "+r.Name, path).WithHint("write a name")
	default:
		if found, f := r.Find(d, n.Value, path); f != nil {
			d.Fault(f, path)
		} else {
			*into = found
		}
	}
}
