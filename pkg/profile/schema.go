package profile

import (
	"cmp"

	"github.com/kubespore/kubespore/pkg/yamlfile/schema"
)

// ParamSchemas gives, for each profile, what a topology may write under its
// name, as JSON Schema.
func (c *Catalog) ParamSchemas() map[string]any {
	out := map[string]any{}
	for _, p := range c.Profiles {
		of := paramsShape(p.Params).JSON()
		if p.Summary != "" {
			of["description"] = p.Summary
		}
		out[p.Name] = of
	}
	return out
}

// paramsShape describes a mapping whose keys are parameters.
func paramsShape(params []Param) *schema.Shape {
	out := &schema.Shape{Name: "map", Type: "object", Properties: []schema.Described{}}
	for i := range params {
		p := &params[i]
		if p.From != nil {
			continue
		}
		described := schema.Described{Name: p.Name, Doc: p.Doc, Required: p.Required, Shape: p.shape()}
		if _, computed := p.Default.(Text); !computed {
			described.Value = p.Default
		}
		out.Properties = append(out.Properties, described)
	}
	return out
}

// shape describes the values of a parameter: the type, and what the parameter says of
// it.
func (p *Param) shape() *schema.Shape {
	whole := shapeOf(p.Type)
	single := &whole // a text or number
	switch {
	case len(p.Fields) > 0:
		whole.Items = paramsShape(p.Fields)
		single = whole.Items
	case p.Type == "list":
		element := shapeOf(p.items("list"))
		whole.Items, single = &element, &element
	case p.Type == "map" && p.Items != "":
		element := shapeOf(p.Items)
		whole.Values, single = &element, &element
	}
	if p.countsElements() {
		whole.Fewest, whole.Most = p.Minimum, p.Maximum
	} else {
		single.Minimum, single.Maximum = cmp.Or(p.Minimum, single.Minimum), cmp.Or(p.Maximum, single.Maximum)
	}
	if p.Pattern != "" && p.Type != FileParam {
		single.Pattern = "^(?:" + p.Pattern + ")$"
	}
	if len(p.Enum) > 0 {
		single.Enum = p.Enum
	}
	return &whole
}

// shapeOf gives the shape of a type, for the caller to change. That of a type that is
// not known, which was reported, is of anything.
func shapeOf(kind string) schema.Shape {
	if t, known := types[kind]; known {
		return *t.shape
	}
	return *schema.Any{}.Shape()
}
