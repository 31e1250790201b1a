package schema

import (
	"go.yaml.in/yaml/v3"
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
