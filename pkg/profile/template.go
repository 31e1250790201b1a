package profile

import (
	"bytes"
	"fmt"
	"text/template"
)

// Template is a parsed template and what it looks at. It only interpolates:
// its functions are the closed table of [functions], which has no clock, no
// randomness, no environment and no files.
type Template struct {
	Name string // profiles/etcd/host.bu, or profiles/etcd/profile.yaml for one-line texts
	Raw  string
	// Uses says what the text depends on, read off its parse tree, so that
	// what is the same for every host is rendered once.
	Uses Uses

	parsed *template.Template // nil when Raw has no action at all
}

// Uses is what a template looks at, besides the cluster.
type Uses struct {
	Host   bool        // .Host
	Each   bool        // .Each
	Param  bool        // .Param of its own profile
	Vars   []string    // .Var.x of its own profile, sorted
	VarsOf [][2]string // .VarOf "profile" "name", sorted
	Whole  bool        // the whole data value, which stands for all of these
}

// Execute renders the template with a plan.Data.
func (t *Template) Execute(data any) (string, error) {
	if t.parsed == nil {
		return t.Raw, nil
	}
	var b bytes.Buffer
	if err := t.parsed.Execute(&b, data); err != nil {
		return "", fmt.Errorf("%w", err)
	}
	return b.String(), nil
}
