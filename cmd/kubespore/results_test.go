package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	generator "github.com/google/jsonschema-go/jsonschema"
	"github.com/rogpeppe/go-internal/testscript"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/kubespore/kubespore/docs"
	"github.com/kubespore/kubespore/pkg/diag"
)

// TestResultSchemas makes docs/schemas of the types that commands answer with:
// -update writes them.
func TestResultSchemas(t *testing.T) {
	var names []string
	scripts := allScripts(t)
	for _, row := range commands() {
		if !slices.Contains(row.flags, "format") && !slices.Contains(row.flags, "report") {
			continue
		}
		text, name := schemaOf(t, row), resultSchema(row.name)
		names = append(names, filepath.Base(name))
		if !strings.Contains(scripts, "\nconforms stdout "+row.name+"\n") {
			t.Errorf("no script looks whether what %s prints conforms to %s", row.name, name)
		}
		file := filepath.Join("../../docs", name)
		if *updateFloors {
			if err := os.WriteFile(file, text, 0o644); err != nil {
				t.Fatal(err)
			}
		} else if published, _ := docs.Schemas.ReadFile(name); !bytes.Equal(published, text) {
			t.Errorf("%s is not what %s answers with: make golden", file, row.name)
		}
	}
	folder, err := os.ReadDir("../../docs/schemas")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range folder {
		if !slices.Contains(names, f.Name()) {
			t.Errorf("docs/schemas/%s is of no command", f.Name())
		}
	}
}

// allScripts gives the scripts of TestScripts, one after the other.
func allScripts(t *testing.T) string {
	t.Helper()
	files, err := filepath.Glob("../../testdata/scripts/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	var all strings.Builder
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	return all.String()
}

// schemaOf makes the schema of a command's answer.
func schemaOf(t *testing.T, row command) []byte {
	t.Helper()
	known := &generator.ForOptions{TypeSchemas: map[reflect.Type]*generator.Schema{
		reflect.TypeFor[diag.Severity](): {Type: "string", Enum: []any{"error", "warning"}},
	}}
	schema := func(of any) *generator.Schema {
		s, err := generator.ForType(reflect.TypeOf(of), known)
		if err != nil {
			t.Fatalf("%s: %v", row.name, err)
		}
		return s
	}
	whole := schema(answer{})
	whole.Schema, whole.Title = "https://json-schema.org/draft/2020-12/schema", "kubespore "+row.name+" --format json"
	switch len(row.results) {
	case 0:
		delete(whole.Properties, "result")
	case 1:
		whole.Properties["result"] = schema(row.results[0])
	default:
		result := &generator.Schema{}
		for _, r := range row.results {
			result.AnyOf = append(result.AnyOf, schema(r))
		}
		whole.Properties["result"] = result
	}
	text, err := json.MarshalIndent(whole, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return append(text, '\n')
}

// conforms FILE COMMAND... fails when a file is not what the published schema says
// of the command's JSON, or has no result.
func conforms(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: conforms FILE COMMAND...")
	}
	text, err := docs.Schemas.ReadFile(resultSchema(strings.Join(args[1:], " ")))
	ts.Check(err)
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	ts.Check(err)
	compiler := jsonschema.NewCompiler()
	ts.Check(compiler.AddResource("schema.json", document))
	schema, err := compiler.Compile("schema.json")
	ts.Check(err)
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(ts.ReadFile(args[0])))
	ts.Check(err)
	ts.Check(schema.Validate(value))
	if object := value.(map[string]any); object["ok"] == true && object["result"] == nil {
		ts.Fatalf("%s: no result", strings.Join(args[1:], " "))
	}
}
