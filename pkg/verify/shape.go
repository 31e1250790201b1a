package verify

import (
	"encoding/json"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/kubespore/kubespore/pkg/objects"
)

// A flaw is what the API server refuses of an object, at the node that it is about.
type flaw struct {
	node          *yaml.Node
	because, hint string
}

// shape compares an object with the fields that the release has and demands. What
// the type itself tells, an unknown field or a text for a number, the strict decoder
// has said.
func (k kinds) shape(t reflect.Type, node *yaml.Node) (out []flaw) {
	k.walk(t, node, "", func(f flaw) { out = append(out, f) })
	return out
}

var decodesItself = reflect.TypeFor[json.Unmarshaler]()

func (k kinds) walk(t reflect.Type, node *yaml.Node, path string, say func(flaw)) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	if reflect.PointerTo(t).Implements(decodesItself) {
		return // a quantity, a time, a number or text: one value from outside
	}
	switch {
	case t.Kind() == reflect.Slice && node.Kind == yaml.SequenceNode:
		for _, item := range node.Content {
			k.walk(t.Elem(), item, path+"[]", say)
		}
	case t.Kind() == reflect.Map && node.Kind == yaml.MappingNode:
		for i := 1; i < len(node.Content); i += 2 {
			k.walk(t.Elem(), node.Content[i], join(path, node.Content[i-1].Value), say)
		}
	case t.Kind() == reflect.Struct && node.Kind == yaml.MappingNode:
		k.structure(t, node, path, say)
	}
}

func (k kinds) structure(t reflect.Type, node *yaml.Node, path string, say func(flaw)) {
	name := typeName(t)
	for _, field := range k.lacking(name, node) {
		say(flaw{node, join(path, field) + " is missing", "add " + field})
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key := node.Content[i]
		if k.absent[name][key.Value] {
			say(flaw{key, "kubernetes " + k.minor + " has no field " + join(path, key.Value), "take it out, or choose a newer minor in kubernetes.version"})
			continue
		}
		if because, hint := k.wrongField(name+"."+key.Value, node.Content[i+1]); because != "" {
			say(flaw{node.Content[i+1], join(path, key.Value) + " " + because, hint})
			continue
		}
		if inner, ok := fieldOf(t, key.Value); ok && !(path == "" && key.Value == "status") {
			k.walk(inner, node.Content[i+1], join(path, key.Value), say)
		}
	}
}

// typeName gives apps/v1.Deployment, as the tables name a type.
func typeName(t reflect.Type) string {
	parts := strings.Split(t.PkgPath(), "/")
	return strings.Join(parts[max(0, len(parts)-2):], "/") + "." + t.Name()
}

// fieldOf gives the type of a field by its name in JSON.
func fieldOf(t reflect.Type, key string) (reflect.Type, bool) {
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == key {
			return f.Type, true
		}
		if name == "" && (f.Anonymous || strings.Contains(options, "inline")) && f.Type.Kind() == reflect.Struct {
			if inner, ok := fieldOf(f.Type, key); ok {
				return inner, true
			}
		}
	}
	return nil, false
}

// hasValue says whether a key has a value; anchors merged into a mapping are left to
// the decoder.
func hasValue(node *yaml.Node, key string) bool {
	value := objects.Child(node, key)
	return value != nil && value.Tag != "!!null" || objects.Child(node, "<<") != nil
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
