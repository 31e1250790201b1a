package compile_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"github.com/kubespore/kubespore/pkg/compile"
	"github.com/kubespore/kubespore/pkg/profile"
	"github.com/kubespore/kubespore/pkg/topology"
	"github.com/kubespore/kubespore/profiles"
)

// TestGoldenSchema keeps the schema that the examples name, which knows the
// parameters of the built-in profiles.
func TestGoldenSchema(t *testing.T) {
	catalog, list := profile.Load(profile.Source{Name: "profiles", FS: profiles.FS})
	if list.HasErrors() {
		t.Fatal(list)
	}
	want, err := topology.Schema(catalog.ParamSchemas(), compile.Known(catalog))
	if err != nil {
		t.Fatal(err)
	}
	const file = "../../docs/topology.schema.json"
	if *update {
		if err := os.WriteFile(file, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if have, err := os.ReadFile(file); err != nil || string(have) != string(want) {
		t.Errorf("%s is out of date: make golden (%v)", file, err)
	}
	for _, example := range goldenExamples {
		acceptExample(t, want, filepath.Join("../../examples", example+".yaml"))
	}
}

// acceptExample holds that the schema takes a topology.
func acceptExample(t *testing.T, schema []byte, example string) {
	t.Helper()
	text, err := os.ReadFile(example)
	if err != nil {
		t.Fatal(err)
	}
	var value any
	if err := yaml.Unmarshal(text, &value); err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("topology.schema.json", document); err != nil {
		t.Fatal(err)
	}
	compiled, err := compiler.Compile("topology.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := compiled.Validate(value); err != nil {
		t.Errorf("%s: %v", example, err)
	}
}
