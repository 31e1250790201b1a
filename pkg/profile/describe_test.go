package profile_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
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
	for file, want := range map[string][]byte{schemaPage: schema, referencePage: keysPage(t, schema)} {
		if *update {
			if err := os.WriteFile(file, want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if have, err := os.ReadFile(file); err != nil || !bytes.Equal(have, want) {
			t.Errorf("%s is out of date: run go test ./pkg/profile -run Golden -update (%v)", file, err)
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

// keysPage writes docs/profile-keys.md from the schema.
func keysPage(t *testing.T, text []byte) []byte {
	t.Helper()
	var root map[string]any
	if err := json.Unmarshal(text, &root); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	b.WriteString(`# Keys of profile.yaml

<!-- Generated from the decoders of pkg/profile by: go test ./pkg/profile -run Golden -update -->

Every key that ` + "`profile.yaml`" + ` may have. [profiles.md](profiles.md) explains how they work together.
Editors complete and check the file with its [JSON Schema](profile.schema.json), which
` + "`kubespore schema profile`" + ` prints. A list of one may be written as the value alone.
`)
	keysOf(t, &b, "Top level", root)
	for _, name := range slices.Sorted(maps.Keys(root["$defs"].(map[string]any))) {
		keysOf(t, &b, name, root["$defs"].(map[string]any)[name].(map[string]any))
	}
	return b.Bytes()
}

// keysOf writes the keys of the mapping in a schema, and then those of what
// its keys hold.
func keysOf(t *testing.T, b *bytes.Buffer, title string, schema map[string]any) {
	t.Helper()
	object, way := mapping(schema)
	if object == nil {
		return
	}
	properties, _ := object["properties"].(map[string]any)
	if properties == nil { // free keys
		keysOf(t, b, title+way, object["additionalProperties"].(map[string]any))
		return
	}
	fmt.Fprintf(b, "\n## %s\n\n| Key | Value | Meaning |\n|---|---|---|\n", title+way)
	required := fmt.Sprint(object["required"])
	for _, key := range slices.Sorted(maps.Keys(properties)) {
		p := properties[key].(map[string]any)
		doc, _ := p["description"].(string)
		if doc == "" {
			t.Errorf("%s: the key %s is not explained", title, key)
		}
		must := ""
		if slices.Contains(strings.Fields(strings.Trim(required, "[]")), key) {
			must = ", required"
		}
		fmt.Fprintf(b, "| `%s` | %s%s | %s |\n", key, value(p), must, doc)
	}
	for _, key := range slices.Sorted(maps.Keys(properties)) {
		inner := strings.TrimPrefix(title+way+".", "Top level.") + key
		keysOf(t, b, inner, properties[key].(map[string]any))
	}
}

// mapping finds the mapping inside a schema, and how a path leads to it.
func mapping(schema map[string]any) (map[string]any, string) {
	if schema["type"] == "object" {
		if free, ok := schema["additionalProperties"].(map[string]any); ok {
			if inner, _ := mapping(free); inner == nil {
				return nil, ""
			}
			return schema, ".NAME"
		}
		return schema, ""
	}
	if items, ok := schema["items"].(map[string]any); ok {
		inner, way := mapping(items)
		return inner, "[]" + way
	}
	options, _ := schema["anyOf"].([]any)
	for _, option := range slices.Backward(options) { // the list before the element alone
		if inner, way := mapping(option.(map[string]any)); inner != nil {
			return inner, way
		}
	}
	return nil, ""
}

// value says what a key takes.
func value(schema map[string]any) string {
	if ref, ok := schema["$ref"].(string); ok {
		name := strings.TrimPrefix(ref, "#/$defs/")
		return "[" + name + "](#" + name + ")"
	}
	if options, ok := schema["anyOf"].([]any); ok {
		var words []string
		for _, option := range options {
			words = append(words, value(option.(map[string]any)))
		}
		if last := words[len(words)-1]; strings.HasPrefix(last, "list of ") {
			return last
		}
		return strings.Join(words, " or ")
	}
	switch kind := schema["type"].(type) {
	case string:
		if words, ok := schema["enum"].([]any); ok {
			return "`" + strings.Trim(strings.ReplaceAll(fmt.Sprint(words), " ", "`, `"), "[]") + "`"
		}
		switch kind {
		case "array":
			return "list of " + value(schema["items"].(map[string]any))
		case "object":
			if free, ok := schema["additionalProperties"].(map[string]any); ok {
				return "map of names to " + value(free)
			}
			return "map"
		case "boolean":
			return "true or false"
		case "integer":
			return "whole number"
		}
	case []any:
		return "text"
	}
	return "any"
}
