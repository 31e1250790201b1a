package yamlfile_test

import (
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/yamlfile"
)

func TestOne(t *testing.T) {
	for text, want := range map[string]string{
		"":                                "f:1:1: the file is empty",
		"# comment\n":                     "f:1:1: the file is empty",
		"a: 1\n---\nb: 2\n":               "f:2:1: the file holds more than one document",
		"a: [1\n":                         "f:2: this is not YAML: a list [...] is not closed, or lacks a comma",
		"a:\n\tb: 1\n":                    "f:2: this is not YAML: a value cannot begin with this character",
		"a: *b\n":                         "f:1:4: the alias *b stands for nothing: there is no &b before it",
		"a: \xff\n":                       "f:1:4: the file must be UTF-8 text with ordinary line ends",
		"a: b: c\n":                       "f:1: this is not YAML: a second \": \" stands in a value",
		strings.Repeat("#", 16<<20) + "#": "f: the file has 16777217 bytes, more than the 16 MiB that are read",
		"a: 1\n":                          "",
	} {
		got := ""
		if n, fault := yamlfile.One("f", []byte(text)); fault != nil {
			got = fault.At.String() + ": " + fault.Message
		} else if n.Kind != yaml.MappingNode {
			t.Errorf("%.20q: a node of kind %v", text, n.Kind)
		}
		if got != want {
			t.Errorf("%.20q: %q, want %q", text, got, want)
		}
	}
}

// TestPairs reads a mapping with what mappings may have.
func TestPairs(t *testing.T) {
	n, fault := yamlfile.One("f", []byte("x: &x {a: 1, b: 2}\ny:\n  <<: *x\n  b: 3\n  b: 4\n  [c]: 5\n"))
	if fault != nil {
		t.Fatal(fault.Message)
	}
	var said []string
	r := &yamlfile.Reader{File: "f", Codes: yamlfile.Codes{Type: "T", DuplicateKey: "D"}}
	r.Report = func(at diag.Position, code, path, format string, args ...any) *diag.Diagnostic {
		said = append(said, at.String()+" "+code+" "+path)
		return new(diag.Diagnostic)
	}
	var got []string
	for _, p := range r.Pairs(n.Content[3], "y") {
		got = append(got, p.Key+"="+p.Value.Value)
	}
	if want := "b=3 a=1"; strings.Join(got, " ") != want {
		t.Errorf("entries %v, want %s", got, want)
	}
	if want := "f:5:3 D y.b, f:6:3 T y"; strings.Join(said, ", ") != want {
		t.Errorf("reports %v, want %s", said, want)
	}
}
