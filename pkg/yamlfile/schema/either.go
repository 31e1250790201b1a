package schema

import (
	"go.yaml.in/yaml/v3"

	"github.com/kubespore/kubespore/pkg/diag"
)

// Either is a value that may be written as one text or as a mapping.
type Either[T any] struct {
	Short Kind[T]
	Long  *Object[T]
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

// Of is a kind of value that stands for one of its fields.
type Of[S, T any] struct {
	Kind  Kind[T]
	Field func(*S) *T
}

// Shape describes the field.
func (o Of[S, T]) Shape() *Shape { return o.Kind.Shape() }

// Read reads the field.
func (o Of[S, T]) Read(d *Decoder, n *yaml.Node, path string, into *S) {
	o.Kind.Read(d, n, path, o.Field(into))
}

// Pointer is a value that is nil where the key is left out.
type Pointer[T any] struct{ Kind Kind[T] }

// Shape describes the value.
func (p Pointer[T]) Shape() *Shape { return p.Kind.Shape() }

// Read makes the value.
func (p Pointer[T]) Read(d *Decoder, n *yaml.Node, path string, into **T) {
	*into = new(T)
	p.Kind.Read(d, n, path, *into)
}

// Element is a value that knows where it stands, and is checked as a whole once it
// is read.
type Element[T any] struct {
	Kind  Kind[T]
	At    func(*T) *diag.Position
	Check func(d *Decoder, n *yaml.Node, path string, it *T) // nil: there is nothing to check
}

// Shape describes the value.
func (e Element[T]) Shape() *Shape { return e.Kind.Shape() }

// Read keeps the position, reads the value and checks it.
func (e Element[T]) Read(d *Decoder, n *yaml.Node, path string, into *T) {
	*e.At(into) = d.At(path)
	e.Kind.Read(d, n, path, into)
	if e.Check != nil && !d.Stopped {
		e.Check(d, d.Follow(n, path), path, into)
	}
}
