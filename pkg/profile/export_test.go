package profile

import "github.com/kubespore/kubespore/pkg/yamlfile/schema"

// ParamTypes gives the types of parameters for the reference, sorted by name.
func ParamTypes() []schema.Described {
	var out []schema.Described
	for _, name := range typeNames() {
		out = append(out, schema.Described{Name: name, Doc: types[name].doc, Shape: types[name].shape})
	}
	return out
}

// Reference writes the page about the keys of profile.yaml.
func Reference(intro string) []byte {
	part := func(name string, of *schema.Shape) *schema.Shape {
		named := *of
		named.Name = name
		return &named
	}
	return schema.Reference{Intro: intro, Root: profileTable.Shape(), Parts: []*schema.Shape{
		part("condition", eitherCondition().Shape()), part("parameters", namedParameters().Shape()),
	}}.Markdown()
}
