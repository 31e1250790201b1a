package render

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/document"
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
		p := m.Profile
		file := p.Source + "/" + m.File
		var text rendered
		if t := p.Templates[m.File]; t != nil {
			text = execute(t, r.plan.ManifestData(p))
		} else if raw, err := fs.ReadFile(p.FS, m.File); err == nil {
			text.content = newContent(raw)
		} else {
			text.problems.Errorf("R004", p.Position, "manifests", "there is no file %s", file)
		}
		problems.Append(text.problems)
		name := path.Join(p.Name, strings.TrimSuffix(path.Base(m.File), rawSuffix))
		fmt.Fprintf(sum, "%s %d\n", name, len(text.text))
		sum.Write(text.text)
		r.objects = append(r.objects, object{path.Join(objectsDir, name),
			document.Origin{Profile: p.Name, Position: diag.Position{File: file, Line: 1}, Source: file}, text.content})
	}
	r.digest = hex.EncodeToString(sum.Sum(nil))
	return problems
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
				p.secret = append(p.secret, secretClaim{"file:" + o.path, secrets})
			}
		}
		p.addFile(f, o.origin)
	}
	return p
}
