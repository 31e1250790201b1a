// Package objects understands texts of Kubernetes objects: where each begins, what
// it is, and which images its containers name. Planning asks it about the user's
// files, and the proofs about finished documents.
package objects

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"
	streams "k8s.io/apimachinery/pkg/util/yaml"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/yamlfile"
)

// Part is the text of one object in a file.
type Part struct {
	Text []byte
	Line int // of the file, where the text begins
}

// Object is one object, read once. What it is stays empty where the text does not say it.
type Object struct {
	Part
	Node *yaml.Node // its lines are those of the text
	Tree any        // its value; nil where a key stands twice in a mapping
	Head
}

// Head says what an object is.
type Head struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string `yaml:"kind"`
	Metadata   struct {
		Name         string `yaml:"name"`
		GenerateName string `yaml:"generateName"`
		Namespace    string `yaml:"namespace"`
	} `yaml:"metadata"`
}

// Looks says whether a text looks like objects, so that no list of paths has to be
// kept. Scripts that write objects do not.
func Looks(text []byte) bool {
	return hasLine(text, "apiVersion:") && hasLine(text, "kind:") && !bytes.HasPrefix(text, []byte("#!"))
}

// hasLine says whether a line of a text starts with a word.
func hasLine(text []byte, start string) bool {
	return bytes.HasPrefix(text, []byte(start)) || bytes.Contains(text, []byte("\n"+start))
}

// Split cuts a text into its objects as kubectl does, without what holds comments
// alone.
func Split(file string, text []byte) ([]Part, *yamlfile.Fault) {
	var out []Part
	offset := 0
	for reader := streams.NewYAMLReader(bufio.NewReader(bytes.NewReader(text))); ; {
		one, err := reader.Read()
		switch {
		case errors.Is(err, io.EOF):
			return out, nil
		case err != nil:
			return out, wrongSeparator(file, text, offset)
		}
		offset += max(0, bytes.Index(text[offset:], one))
		if !onlyComments(one) {
			out = append(out, Part{one, 1 + bytes.Count(text[:offset], []byte("\n"))})
		}
		offset += len(one)
	}
}

// wrongSeparator finds the line that kubectl does not take for a separator.
func wrongSeparator(file string, text []byte, offset int) *yamlfile.Fault {
	at := diag.Position{File: file, Line: 1 + bytes.Count(text[:offset], []byte("\n"))}
	for line := range bytes.Lines(text[offset:]) {
		rest, separates := bytes.CutPrefix(line, []byte("---"))
		if rest = bytes.TrimSpace(rest); separates && len(rest) > 0 && rest[0] != '#' {
			break
		}
		at.Line++
	}
	return &yamlfile.Fault{At: at, Message: "this line begins with --- and goes on, which kubectl does not read", Hint: "write --- alone on its line"}
}

func onlyComments(text []byte) bool {
	for line := range bytes.Lines(text) {
		line = bytes.TrimSpace(line)
		if len(line) > 0 && line[0] != '#' && !bytes.Equal(line, []byte("---")) {
			return false
		}
	}
	return true
}

// Parse reads one object. It gives nil for a text that says nothing, such as null.
// The positions of a fault are those of the file.
func Parse(file string, p Part) (*Object, *yamlfile.Fault) {
	node, fault := yamlfile.One(file, p.Text)
	if fault != nil && fault.Kind == yamlfile.Empty {
		return nil, nil
	}
	if fault == nil {
		o := &Object{Part: p, Node: node}
		if fault = o.decode(file); fault == nil {
			return o, nil
		}
	}
	fault.At.Line = max(fault.At.Line, 1) + p.Line - 1
	return nil, fault
}

// decode works out the value. It refuses aliases that never end or make very much of
// a short text, so that every walk over the nodes ends.
func (o *Object) decode(file string) *yamlfile.Fault {
	err := o.Node.Decode(&o.Tree)
	if many := new(yaml.TypeError); err != nil && !errors.As(err, &many) {
		return &yamlfile.Fault{At: diag.Position{File: file, Line: o.Node.Line, Column: o.Node.Column},
			Message: "this is not an object: " + strings.TrimPrefix(err.Error(), "yaml: "), Hint: "write out what the aliases stand for"}
	}
	if o.Node.Decode(&o.Head) != nil {
		o.Head = Head{}
	}
	return nil
}

// Read reads a file of objects. A fault is the first of the file.
func Read(file string, text []byte) ([]*Object, *yamlfile.Fault) {
	parts, wrong := Split(file, text)
	var out []*Object
	for _, p := range parts {
		o, fault := Parse(file, p)
		if fault != nil {
			return nil, fault
		}
		if o != nil {
			out = append(out, o)
		}
	}
	if wrong == nil && len(out) == 0 {
		wrong = &yamlfile.Fault{Kind: yamlfile.Empty, At: diag.Position{File: file, Line: 1}, Message: "the file holds no object"}
	}
	if wrong != nil {
		return nil, wrong
	}
	return out, nil
}

// At gives the place of a node of the object in its file.
func (o *Object) At(file string, n *yaml.Node) diag.Position {
	return diag.Position{File: file, Line: o.Line + cmp.Or(n, o.Node).Line - 1, Column: cmp.Or(n, o.Node).Column}
}

// Group gives the group of an apiVersion: apps for apps/v1, and "" for v1.
func Group(apiVersion string) string {
	group, _, grouped := strings.Cut(apiVersion, "/")
	if !grouped {
		return ""
	}
	return group
}

// Identity is equal for objects that a cluster holds one of, of whatever version.
func (o *Object) Identity() string {
	return strings.Join([]string{Group(o.APIVersion), o.Kind, o.Metadata.Namespace, o.Metadata.Name}, " ")
}

// Lacks says which of what every object must say is missing; "" for none.
func (o *Object) Lacks() string {
	switch {
	case o.Head == Head{}:
		return "apiVersion, kind and metadata"
	case o.APIVersion == "":
		return "apiVersion"
	case o.Kind == "":
		return "kind"
	case o.Metadata.Name == "" && o.Metadata.GenerateName == "" && !strings.HasSuffix(o.Kind, "List"):
		return "metadata.name"
	}
	return ""
}
