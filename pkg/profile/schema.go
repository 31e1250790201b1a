package profile

import "maps"

// ParamSchemas gives, for each profile, what a topology may write under its
// name, as JSON Schema.
func (c *Catalog) ParamSchemas() map[string]any {
	out := map[string]any{}
	for _, p := range c.Profiles {
		out[p.Name] = p.schema()
	}
	return out
}

func (p *Profile) schema() map[string]any {
	properties, required := map[string]any{}, []any{}
	for i := range p.Params {
		q := &p.Params[i]
		properties[q.Name] = q.schema()
		if q.Required {
			required = append(required, q.Name)
		}
	}
	out := map[string]any{"type": "object", "additionalProperties": false, "properties": properties}
	if p.Summary != "" {
		out["description"] = p.Summary
	}
	if len(required) > 0 {
		out["required"] = required
	}
	return out
}

func (p *Param) schema() map[string]any {
	out := maps.Clone(types[p.Type].schema)
	if out == nil {
		out = map[string]any{}
	}
	bounds, element := [2]string{"minimum", "maximum"}, map[string]any(nil)
	switch p.Type {
	case "list":
		bounds = [2]string{"minItems", "maxItems"}
		element = maps.Clone(types[p.items("list")].schema)
		if len(p.Fields) > 0 {
			element = (&Profile{Params: p.Fields}).schema()
		}
		out["items"] = element
	case "hosts":
		bounds = [2]string{"minItems", "maxItems"}
	case "map":
		if p.Items != "" {
			element = maps.Clone(types[p.Items].schema)
			out["additionalProperties"] = element
		}
	}
	texts := out
	if element != nil {
		texts = element
		if kind := p.items("list"); kind == "integer" || kind == "port" {
			bounds = [2]string{"minimum", "maximum"}
		}
	}
	if p.Minimum != nil {
		numbers(out, texts, bounds[0])[bounds[0]] = *p.Minimum
	}
	if p.Maximum != nil {
		numbers(out, texts, bounds[1])[bounds[1]] = *p.Maximum
	}
	if p.Pattern != "" && p.Type != FileParam {
		texts["pattern"] = "^(?:" + p.Pattern + ")$"
	}
	if len(p.Enum) > 0 {
		texts["enum"] = p.Enum
	}
	if _, computed := p.Default.(Text); p.Default != nil && !computed {
		out["default"] = p.Default
	}
	if p.Doc != "" {
		out["description"] = p.Doc
	}
	return out
}

// numbers says which schema a bound belongs to: the list's or its elements'.
func numbers(whole, element map[string]any, bound string) map[string]any {
	if bound == "minimum" || bound == "maximum" {
		return element
	}
	return whole
}
