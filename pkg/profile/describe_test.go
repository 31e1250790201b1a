package profile_test

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/kubespore/kubespore/pkg/profile"
	"github.com/kubespore/kubespore/pkg/yamlfile/yamlfiletest"
)

const (
	schemaPage    = "../../docs/profile.schema.json"
	referencePage = "../../docs/profile-keys.md"
)

// TestGoldenSchema keeps the JSON Schema of profile.yaml and the page of its
// keys, which are written from the decoders.
func TestGoldenSchema(t *testing.T) {
	schema, err := profile.Schema()
	if err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string][]byte{schemaPage: schema, referencePage: keysPage()} {
		if *update {
			if err := os.WriteFile(file, want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if have, err := os.ReadFile(file); err != nil || !bytes.Equal(have, want) {
			t.Errorf("%s is out of date: run go test ./pkg/profile -run Golden -update (%v)", file, err)
		}
		if bytes.Contains(want, []byte("|  |\n")) {
			t.Errorf("%s: a key is not explained", file)
		}
	}
}

// TestGoldenTypes writes the types of parameters into the page about profiles.
func TestGoldenTypes(t *testing.T) {
	var b strings.Builder
	b.WriteString("\n| Type | Takes |\n|---|---|\n")
	for _, kind := range profile.ParamTypes() {
		fmt.Fprintf(&b, "| `%s` | %s |\n", kind.Name, kind.Doc)
	}
	section(t, "../../docs/profiles.md", "types", b.String())
}

// TestSchema lets another program judge by the schema what this one reads: each
// built-in profile.yaml fits, and what the decoders refuse does not.
func TestSchema(t *testing.T) {
	text, err := profile.Schema()
	if err != nil {
		t.Fatal(err)
	}
	compiled := yamlfiletest.Schema(t, text)
	judge := func(text []byte) error {
		var value any
		if err := yaml.Unmarshal(text, &value); err != nil {
			t.Fatal(err)
		}
		return compiled.Validate(value)
	}
	files, err := os.ReadDir("../../profiles")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, f := range files {
		text, err := os.ReadFile("../../profiles/" + f.Name() + "/profile.yaml")
		if err != nil {
			continue
		}
		seen++
		if err := judge(text); err != nil {
			t.Errorf("%s: %v", f.Name(), err)
		}
	}
	if seen < 40 {
		t.Errorf("only %d profiles were judged", seen)
	}
	for _, bad := range []string{
		"summary: without a name",
		"name: x\nsummary: y\nmodule: [z]",
		"name: x\nsummary: y\napiVersion: profile.kubespore/v2",
		"name: x\nsummary: y\nwhen: {any: [{not: {role: worker}}]}",
		"name: x\nsummary: y\nwhen: {roles: [workers]}",
		"name: x\nsummary: y\nparams: {a: {type: list, doc: z, fields: {b: {type: text, doc: c}}}}",
		"name: x\nsummary: y\ndefault: maybe",
	} {
		if judge([]byte(bad)) == nil {
			t.Errorf("the schema takes %q", bad)
		}
	}
}

// keysPage writes docs/profile-keys.md from the tables.
func keysPage() []byte {
	return profile.Reference(`# Keys of profile.yaml

<!-- Generated from the tables of pkg/profile by: go test ./pkg/profile -run Golden -update -->

Every key that ` + "`profile.yaml`" + ` may have. [profiles.md](profiles.md) explains how they work together.
Editors complete and check the file with its [JSON Schema](profile.schema.json), which
` + "`kubespore schema profile`" + ` prints. A list of one may be written as the value alone.
`)
}
