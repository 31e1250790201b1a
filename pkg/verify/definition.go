package verify

import (
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/kubespore/kubespore/pkg/objects"
)

const definitionVersion = "apiextensions.k8s.io/v1"

// definition is a CustomResourceDefinition among the objects of the cluster.
type definition struct {
	versions map[string]*fieldSchema // by version that is served
}

// definitionOf is what is read of a CustomResourceDefinition.
type definitionOf struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string
	Spec       struct {
		Group    string
		Names    struct{ Kind string }
		Versions []struct {
			Name   string
			Served bool
			Schema struct {
				OpenAPIV3Schema *fieldSchema `yaml:"openAPIV3Schema"`
			}
		}
	}
}

// fieldSchema is what the API server validates a custom resource with. Rules in CEL,
// formats and combinations of schemas are left to it.
type fieldSchema struct {
	Type       string
	Properties map[string]*fieldSchema
	Additional yaml.Node `yaml:"additionalProperties"`
	Items      *fieldSchema
	Required   []string
	Enum       []any
	Pattern    string
	Nullable   bool
	Minimum    *float64
	Maximum    *float64
	MinLength  *int `yaml:"minLength"`
	MaxLength  *int `yaml:"maxLength"`
	MinItems   *int `yaml:"minItems"`
	MaxItems   *int `yaml:"maxItems"`
	Preserve   bool `yaml:"x-kubernetes-preserve-unknown-fields"`
	IntOrText  bool `yaml:"x-kubernetes-int-or-string"`
	Embedded   bool `yaml:"x-kubernetes-embedded-resource"`
	Default    any
}

// definition gives the definition of a kind among the objects of the cluster.
func (m *machine) definition(apiVersion, kind string) *definition {
	if m.defines == nil {
		m.defines = map[string]*definition{}
		for _, o := range m.objects {
			if underObjects(o.entry.Path) && o.read != nil && o.read.Kind == "CustomResourceDefinition" {
				m.define(o.read.Node)
			}
		}
	}
	return m.defines[objects.Group(apiVersion)+" "+kind]
}

func (m *machine) define(node *yaml.Node) {
	var d definitionOf
	if node.Decode(&d) != nil {
		return
	}
	read := &definition{versions: map[string]*fieldSchema{}}
	for _, v := range d.Spec.Versions {
		if v.Served {
			read.versions[v.Name] = v.Schema.OpenAPIV3Schema
		}
	}
	m.defines[d.Spec.Group+" "+d.Spec.Names.Kind] = read
}

// flaws are what the API server refuses of a custom resource.
func (d *definition) flaws(node *yaml.Node, apiVersion string) (out []flaw) {
	_, version, _ := strings.Cut(apiVersion, "/")
	schema, served := d.versions[version]
	if !served {
		return []flaw{{node, "its definition does not serve the version " + version, "write one of " + strings.Join(slices.Sorted(maps.Keys(d.versions)), ", ")}}
	}
	if schema == nil {
		return nil
	}
	schema.object(node, "", alwaysThere, func(f flaw) { out = append(out, f) })
	return append(out, wrongMeta(node)...)
}

// wrongMeta compares metadata with its type, which custom resources share with all
// others.
func wrongMeta(node *yaml.Node) []flaw {
	var object metav1.PartialObjectMetadata
	at := objects.Child(node, "metadata")
	text, err := yaml.Marshal(at)
	if err == nil && at != nil {
		err = sigsyaml.UnmarshalStrict(text, &object.ObjectMeta)
	}
	if err != nil {
		return []flaw{{at, "metadata: " + plainError(err), "correct the field"}}
	}
	return named(&object, node)
}

var alwaysThere = []string{"apiVersion", "kind", "metadata"}

func (s *fieldSchema) walk(node *yaml.Node, path string, say func(flaw)) {
	if node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	if node.Tag == "!!null" {
		if !s.Nullable && s.Default == nil && s.Type != "" {
			say(flaw{node, path + " has no value", "write one, or take the field out"})
		}
		return
	}
	if wrong := s.wrongType(node); wrong != "" {
		say(flaw{node, fmt.Sprintf("%s must be %s", path, wrong), "write " + wrong})
		return
	}
	switch node.Kind {
	case yaml.MappingNode:
		var known []string
		if s.Embedded {
			known = alwaysThere
		}
		s.object(node, path, known, say)
	case yaml.SequenceNode:
		s.list(node, path, say)
	default:
		s.value(node, path, say)
	}
}

// wrongType gives what a value must be and is not. YAML as Kubernetes reads it takes
// yes and no for true and false, as version 1.1 does.
func (s *fieldSchema) wrongType(node *yaml.Node) string {
	tag := node.Tag
	if node.Kind == yaml.ScalarNode && tag == "!!str" && node.Style == 0 && slices.Contains(oldBooleans, node.Value) {
		tag = "!!bool"
	}
	if tag == "!!timestamp" {
		tag = "!!str"
	}
	whole := tag == "!!int"
	if tag == "!!float" {
		var f float64
		whole = node.Decode(&f) == nil && f == math.Trunc(f)
	}
	wants := map[string]bool{
		"object": node.Kind == yaml.MappingNode, "array": node.Kind == yaml.SequenceNode, "string": tag == "!!str",
		"integer": whole, "number": tag == "!!int" || tag == "!!float", "boolean": tag == "!!bool",
	}
	switch fits, known := wants[s.Type]; {
	case s.IntOrText && (tag == "!!str" || whole):
		return ""
	case s.IntOrText:
		return "a number or a text"
	case known && !fits:
		return typeNames[s.Type]
	}
	return ""
}

var oldBooleans = []string{"y", "Y", "yes", "Yes", "YES", "on", "On", "ON", "n", "N", "no", "No", "NO", "off", "Off", "OFF"}

var typeNames = map[string]string{"object": "a mapping", "array": "a list", "string": "a text (in quotes)", "integer": "a whole number", "number": "a number", "boolean": "true or false"}

func (s *fieldSchema) object(node *yaml.Node, path string, known []string, say func(flaw)) {
	for _, field := range s.Required {
		if inner := s.Properties[field]; objects.Child(node, field) == nil && objects.Child(node, "<<") == nil && (inner == nil || inner.Default == nil) {
			say(flaw{node, join(path, field) + " is missing", "add " + field})
		}
	}
	anything, each := s.Preserve, (*fieldSchema)(nil)
	if s.Additional.Kind == yaml.MappingNode {
		each = &fieldSchema{}
		if s.Additional.Decode(each) != nil {
			each = nil
		}
		anything = true
	} else if s.Additional.Value == "true" {
		anything = true
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		switch inner := s.Properties[key.Value]; {
		case slices.Contains(known, key.Value) || key.Value == "<<" || path == "" && key.Value == "status":
		case inner != nil:
			inner.walk(value, join(path, key.Value), say)
		case each != nil:
			each.walk(value, join(path, key.Value), say)
		case !anything:
			say(flaw{key, "its definition has no field " + join(path, key.Value), didYouMean(key.Value, slices.Sorted(maps.Keys(s.Properties)))})
		}
	}
}

func (s *fieldSchema) list(node *yaml.Node, path string, say func(flaw)) {
	n := len(node.Content)
	if s.MinItems != nil && n < *s.MinItems || s.MaxItems != nil && n > *s.MaxItems {
		say(flaw{node, fmt.Sprintf("%s has %d items, which its definition does not allow", path, n), "see minItems and maxItems in the definition"})
	}
	if s.Items == nil {
		return
	}
	for i, item := range node.Content {
		s.Items.walk(item, fmt.Sprintf("%s[%d]", path, i), say)
	}
}

func (s *fieldSchema) value(node *yaml.Node, path string, say func(flaw)) {
	if len(s.Enum) > 0 && !slices.ContainsFunc(s.Enum, func(one any) bool { return fmt.Sprint(one) == node.Value }) {
		say(flaw{node, fmt.Sprintf("%s cannot be %q", path, node.Value), fmt.Sprintf("write one of %v", s.Enum)})
	}
	var number float64
	if isNumber := node.Tag == "!!int" || node.Tag == "!!float"; isNumber && node.Decode(&number) == nil &&
		(s.Minimum != nil && number < *s.Minimum || s.Maximum != nil && number > *s.Maximum) {
		say(flaw{node, fmt.Sprintf("%s cannot be %s", path, node.Value), "see minimum and maximum in the definition"})
	}
	if s.Type != "string" {
		return
	}
	length := len([]rune(node.Value))
	if s.MinLength != nil && length < *s.MinLength || s.MaxLength != nil && length > *s.MaxLength {
		say(flaw{node, fmt.Sprintf("%s has %d characters, which its definition does not allow", path, length), "see minLength and maxLength in the definition"})
	}
	if pattern, err := regexp.Compile(s.Pattern); err == nil && !pattern.MatchString(node.Value) {
		say(flaw{node, fmt.Sprintf("%s cannot be %q", path, node.Value), "write what matches " + s.Pattern})
	}
}
