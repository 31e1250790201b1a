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
