package topology

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"github.com/kubespore/kubespore/pkg/yamlfile/yamlfiletest"
)

// compileSchema gives the schema as an editor would use it.
func compileSchema(t *testing.T, profiles map[string]any) *jsonschema.Schema {
	t.Helper()
	text, err := Schema(profiles, testKnown)
	if err != nil {
		t.Fatal(err)
	}
	return yamlfiletest.Schema(t, text)
}

// instance gives a topology file as a JSON validator sees it.
func instance(t *testing.T, text []byte) (any, bool) {
	t.Helper()
	var value any
	if yaml.Unmarshal(text, &value) != nil {
		return nil, false
	}
	encoded, err := json.Marshal(value)
	if err != nil {
		return nil, false
	}
	out, err := jsonschema.UnmarshalJSON(bytes.NewReader(encoded))
	return out, err == nil
}

func TestSchemaAcceptsExamples(t *testing.T) {
	schema := compileSchema(t, nil)
	for _, name := range Templates() {
		text, _ := Template(name)
		value, ok := instance(t, text)
		if !ok {
			t.Fatalf("%s is not YAML", name)
		}
		if err := schema.Validate(value); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// editorCodes are mistakes that the schema alone shows.
var editorCodes = regexp.MustCompile(`(?m)^# want: \S+ (T004|T006|T007|T008|T024)$`)

// beyondSchema are files whose mistake JSON Schema cannot say.
var beyondSchema = map[string]bool{
	"missing-address": true, "missing-name": true, "missing-pods": true, "interface-vlan-without-link": true, "interface-bond-without-members": true,
	"mac-multicast": true, "pool-roles": true, "inventory-rows": true,
}

// TestSchemaAgreesWithParse holds that the schema refuses nothing that Parse
// takes, and refuses what it can.
func TestSchemaAgreesWithParse(t *testing.T) {
	schema := compileSchema(t, nil)
	files, err := filepath.Glob(badFiles)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Base(file[:len(file)-len(".yaml")])
		value, ok := instance(t, text)
		if !ok {
			continue
		}
		refused := schema.Validate(value) != nil
		_, list := Parse(file, text, testKnown)
		if refused && !list.HasErrors() {
			t.Errorf("%s: the schema refuses it, Parse does not", name)
		}
		if !refused && editorCodes.Match(text) && !beyondSchema[name] {
			t.Errorf("%s: the schema takes it", name)
		}
	}
}

func TestSchemaKnowsProfiles(t *testing.T) {
	schema := compileSchema(t, map[string]any{
		"flannel": map[string]any{"type": "object", "additionalProperties": false, "properties": map[string]any{"backend": map[string]any{"type": "string"}}},
	})
	text, _ := Template("ha")
	for _, c := range []struct {
		profiles string
		want     bool
	}{
		{"flannel: {backend: vxlan}", true},
		{"flannel: false", true},
		{"flannel:", true},
		{"flannel: {backends: vxlan}", false},
		{"flanel: {}", false},
	} {
		changed := bytes.Replace(text, []byte("  keepalived: {} # holds the virtual address\n  flannel: {} # the pod network\n"), []byte("  "+c.profiles+"\n"), 1)
		value, ok := instance(t, changed)
		if !ok {
			t.Fatalf("%s is not YAML", c.profiles)
		}
		if got := schema.Validate(value) == nil; got != c.want {
			t.Errorf("%s: taken %v, want %v", c.profiles, got, c.want)
		}
	}
	if _, err := Schema(map[string]any{"flannel": func() {}}, testKnown); err == nil {
		t.Error("parameters that are not JSON value are taken")
	}
}
