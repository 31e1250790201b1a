package plan

import (
	"bytes"
	"cmp"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/imageref"
	"github.com/kubespore/kubespore/pkg/input"
	"github.com/kubespore/kubespore/pkg/objects"
	"github.com/kubespore/kubespore/pkg/profile"
	"github.com/kubespore/kubespore/pkg/topology"
)

// UserFile is a file that a parameter names: the user's own, next to the topology.
type UserFile struct {
	Name    string // as the topology gives it
	File    string // as diagnostics name it
	Content []byte
	Err     error             // why it cannot be read
	Objects []*objects.Object // what it holds, where a profile takes it as a manifest; planning reads them
}

// FilesAsked gives the files that parameters of a topology name.
func FilesAsked(t *topology.Topology, c *profile.Catalog) []string {
	asked := map[string]bool{}
	note := func(selections map[string]topology.Selection) {
		for name, selected := range selections {
			p := c.Lookup(name)
			for key, value := range selected.Params {
				if p != nil && !selected.Off {
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

// UserFileName says how diagnostics name a file next to a topology.
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

// filesFor gives the files of the user that a manifest is, or changes.
func (w *world) filesFor(m *profile.Manifest, params map[string]any) []*UserFile {
	if base, _ := params[m.Base].(string); base != "" {
		return w.filesOf([]any{base})
	}
	return w.filesOf(params[m.Param])
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
				if c.file(q, name, at); q.Kind != "" {
					c.configuration(q, name, at)
				}
			}
		}
		for _, m := range p.Manifests {
			for _, f := range c.filesFor(&m, base[p.Name]) {
				if c.manifest(f.Name); m.Base != "" {
					c.repeats(f.Name)
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

// configuration reads the one object of a file that a program takes as its
// configuration. Its fields are proved once the documents are finished.
func (c fileChecker) configuration(q *profile.Param, name, where string) {
	f := c.files[name]
	if f.Err != nil || len(bytes.TrimSpace(f.Content)) == 0 {
		return // said of the parameter
	}
	hint := "it must hold one object of the kind " + q.Kind
	all, fault := objects.Read(f.File, f.Content)
	switch {
	case fault != nil:
		c.errorAt("P052", fault.At, "", "%s", fault.Message).WithSource("(not shown)").WithHint("%s", cmp.Or(fault.Hint, hint))
		return
	case len(all) != 1:
		c.errorAt("P052", diag.Position{File: f.File, Line: 1}, "", "the file holds %d objects", len(all)).WithSource("(not shown)").WithHint("%s", hint)
		return
	case all[0].Kind != q.Kind:
		c.errorAt("P052", all[0].At(f.File, nil), "", "the file holds the kind %q, and must hold %s", all[0].Kind, q.Kind).WithSource("(not shown)").
			WithHint("%s", hint).WithRelated(c.topology.At(where), "named here")
		return
	}
	f.Objects = all
	c.files[name] = f
}

// socketFolders gives the folders of the Unix sockets that the objects of files
// name, as in endpoint: unix:///run/kms/socket.sock.
func socketFolders(files []*UserFile) []string {
	var out []string
	for _, f := range files {
		for _, o := range f.Objects {
			walk("", o.Tree, func(at, text string) {
				socket, isURL := strings.CutPrefix(text, "unix://")
				if (isURL || strings.HasSuffix(at, ".udsName")) && path.IsAbs(socket) {
					out = append(out, path.Dir(path.Clean(socket)))
				}
			})
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// manifest reads the objects of a file, and finds what is not a Kubernetes object at
// all. Fields are proved once the documents are finished.
func (c fileChecker) manifest(name string) {
	f := c.files[name]
	if f.Err != nil || len(f.Content) == 0 {
		return // said of the parameter
	}
	all, fault := objects.Read(f.File, f.Content)
	if fault != nil {
		hint := cmp.Or(fault.Hint, objectHint)
		if bytes.Contains(f.Content, []byte("{{")) {
			hint = "render a chart before, with helm template: kubectl reads no templates"
		}
		c.errorAt("P052", fault.At, "", "%s", fault.Message).WithHint("%s", hint)
		return
	}
	for _, o := range all {
		c.object(&f, o)
		c.floatingImages(&f, o)
	}
	f.Objects = all
	c.files[name] = f
}

const objectHint = "write objects as kubectl apply takes them, separated by ---"

// floatingImages warns of images that a kubelet asks a registry for at each start of
// their containers, though the node has them: those without a tag, or with the tag
// latest, where nothing says imagePullPolicy.
func (c fileChecker) floatingImages(f *UserFile, o *objects.Object) {
	for _, image := range o.Images() {
		if !image.Policy && imageref.Floats(image.Ref) {
			c.list.Warnf("P066", o.At(f.File, image.Node), "", "%s has no tag that stands for one image, so that the kubelet asks its registry at each start, whatever the node has", image.Ref).
				WithHint("write a version, as in %s, or add imagePullPolicy: IfNotPresent", strings.TrimSuffix(image.Ref, ":latest")+":1.2.3")
		}
	}
}

func (c fileChecker) object(f *UserFile, o *objects.Object) {
	at := o.At(f.File, nil)
	switch lack := o.Lacks(); {
	case lack != "":
		c.errorAt("P052", at, "", "this is not an object of Kubernetes: %s is missing", lack).WithHint("%s", objectHint)
	case o.Metadata.Name == "" && o.Metadata.GenerateName != "" && !strings.HasSuffix(o.Kind, "List"):
		c.errorAt("P052", at, "", "the object has no name of its own: each machine that applies it would make another").WithHint("write metadata.name instead of generateName")
	}
}

// imagesOfUser gives the images that the user's own objects name. Their pods
// may land on any node.
func (c *collector) imagesOfUser() {
	u := c.instance
	for i := range u.Profile.Manifests {
		m := &u.Profile.Manifests[i]
		if !c.applies(&m.When) {
			continue
		}
		for _, f := range c.filesFor(m, u.params) {
			for _, ref := range objects.ImageNames(f.Objects...) {
				c.out.images = append(c.out.images, ImageRef{Name: path.Base(f.Name), Ref: ref, Profile: u.Name})
			}
		}
	}
}
