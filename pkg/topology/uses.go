package topology

import (
	"go.yaml.in/yaml/v3"

	"github.com/kubespore/kubespore/pkg/yamlfile"
	"github.com/kubespore/kubespore/pkg/yamlfile/schema"
)

var profiles = schema.Dict[Selection]{Name: "mapping of profiles", Key: checkProfileName, Value: selectionKind{}}

func checkProfileName(text string) *schema.Fault {
	if !labelRule.MatchString(text) {
		return schema.Faultf(codeName, "%q is not a name of a profile", yamlfile.Clip(text)).Or("small letters, digits and -")
	}
	return nil
}

// selectionKind is what stands behind the name of a profile: its parameters, true or
// nothing for its defaults, false to leave it out.
type selectionKind struct{}

func (selectionKind) Shape() *schema.Shape {
	return &schema.Shape{Name: "parameters, or true or false", OneOf: []*schema.Shape{{Type: "object", Name: "parameters", Values: &schema.Shape{Name: "value"}}, {Type: "boolean", Name: "true or false"}, {Type: "null", Name: "nothing"}}}
}

func (selectionKind) Read(d *schema.Decoder, n *yaml.Node, path string, into *Selection) {
	n = d.Follow(n, path)
	switch {
	case d.Stopped:
	case n.Kind == yaml.MappingNode:
		schema.Anything{}.Read(d, n, path, &into.Params)
	case n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null":
	case n.Kind == yaml.ScalarNode && n.ShortTag() == "!!bool":
		on, _ := schema.Boolean.Parse(n.Value)
		into.Off = !on
	default:
		d.Errorf(codeType, path, "expected parameters, true or false, found %s", yamlfile.Describe(n)).WithHint("write {} for a profile with its defaults, false to leave it out")
	}
}
