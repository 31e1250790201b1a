package schema

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

// severalTypes are the types of JSON that one of ours stands for.
var severalTypes = map[string][]string{AnyScalar: {"string", "number", "boolean"}, TextOrWhole: {"string", "integer"}}

// JSON gives a shape in the words of JSON Schema.
func (s *Shape) JSON() map[string]any {
	if s.Ref != "" {
		return map[string]any{"$ref": "#/$defs/" + s.Ref}
	}
	out := map[string]any{}
	set := func(key string, value any, given bool) {
		if given {
			out[key] = value
		}
	}
	set("type", s.Type, s.Type != "")
	if several := severalTypes[s.Type]; several != nil {
		out["type"] = several
	}
	set("enum", s.Enum, s.Enum != nil)
	set("pattern", s.Pattern, s.Pattern != "")
	set("minimum", s.Minimum, s.Minimum != nil)
	set("maximum", s.Maximum, s.Maximum != nil)
	set("uniqueItems", true, s.Unique)
	set("minItems", s.Fewest, s.Fewest != nil)
	set("maxItems", s.Most, s.Most != nil)
	if s.Items != nil {
		out["items"] = s.Items.JSON()
	}
	if s.Values != nil {
		out["additionalProperties"] = s.Values.JSON()
	}
	if s.OneOf != nil {
		var options []any
		for _, option := range s.OneOf {
			options = append(options, option.JSON())
		}
		out["anyOf"] = options
	}
	if s.Properties != nil {
		s.objectSchema(out)
	}
	return out
}

func (s *Shape) objectSchema(out map[string]any) {
	properties, required := map[string]any{}, []string{}
	for _, p := range s.Properties {
		schema := p.Shape.JSON()
		schema["description"] = strings.ReplaceAll(p.Doc, "`", "")
		if value, ok := p.defaultValue(); ok {
			schema["default"] = value
		}
		properties[p.Name] = schema
		if p.Required {
			required = append(required, p.Name)
		}
	}
	out["properties"] = properties
	out["additionalProperties"] = false
	if len(required) > 0 {
		out["required"] = required
	}
	var rules []any
	for _, set := range s.Choices {
		rules = append(rules, atMostOne(set))
	}
	for _, p := range s.Properties {
		if p.Unless != nil {
			options := []any{map[string]any{"required": []string{p.Name}}}
			for _, other := range p.Unless {
				options = append(options, map[string]any{"required": []string{other}})
			}
			rules = append(rules, map[string]any{"anyOf": options})
		}
	}
	if rules != nil {
		out["allOf"] = rules
	}
}

// atMostOne is the rule that keys exclude each other.
func atMostOne(keys []string) map[string]any {
	if len(keys) == 2 {
		return map[string]any{"not": map[string]any{"required": keys}}
	}
	var each []any
	for _, key := range keys {
		each = append(each, map[string]any{"required": []string{key}})
	}
	return map[string]any{"oneOf": append(each[:len(each):len(each)], map[string]any{"not": map[string]any{"anyOf": each}})}
}

// defaultValue gives a default as JSON has it; defaults in words have none.
func (p Described) defaultValue() (any, bool) {
	if p.Value != nil {
		return p.Value, true
	}
	if p.Fallback == "" || !p.Fixed {
		return nil, false
	}
	var node yaml.Node
	if yaml.Unmarshal([]byte(p.Fallback), &node) != nil {
		return nil, false
	}
	if node.Content[0].ShortTag() == "!!str" { // so that no and yes stay text
		return node.Content[0].Value, true
	}
	var value any
	return value, node.Decode(&value) == nil
}
