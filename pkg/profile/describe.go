package profile

import (
	"bytes"
	"encoding/json"
	"maps"
	"reflect"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/kubespore/kubespore/pkg/diag"
)

// Schema gives the JSON Schema (draft 2020-12) of profile.yaml. The decoders
// are asked what they read, so that the schema cannot differ from them.
func Schema() ([]byte, error) {
	d := newDecoder(profileFile, map[string]diag.Position{}, new(diag.List))
	d.definitions = map[string]map[string]any{}
	root := d.describe(func(n node) { d.profile(new(Profile), n) })
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["title"] = "kubespore profile"
	root["description"] = "One folder is one capability of a machine or a cluster."
	root["$defs"] = d.definitions
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	err := encoder.Encode(root)
	return out.Bytes(), err
}

// describe gives the schema of what a decoder reads. Some read a text in one
// way and a mapping in another: both are offered.
func (d *decoder) describe(read func(node)) map[string]any {
	outside := d.schema
	defer func() { d.schema = outside }()
	var forms []map[string]any
	for _, kind := range []yaml.Kind{yaml.ScalarNode, yaml.MappingNode} {
		d.schema = map[string]any{}
		read(node{&yaml.Node{Kind: kind}, ""})
		forms = append(forms, d.schema)
	}
	return anyOf(forms...)
}

// anyOf gives the schema of what fits one of several.
func anyOf(forms ...map[string]any) map[string]any {
	var distinct []any
	for _, form := range forms {
		if !slices.ContainsFunc(distinct, func(other any) bool { return reflect.DeepEqual(form, other) }) {
			distinct = append(distinct, form)
		}
	}
	if len(distinct) == 1 {
		return forms[0]
	}
	return map[string]any{"anyOf": distinct}
}

// recursive is a decoder of values that hold others of the same sort; the schema
// describes them once.
func (d *decoder) recursive(name string, read func(node)) func(node) {
	return func(n node) {
		if d.schema == nil {
			read(n)
			return
		}
		if d.definitions[name] == nil {
			d.definitions[name] = map[string]any{}
			d.definitions[name] = d.describe(read)
		}
		d.schema = map[string]any{"$ref": "#/$defs/" + name}
	}
}

func (d *decoder) describeObject(known fields, required []string) map[string]any {
	properties := map[string]any{}
	for key, f := range known {
		schema := maps.Clone(d.describe(f.read))
		schema["description"] = f.doc
		properties[key] = schema
	}
	out := map[string]any{"type": "object", "additionalProperties": false, "properties": properties}
	if len(required) > 0 {
		out["required"] = slices.Sorted(slices.Values(required))
	}
	return out
}

// The kinds of single values, as messages call them.
const (
	aBoolean = "true or false"
	aNumber  = "a whole number"
)

func schemaOfKind(kind yaml.Kind, what string) map[string]any {
	switch {
	case kind == yaml.MappingNode:
		return map[string]any{"type": "object"}
	case what == aBoolean:
		return map[string]any{"type": "boolean"}
	case what == aNumber:
		return map[string]any{"type": "integer"}
	}
	return map[string]any{"type": []string{"string", "number", "boolean"}} // a number is a text too
}

func schemaOfWords(known []string) map[string]any {
	if len(known) == 0 {
		return map[string]any{"type": "string"}
	}
	return map[string]any{"type": "string", "enum": known}
}
