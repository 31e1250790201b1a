package topology

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Schema gives the JSON Schema (draft 2020-12) of topology files, by which
// editors complete and check them. profiles gives, for the name of each
// profile, the schema of its parameters; without any, every name is taken.
// known limits releases and operating systems.
func Schema(profiles map[string]any, known Known) ([]byte, error) {
	root := documentSchema.form().schema()
	properties := root["properties"].(map[string]any)
	host := properties["hosts"].(map[string]any)["anyOf"].([]any)[1].(map[string]any)["items"].(map[string]any)["properties"].(map[string]any)
	pool := properties["pools"].(map[string]any)["additionalProperties"].(map[string]any)["properties"].(map[string]any)
	if len(known.Minors) > 0 {
		limitVersion(properties, known.Minors)
	}
	if len(known.Systems) > 0 {
		systems := slices.Sorted(maps.Keys(known.Systems))
		properties["os"].(map[string]any)["enum"] = systems
		host["os"].(map[string]any)["enum"] = systems
		pool["os"].(map[string]any)["enum"] = systems
	}
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["title"] = "kubespore topology"
	root["description"] = "One file describes every machine of a cluster."
	if len(profiles) > 0 {
		limitProfiles(properties, profiles)
		limitProfiles(host, profiles)
		limitProfiles(pool, profiles)
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(root); err != nil {
		return nil, fmt.Errorf("the parameters of a profile cannot be written as JSON: %w", err)
	}
	return out.Bytes(), nil
}

// limitVersion takes the releases of the known minors only.
func limitVersion(properties map[string]any, minors []string) {
	kubernetes := properties["kubernetes"].(map[string]any)["properties"].(map[string]any)
	kubernetes["version"].(map[string]any)["pattern"] = `^v(` + strings.ReplaceAll(strings.Join(minors, "|"), ".", `\.`) + `)\.(0|[1-9][0-9]*)$`
}

// limitProfiles puts the known profiles in place of any name.
func limitProfiles(properties map[string]any, profiles map[string]any) {
	known := map[string]any{}
	for name, parameters := range profiles {
		known[name] = map[string]any{"anyOf": []any{parameters, map[string]any{"type": []string{"boolean", "null"}}}}
	}
	target := properties["profiles"].(map[string]any)
	target["properties"] = known
	target["additionalProperties"] = false
}

// schema gives a form in the words of JSON Schema.
func (f *shape) schema() map[string]any {
	out := map[string]any{}
	set := func(key string, value any, given bool) {
		if given {
			out[key] = value
		}
	}
	set("type", f.typ, f.typ != "")
	set("enum", f.enum, f.enum != nil)
	set("pattern", f.pattern, f.pattern != "")
	set("minimum", f.minimum, f.minimum != nil)
	set("maximum", f.maximum, f.maximum != nil)
	set("uniqueItems", true, f.unique)
	if f.items != nil {
		out["items"] = f.items.schema()
	}
	if f.values != nil {
		out["additionalProperties"] = f.values.schema()
	}
	if f.oneOf != nil {
		var options []any
		for _, option := range f.oneOf {
			options = append(options, option.schema())
		}
		out["anyOf"] = options
	}
	if f.properties != nil {
		f.objectSchema(out)
	}
	return out
}

func (f *shape) objectSchema(out map[string]any) {
	properties, required := map[string]any{}, []string{}
	for _, p := range f.properties {
		schema := p.form.schema()
		schema["description"] = strings.ReplaceAll(p.doc, "`", "")
		if value, ok := p.defaultValue(); ok {
			schema["default"] = value
		}
		properties[p.name] = schema
		if p.required {
			required = append(required, p.name)
		}
	}
	out["properties"] = properties
	out["additionalProperties"] = false
	if len(required) > 0 {
		out["required"] = required
	}
	var rules []any
	for _, set := range f.choices {
		rules = append(rules, map[string]any{"not": map[string]any{"required": set}})
	}
	for _, p := range f.properties {
		if p.unless != nil {
			options := []any{map[string]any{"required": []string{p.name}}}
			for _, other := range p.unless {
				options = append(options, map[string]any{"required": []string{other}})
			}
			rules = append(rules, map[string]any{"anyOf": options})
		}
	}
	if rules != nil {
		out["allOf"] = rules
	}
}

// defaultValue gives a default as JSON has it; defaults in words have none.
func (p described) defaultValue() (any, bool) {
	if p.fallback == "" || !p.fixed {
		return nil, false
	}
	var node yaml.Node
	if yaml.Unmarshal([]byte(p.fallback), &node) != nil {
		return nil, false
	}
	if node.Content[0].ShortTag() == "!!str" { // so that no and yes stay text
		return node.Content[0].Value, true
	}
	var value any
	return value, node.Decode(&value) == nil
}
