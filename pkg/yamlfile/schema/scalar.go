package schema

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/yamlfile"
)

// Scalar is a single value, written as text, a number or a boolean.
type Scalar[T any] struct {
	Name    string
	Tag     string // of YAML: !!str, !!int or !!bool; TextOrWhole for the first two, "" for any
	Enum    []string
	Pattern string
	Minimum *int
	Maximum *int
	Secret  bool // neither messages nor excerpts repeat it
	Parse   func(text string) (T, *Fault)
}

var jsonTypes = map[string]string{"!!str": "string", "!!int": "integer", "!!bool": "boolean", TextOrWhole: TextOrWhole, "": AnyScalar}

// Shape describes the value.
func (s Scalar[T]) Shape() *Shape {
	return &Shape{Name: s.Name, Type: jsonTypes[s.Tag], Enum: s.Enum, Pattern: s.Pattern, Minimum: s.Minimum, Maximum: s.Maximum}
}

// Read checks the type that YAML gives the value, and parses it.
func (s Scalar[T]) Read(d *Decoder, n *yaml.Node, path string, into *T) {
	n = d.Follow(n, path)
	if d.Stopped {
		return
	}
	if !s.takes(n) {
		wrong := d.Errorf(d.Codes.Type, path, "expected %s, found %s", s.Name, yamlfile.Describe(n))
		wrong.Hint = s.retype(n)
		s.hide(wrong)
		return
	}
	value, f := s.Parse(n.Value)
	if f != nil {
		s.hide(d.Fault(f, path))
	}
	if f == nil || f.Meant {
		*into = value
	}
}

func (s Scalar[T]) takes(n *yaml.Node) bool {
	if n.Kind != yaml.ScalarNode {
		return false
	}
	switch tag := n.ShortTag(); s.Tag {
	case "":
		return tag != "!!null"
	case TextOrWhole:
		return tag == "!!str" || tag == "!!int"
	default:
		return tag == s.Tag
	}
}

// hide keeps a secret's line out of what is printed.
func (s Scalar[T]) hide(wrong *diag.Diagnostic) {
	if s.Secret {
		wrong.WithSource(strings.Repeat(" ", max(0, wrong.Position.Column-1)) + "(not shown)")
	}
}

// retype says how to write a value so that YAML gives it the right type.
func (s Scalar[T]) retype(n *yaml.Node) string {
	switch {
	case n.ShortTag() == "!!null":
		return emptyHint
	case s.Tag == "!!bool":
		return "write true or false"
	case s.Tag == "!!int":
		return "write a whole number without quotes"
	case n.Kind != yaml.ScalarNode || s.Secret:
		return "write one value, in quotes"
	}
	if _, f := s.Parse(n.Value); f != nil {
		return f.Hint
	}
	return fmt.Sprintf("quote it: %q", yamlfile.Clip(n.Value))
}

// emptyHint is for keys behind which nothing stands.
const emptyHint = "remove the key, or give it a value"

// Boolean is true or false.
var Boolean = Scalar[bool]{Name: "true or false", Tag: "!!bool", Parse: func(text string) (bool, *Fault) {
	return strings.EqualFold(text, "true"), nil
}}

// Text is any single value, as it is written.
var Text = Scalar[string]{Name: "text", Parse: func(text string) (string, *Fault) { return text, nil }}

// Whole is a whole number without bounds.
var Whole = Scalar[int]{Name: "whole number", Tag: "!!int", Parse: func(text string) (int, *Fault) {
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, Faultf("", "%s is not a whole number", yamlfile.Clip(text)).Or("write a decimal number")
	}
	return n, nil
}}

// Enum is one of a closed list.
func Enum(name string, of []string) Scalar[string] {
	return Scalar[string]{Name: name, Tag: "!!str", Enum: of, Parse: func(text string) (string, *Fault) {
		if slices.Contains(of, text) {
			return text, nil
		}
		f := Faultf("", "%q is not a valid %s", yamlfile.Clip(text), name)
		if len(of) == 1 {
			return "", f.Or("write %s", of[0])
		}
		if near := yamlfile.Suggest(text, of); near != "" {
			return "", f.Or("did you mean %s? (possible: %s)", near, strings.Join(of, ", "))
		}
		return "", f.Or("use one of: %s", strings.Join(of, ", "))
	}}
}

// Number is a whole number in bounds.
func Number(name, code string, low, high int) Scalar[int] {
	return Scalar[int]{Name: name, Tag: "!!int", Minimum: &low, Maximum: &high, Parse: func(text string) (int, *Fault) {
		n, err := strconv.Atoi(text)
		if err != nil || n < low || n > high {
			return 0, Faultf(code, "%s is not a valid %s", yamlfile.Clip(text), name).Or("use a number from %d to %d", low, high)
		}
		return n, nil
	}}
}
