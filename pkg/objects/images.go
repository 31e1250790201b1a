package objects

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/kubespore/kubespore/pkg/imageref"
)

// Image is an image that a container of an object names.
type Image struct {
	Ref    string     // as the object has it
	Node   *yaml.Node // where it stands
	Policy bool       // the container says when its image is pulled
}

// Images gives the images that the containers anywhere in an object name, in the
// order of the text: of pods, of templates, of custom resources that hold containers.
func (o *Object) Images() []Image {
	w := imageWalk{seen: map[visit]bool{}}
	w.walk("", o.Node)
	return w.found
}

// ImageNames gives the names of all images of some objects, sorted.
func ImageNames(all ...*Object) []string {
	var out []string
	for _, o := range all {
		for _, i := range o.Images() {
			out = append(out, imageref.Name(i.Ref))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// visit is a node under a key. Aliases lead to one node more than once.
type visit struct {
	node       *yaml.Node
	containers bool
}

type imageWalk struct {
	seen  map[visit]bool
	found []Image
}

func (w *imageWalk) walk(key string, node *yaml.Node) {
	n := resolve(node)
	at := visit{n, strings.HasSuffix(strings.ToLower(key), "containers")}
	if w.seen[at] {
		return
	}
	w.seen[at] = true
	if n.Kind == yaml.SequenceNode {
		for _, child := range n.Content {
			w.walk(key, child)
		}
	}
	if n.Kind != yaml.MappingNode {
		return
	}
	if image := Child(n, "image"); at.containers && image != nil && image.Kind == yaml.ScalarNode && image.ShortTag() == "!!str" {
		w.found = append(w.found, Image{image.Value, image, Child(n, "imagePullPolicy") != nil})
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		// What is merged into a mapping belongs under the mapping's own key.
		if under := n.Content[i].Value; n.Content[i].ShortTag() == "!!merge" {
			w.merged(key, n.Content[i+1])
		} else {
			w.walk(under, n.Content[i+1])
		}
	}
}

// merged walks what is merged into a mapping. Its image, where it has one, was seen
// with the mapping.
func (w *imageWalk) merged(key string, node *yaml.Node) {
	n := resolve(node)
	for i, child := range n.Content {
		switch {
		case n.Kind == yaml.SequenceNode:
			w.merged(key, child)
		case i%2 == 1 && n.Content[i-1].ShortTag() == "!!merge":
			w.merged(key, child)
		case i%2 == 1:
			w.walk(n.Content[i-1].Value, child)
		}
	}
}
