package schema

import (
	"fmt"

	"go.yaml.in/yaml/v3"
)

// Kind is how one sort of value is written in a file. It reads a node into a T
// and describes itself for the JSON Schema and the reference, so that the three
// cannot differ.
type Kind[T any] interface {
	Read(d *Decoder, n *yaml.Node, path string, into *T)
	Shape() *Shape
}

// Shape describes a kind.
type Shape struct {
	Name       string // as messages and the reference call it
	Type       string // JSON type; "" for any, AnyScalar or TextOrWhole for a text that may look like a number
	Enum       []string
	Pattern    string
	Minimum    *int
	Maximum    *int
	Items      *Shape // of a list
	Fewest     *int   // elements of it
	Most       *int
	Unique     bool
	Values     *Shape // of a mapping with free keys
	Properties []Described
	Choices    [][]string // sets of keys: at most one of each may be given
	OneOf      []*Shape
	Ref        string // name of a definition that describes the kind, since it may hold itself
}

// AnyScalar is the type of texts that may be written without quotes, whatever YAML
// takes them for.
const AnyScalar = "scalar"

// TextOrWhole is the type, and the tag, of texts that may look like a whole number.
const TextOrWhole = "text or whole number"

// Described is a key of a mapping, as the schema and the reference show it.
type Described struct {
	Name, Doc, Fallback string
	Required            bool
	Unless              []string // keys with which this one is not required
	Fixed               bool     // Fallback is a value, not a description
	Value               any      // what counts when the key is left out, where it does not come from a text
	Shape               *Shape
}

// Fault is why a text is not a value of a kind.
type Fault struct {
	Code          string // "" stands for that of a wrong choice
	Message, Hint string
	Meant         bool // what was meant is plain: the value is kept, to find further mistakes
}

// Faultf says what is wrong.
func Faultf(code, format string, args ...any) *Fault {
	return &Fault{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Or says what to write instead.
func (f *Fault) Or(hint string, args ...any) *Fault {
	f.Hint = fmt.Sprintf(hint, args...)
	return f
}
