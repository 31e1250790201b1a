package render

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/document"
	"github.com/kubespore/kubespore/pkg/plan"
)

// Objects of the cluster lie here on hosts with the profile that applies them.
const (
	objectsProfile = "objects"
	objectsDir     = "/etc/kubespore/objects"
)

// object is a file of objects for the cluster, the same on every host.
type object struct {
	path    string
	origin  document.Origin
	content content
}

// renderObjects renders the manifests of all profiles and their digest.
func (r *Renderer) renderObjects() diag.List {
	var problems diag.List
	sum := sha256.New()
	for _, m := range r.plan.Manifests {
		text, file, findings := r.manifest(m)
		problems.Append(findings)
		name := path.Join(m.Profile.Name, m.Name)
		fmt.Fprintf(sum, "%s %d\n", name, len(text.text))
		sum.Write(text.text)
		r.objects = append(r.objects, object{path.Join(objectsDir, name),
			document.Origin{Profile: m.Profile.Name, Position: diag.Position{File: file, Line: 1}, Source: file}, text.content})
	}
	r.digest = hex.EncodeToString(sum.Sum(nil))
	return problems
}

// manifest renders one file and says where it comes from. The user's own are no
// templates.
func (r *Renderer) manifest(m plan.ManifestSpec) (text rendered, file string, problems diag.List) {
	if m.UserFile != nil {
		return rendered{content: newContent(m.UserFile.Content)}, m.UserFile.File, nil
	}
	p := m.Profile
	file = p.Source + "/" + m.File
	if t := p.Templates[m.File]; t != nil {
		text = execute(t, r.evaluator.Manifests(p.Name))
		return text, file, text.problems
	}
	raw, err := fs.ReadFile(p.FS, m.File)
	if err != nil {
		problems.Errorf("R004", p.Position, "manifests", "there is no file %s", file)
		return text, file, problems
	}
	text.content = newContent(raw)
	return text, file, nil
}

// clusterObjects puts the objects of the cluster on a host that applies them.
func (j *job) clusterObjects() piece {
	var p piece
	if j.selected(objectsProfile) == nil {
		return p
	}
	for _, o := range j.objects {
		f := madeFile(o.path, 0o600, "", "", nil)
		f.Contents = o.content.resource
		if o.content.marked {
			text, secrets := j.replaceMarks(o.content.text, o.origin.Position)
			f.Contents = resourceOf(text)
			if len(secrets) > 0 {
				p.secret = append(p.secret, secretItem{"file:" + o.path, secrets})
			}
		}
		p.addFile(f, o.origin)
	}
	return p
}
