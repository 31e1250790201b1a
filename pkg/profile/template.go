package profile

import (
	"strings"
	"text/template"

	"go.yaml.in/yaml/v3"

	"github.com/kubespore/kubespore/pkg/diag"
)

// Template is a parsed template and what it looks at. It has no effects:
// its functions are the closed table of [functions], which has no clock, no
// randomness, no environment and no files.
type Template struct {
	Name string // profiles/etcd/host.bu, or profiles/etcd/profile.yaml for one-line texts
	Raw  string
	// Reads says what the text depends on, read off its parse tree, so that
	// what is the same for every host is rendered once.
	Reads Reads

	parsed  *template.Template // nil when Raw has no action at all
	at      place
	refs    []reference
	dynamic []reference
}

// Reads is what a template looks at, besides the cluster.
type Reads struct {
	Host     bool        // .Host
	Each     bool        // .Each
	Collects bool        // .Ports .Programs .Packages .LockedPackages .Modules .Sysctls .Images .Binaries .Manifests .Leftovers: what all profiles of the host need
	Vars     []string    // .Var.x of its own profile, sorted
	VarsOf   [][2]string // .VarOf "profile" "name", sorted
	Slots    [][2]string // .Slot "slot" "value", sorted
	ParamsOf [][2]string // .ParamOf "profile" "name", sorted
	Has      []string    // .Has "profile", sorted
	Whole    bool        // the whole data value, which stands for all of these
}

// Execute renders the template with a plan.Data. What goes wrong is an *[Error].
func (t *Template) Execute(data any) (string, error) {
	if t.parsed == nil {
		return t.Raw, nil
	}
	var b output
	if err := t.parsed.Execute(&b, data); err != nil {
		return "", t.explain(err)
	}
	return b.String(), nil
}

// Constant says whether the text has no action at all.
func (t *Template) Constant() bool { return t.parsed == nil }

// place says where a template's first character stands in a file.
type place struct {
	file         string
	line, column int // of the first character
	indent       int // columns before the text of the lines after the first; -1 when unknown
}

// wholeFile is the place of a template that is a file.
func wholeFile(name string) place { return place{file: name, line: 1, column: 1} }

// placeOf says where the content of a YAML scalar stands.
func placeOf(at diag.Position, style yaml.Style) place {
	p := place{at.File, at.Line, at.Column, -1}
	switch {
	case style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		p.line, p.column = at.Line+1, 0 // the text starts below its | or >, indented by some blanks
	case style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0:
		p.column++
	}
	return p
}

// position turns a line and a column of the template, both from 1, into a
// position in the file. Column 0 is unknown.
func (p place) position(line, column int) diag.Position {
	at := diag.Position{File: p.file, Line: p.line + line - 1}
	switch {
	case column == 0:
	case line == 1 && p.column > 0:
		at.Column = p.column + column - 1
	case p.indent >= 0:
		at.Column = p.indent + column
	}
	return at
}

// offset turns a byte offset into a position.
func (t *Template) offset(pos int) diag.Position {
	before := t.Raw[:min(pos, len(t.Raw))]
	line := 1 + strings.Count(before, "\n")
	return t.at.position(line, pos-strings.LastIndexByte(before, '\n'))
}

// parseTemplate reads a template that stands in a YAML file.
func parseTemplate(name, text string, at diag.Position, style yaml.Style) (*Template, *Error) {
	return parseAt(name, text, placeOf(at, style))
}

func parseAt(name, text string, at place) (*Template, *Error) {
	t := &Template{Name: name, Raw: text, at: at}
	if !strings.Contains(text, "{{") {
		return t, nil
	}
	parsed, err := template.New(name).Funcs(callable).Funcs(contexts).Option("missingkey=error").Parse(text)
	if err != nil {
		return nil, t.explain(err)
	}
	t.parsed = parsed
	t.walk()
	if isFile := at.file == name && at == wholeFile(name); isFile {
		t.quoteValues()
	}
	countTurns(parsed)
	return t, nil
}
