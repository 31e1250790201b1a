package schema

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/kubespore/kubespore/pkg/yamlfile"
)

// Reference is a page about the keys of a file, from the table by which it is read.
type Reference struct {
	Intro string // Markdown in front of the keys
	Root  *Shape
	Parts []*Shape // kinds that may hold themselves, by their names
	Alike []string // paths that have the keys of another section
}

// Markdown writes the page: a section for each mapping, a row for each key.
func (r Reference) Markdown() []byte {
	var b bytes.Buffer
	b.WriteString(r.Intro)
	r.section(&b, "", r.Root)
	for _, part := range r.Parts {
		if inner, suffix := innerObject(part); inner != nil {
			r.section(&b, part.Name+suffix, inner)
		}
	}
	return b.Bytes()
}

func (r Reference) section(b *bytes.Buffer, path string, of *Shape) {
	title := "Top level"
	if path != "" {
		title = "`" + path + "`"
	}
	fmt.Fprintf(b, "\n## %s\n\n| Key | Value | Default | Meaning |\n|---|---|---|---|\n", title)
	for _, p := range of.Properties {
		fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", p.Name, r.value(p.Shape), p.defaultText(), p.Doc)
	}
	for _, p := range of.Properties {
		inner, suffix := innerObject(p.Shape)
		if at := yamlfile.Join(path, p.Name) + suffix; inner != nil && !slices.Contains(r.Alike, at) {
			r.section(b, at, inner)
		}
	}
}

// innerObject finds the mapping with keys of its own inside a shape, and how a path
// leads to it.
func innerObject(f *Shape) (*Shape, string) {
	switch {
	case f.Properties != nil:
		return f, ""
	case f.Items != nil:
		inner, suffix := innerObject(f.Items)
		return inner, "[]" + suffix
	case f.Values != nil:
		inner, suffix := innerObject(f.Values)
		return inner, ".NAME" + suffix
	}
	for _, option := range slices.Backward(f.OneOf) { // the list before the element alone
		if inner, suffix := innerObject(option); inner != nil {
			return inner, suffix
		}
	}
	return nil, ""
}

// value says what a key takes.
func (r Reference) value(f *Shape) string {
	switch inner, suffix := innerObject(f); {
	case inner != nil && (f.OneOf != nil || f.Values != nil || f.Items != nil && f.Items.OneOf != nil):
		return f.Name
	case inner != nil && suffix != "":
		return "list of mappings, see below"
	case inner != nil:
		return "mapping, see below"
	}
	text, single := f.Name, f
	switch {
	case f.Items != nil:
		single = f.Items
	case f.Values != nil:
		single = f.Values
	case f.OneOf != nil:
		single = f.OneOf[0]
	}
	if single.Enum != nil {
		text += ": `" + strings.Join(single.Enum, "`, `") + "`"
	}
	if f.Minimum != nil && f.Maximum != nil {
		text += fmt.Sprintf(", %d to %d", *f.Minimum, *f.Maximum)
	}
	if slices.ContainsFunc(r.Parts, func(part *Shape) bool { return part.Name == single.Ref }) {
		text = strings.Replace(text, single.Ref, "["+single.Ref+"](#"+single.Ref+")", 1)
	}
	return text
}

func (p Described) defaultText() string {
	switch {
	case p.Required:
		return "**required**"
	case p.Fallback == "" || p.Fallback == "{}":
		return ""
	case p.Fixed:
		return "`" + p.Fallback + "`"
	}
	return p.Fallback
}
