package plan

import (
	"bytes"
	"cmp"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/imageref"
	"github.com/kubespore/kubespore/pkg/input"
	"github.com/kubespore/kubespore/pkg/profile"
	"github.com/kubespore/kubespore/pkg/topology"
	"github.com/kubespore/kubespore/pkg/yamlfile"
)

// UserFile is a file that a parameter names: the user's own, beside the topology.
type UserFile struct {
	Name    string // as the topology gives it
	File    string // as diagnostics name it
	Content []byte
	Err     error // why it cannot be read
}

// FilesAsked gives the files that parameters of a topology name.
func FilesAsked(t *topology.Topology, c *profile.Catalog) []string {
	asked := map[string]bool{}
	note := func(uses map[string]topology.Selection) {
		for name, use := range uses {
			p := c.Lookup(name)
			for key, value := range use.Params {
				if p != nil && !use.Off {
					for _, file := range filesNamed(p.Param(key), value) {
						asked[file] = true
					}
				}
			}
		}
	}
	note(t.Profiles)
	for i := range t.Hosts {
		note(t.Hosts[i].Profiles)
	}
	return slices.Sorted(maps.Keys(asked))
}

// filesNamed gives the files that the value of a parameter names; a value that
// does not fit names none, and is reported elsewhere.
func filesNamed(q *profile.Param, value any) []string {
	if q == nil || q.Type != profile.FileParam && q.Items != profile.FileParam {
		return nil
	}
	accepted, problems := q.Accept(value)
	if len(problems) > 0 {
		return nil
	}
	var out []string
	for _, name := range asTexts(accepted, "") {
		if name != "" {
			out = append(out, name)
		}
	}
	return out
}

// UserFileName says how diagnostics name a file beside a topology.
func UserFileName(t *topology.Topology, name string) string {
	return filepath.ToSlash(filepath.Join(filepath.Dir(t.File), name))
}

// filesOf gives the files that a parameter lists, as they were read.
func (w *world) filesOf(list any) []*UserFile {
	var out []*UserFile
	names, _ := list.([]any)
	for _, name := range names {
		f := w.files[name.(string)]
		out = append(out, &f)
	}
	return out
}

// fileChecker checks the files that parameters name.
type fileChecker struct {
	*world
	*reporter
}

// check finds files that cannot be read, or do not hold what the profile
// takes.
func (c fileChecker) check(enabled []*profile.Profile, base map[string]map[string]any) {
	for _, p := range enabled {
		for i := range p.Params {
			q := &p.Params[i]
			where := "profiles." + p.Name + "." + q.Name
			for k, name := range filesNamed(q, base[p.Name][q.Name]) {
				at := where
				if q.Type == "list" {
					at += indexPath(k)
				}
				c.file(q, name, at)
			}
		}
		for _, m := range p.Manifests {
			if m.Param != "" {
				for _, f := range c.filesOf(base[p.Name][m.Param]) {
					c.manifest(f)
				}
			}
		}
	}
}

func (c fileChecker) file(q *profile.Param, name, where string) {
	f, ok := c.files[name]
	if !ok || f.Err != nil {
		c.errorAt("P050", c.topology.At(where), where, "the file %s cannot be read%s", name, input.Because(f.Err)).
			WithHint("name a file relative to the folder of the topology: %s", q.Doc)
		return
	}
	if len(bytes.TrimSpace(f.Content)) == 0 {
		c.errorAt("P051", diag.Position{File: f.File, Line: 1}, "", "the file is empty").WithHint("it must hold: %s", q.Doc).
			WithRelated(c.topology.At(where), "named here")
	}
	for i, line := range strings.Split(string(f.Content), "\n") {
		if !q.LineFits(strings.TrimSuffix(line, "\r")) {
			c.errorAt("P051", diag.Position{File: f.File, Line: i + 1}, "", "the line does not fit").WithSource("(not shown)").
				WithHint("it must hold: %s", q.Doc).WithRelated(c.topology.At(where), "named here")
		}
	}
}

// manifest finds what is not a Kubernetes object at all. Fields are proved
// once the documents are finished.
func (c fileChecker) manifest(f *UserFile) {
	if f.Err != nil || len(f.Content) == 0 {
		return // said of the parameter
	}
	objects, fault := yamlfile.All(f.File, f.Content)
	if fault == nil && len(objects) == 0 {
		fault = &yamlfile.Fault{At: diag.Position{File: f.File, Line: 1}, Message: "the file holds no object"}
	}
	if fault != nil {
		c.errorAt("P052", fault.At, "", "%s", fault.Message).WithHint("%s", cmp.Or(fault.Hint, "write objects as kubectl apply takes them, separated by ---"))
		return
	}
	for _, object := range objects {
		c.object(f, object)
		c.floatingImages(f, "", object)
	}
}

// floatingImages warns of images that a kubelet asks a registry for at each start of
// their containers, though the node has them: those without a tag, or with the tag
// latest, where nothing says imagePullPolicy.
func (c fileChecker) floatingImages(f *UserFile, key string, n *yaml.Node) {
	if n.Kind == yaml.MappingNode {
		var image *yaml.Node
		for i := 0; i+1 < len(n.Content); i += 2 {
			switch name, value := n.Content[i].Value, n.Content[i+1]; {
			case name == "image" && value.Kind == yaml.ScalarNode && strings.HasSuffix(strings.ToLower(key), "containers"):
				image = value
			case name == "imagePullPolicy":
				return
			}
		}
		if image != nil && imageref.Floats(image.Value) {
			c.list.Warnf("P066", diag.Position{File: f.File, Line: image.Line, Column: image.Column}, "", "%s has no tag that stands for one image, so that the kubelet asks its registry at each start, whatever the node has", image.Value).
				WithHint("write a version, as in %s, or add imagePullPolicy: IfNotPresent", strings.TrimSuffix(image.Value, ":latest")+":1.2.3")
		}
	}
	for i, child := range n.Content {
		under := key
		if n.Kind == yaml.MappingNode {
			if i%2 == 0 {
				continue
			}
			under = n.Content[i-1].Value
		}
		c.floatingImages(f, under, child)
	}
}

func (c fileChecker) object(f *UserFile, node *yaml.Node) {
	var object struct {
		APIVersion string `yaml:"apiVersion"`
		Kind       string `yaml:"kind"`
		Metadata   struct {
			Name         string `yaml:"name"`
			GenerateName string `yaml:"generateName"`
		} `yaml:"metadata"`
	}
	at := diag.Position{File: f.File, Line: node.Line, Column: node.Column}
	err := node.Decode(&object)
	lack := ""
	switch {
	case err != nil:
		lack = "apiVersion, kind and metadata"
	case object.APIVersion == "":
		lack = "apiVersion"
	case object.Kind == "":
		lack = "kind"
	case strings.HasSuffix(object.Kind, "List"):
		return
	case object.Metadata.Name == "" && object.Metadata.GenerateName != "":
		c.errorAt("P052", at, "", "the object has no name of its own: each machine that applies it would make another").WithHint("write metadata.name instead of generateName")
		return
	case object.Metadata.Name == "":
		lack = "metadata.name"
	}
	if lack != "" {
		c.errorAt("P052", at, "", "this is not an object of Kubernetes: %s is missing", lack).WithHint("write objects as kubectl apply takes them, separated by ---")
	}
}

// imagesOfUser gives the images that the user's own objects name. Their pods
// may land on any node.
func (c *collector) imagesOfUser() {
	u := c.use
	for i := range u.Profile.Manifests {
		m := &u.Profile.Manifests[i]
		if m.Param == "" || !c.applies(&m.When) {
			continue
		}
		for _, f := range c.filesOf(u.params[m.Param]) {
			for _, ref := range ImagesIn(f.Content) {
				c.out.images = append(c.out.images, ImageRef{Name: path.Base(f.Name), Ref: ref, Profile: u.Name})
			}
		}
	}
}

// runtimeName gives the name under which container runtimes keep an image; a
// text that is not a reference stays as it is.
func runtimeName(ref string) string {
	if name, err := imageref.Normalize(ref); err == nil {
		return name
	}
	return ref
}

// ImagesIn gives the images that the containers anywhere in YAML documents
// name: of pods, of templates, of custom resources that hold containers. Each is
// the name under which container runtimes keep it.
func ImagesIn(text []byte) []string {
	var out []string
	var walk func(key string, node any)
	walk = func(key string, node any) {
		switch n := node.(type) {
		case map[string]any:
			if image, ok := n["image"].(string); ok && strings.HasSuffix(strings.ToLower(key), "containers") {
				out = append(out, runtimeName(image))
			}
			for k, child := range n {
				walk(k, child)
			}
		case []any:
			for _, child := range n {
				walk(key, child)
			}
		}
	}
	for decoder := yaml.NewDecoder(bytes.NewReader(text)); ; {
		var tree any
		if decoder.Decode(&tree) != nil {
			slices.Sort(out)
			return slices.Compact(out)
		}
		walk("", tree)
	}
}
