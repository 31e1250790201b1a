package objects

import (
	"go.yaml.in/yaml/v3"

	"github.com/kubespore/kubespore/pkg/yamlfile"
)

// resolve gives what an alias stands for.
func resolve(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// Child gives the value behind a path of keys; nil where it is not there. Keys that
// are merged into a mapping count, after its own.
func Child(node *yaml.Node, path ...string) *yaml.Node {
	for _, key := range path {
		if node == nil {
			return nil
		}
		node = valueOf(resolve(node), key)
	}
	return node
}

// valueOf gives the value of a key of a mapping.
func valueOf(n *yaml.Node, key string) *yaml.Node {
	if n.Kind != yaml.MappingNode {
		return nil
	}
	if value := yamlfile.Value(n, key); value != nil {
		return value
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].ShortTag() != "!!merge" {
			continue
		}
		from := resolve(n.Content[i+1])
		sources := []*yaml.Node{from}
		if from.Kind == yaml.SequenceNode {
			sources = from.Content
		}
		for _, source := range sources {
			if value := valueOf(resolve(source), key); value != nil {
				return value
			}
		}
	}
	return nil
}

// Text gives the text of a key, "" where it has none.
func Text(node *yaml.Node, key string) string {
	if value := Child(node, key); value != nil {
		return value.Value
	}
	return ""
}
