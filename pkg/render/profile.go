package render

import (
	"cmp"
	"errors"
	"io/fs"
	"slices"
	"strings"

	"github.com/coreos/ignition/v2/config/v3_4/types"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/document"
	"github.com/kubespore/kubespore/pkg/plan"
	"github.com/kubespore/kubespore/pkg/profile"
)

// rawFile names a file that is taken as it is.
type rawFile struct {
	profile *profile.Profile
	name    string
}

// rendered is the outcome of a template.
type rendered struct {
	content
	problems diag.List
}

// fragmentKey names a translated text. Each template has its own positions, so
// the same text in two profiles is translated twice.
type fragmentKey struct {
	template *profile.Template
	text     string
}

// translated is a fragment of a profile with the origin of its items.
type translated struct {
	*fragment
	origins  []itemOrigin
	problems diag.List
}

// profile renders the fragments of a profile for a host.
func (j *job) profile(s *plan.Selected) []piece {
	var out []piece
	for _, file := range s.FragmentFiles {
		t := s.Templates[file.File]
		text := j.text(s, t, file.Each)
		j.problems.Append(text.problems)
		if len(text.problems) > 0 {
			continue
		}
		f := j.fragments.get(fragmentKey{t, string(text.text)}, func() *translated { return translateProfile(s.Profile, t, text.content) })
		j.problems.Append(f.problems)
		if len(f.problems) == 0 {
			out = append(out, j.fill(s, f, file.Each))
		}
	}
	return out
}

// text executes a template, or takes the result of a host for which it is the
// same.
func (j *job) text(s *plan.Selected, t *profile.Template, each any) rendered {
	run := func() rendered {
		d := j.dataFor(s)
		if each != nil {
			copied := *d
			copied.Each = each
			d = &copied
		}
		return execute(t, d)
	}
	shared, ok := j.evaluator.Shared(j.host.Name, s.Name, t)
	if !ok {
		return run()
	}
	return j.texts.get(shared, run)
}

// execute renders a template.
func execute(t *profile.Template, d *plan.Data) rendered {
	text, err := t.Execute(d)
	if err == nil {
		return rendered{content: newContent([]byte(text))}
	}
	var r rendered
	if own := (*profile.Error)(nil); errors.As(err, &own) {
		if said := d.Unfit(own); said != nil {
			r.problems = append(r.problems, *said)
			return r
		}
		own.Report(&r.problems, "R001", "")
	} else {
		r.problems.Errorf("R001", diag.Position{File: t.Name, Line: 1}, "", "the template cannot be evaluated")
	}
	return r
}

// selected gives a profile of the host by name.
func (j *job) selected(name string) *plan.Selected {
	i := slices.IndexFunc(j.host.Selected, func(s *plan.Selected) bool { return s.Name == name })
	if i < 0 {
		return nil
	}
	return j.host.Selected[i]
}

// translateProfile translates a rendered fragment and reports what is wrong
// with it at the lines of its template.
func translateProfile(p *profile.Profile, t *profile.Template, text content) *translated {
	f, findings := translate(text.text, dialect{config: flatcarConfig}, filesOf(p))
	lines := templateLines(t.Raw, string(text.text))
	out := &translated{fragment: f}
	excerpts := strings.Split(string(text.text), "\n")
	for _, n := range findings {
		at := diag.Position{File: t.Name, Line: lines(n.line), Column: n.column}
		code := "R003"
		if n.path == "" {
			code = "R002"
		}
		n.report(&out.problems, code, at).WithSource(excerpts[min(n.line, len(excerpts))-1])
	}
	if len(findings) > 0 {
		return out
	}
	f.fillDefaults()
	sources := map[string]string{}
	for _, l := range f.locals {
		if l.file != "" {
			file, _ := filesOf(p).find(l.file)
			sources[l.item] = p.Source + "/files/" + file
		}
	}
	for _, c := range f.items {
		out.origins = append(out.origins, itemOrigin{c.name, document.Origin{Profile: p.Name,
			Position: diag.Position{File: t.Name, Line: lines(c.line), Column: c.column}, Source: sources[c.name]}})
	}
	if text.marked {
		out.problems.Append(f.takeMarks(t, text.text))
	}
	return out
}

// fillDefaults says for the files of a profile what it leaves out: they replace
// what the image has, and everyone may read them. A file that only adds to the
// image's keeps its mode.
func (f *fragment) fillDefaults() {
	replace, readable := true, 0o644
	for i := range f.config.Storage.Files {
		file := &f.config.Storage.Files[i]
		if file.Contents.Source == nil {
			continue
		}
		file.Overwrite = cmp.Or(file.Overwrite, &replace)
		file.Mode = cmp.Or(file.Mode, &readable)
	}
}

// filesOf gives the folder that a profile's `local:` looks into.
func filesOf(p *profile.Profile) folder {
	files, err := fs.Sub(p.FS, "files")
	if err != nil {
		files = p.FS
	}
	return folder{name: p.Source + "/files", fsys: files, raw: true}
}

// fill puts the contents of files into a translated fragment, whose own config
// is shared and stays as it is.
func (j *job) fill(s *plan.Selected, f *translated, each any) piece {
	p := piece{config: f.config, origins: f.origins}
	if len(f.locals) == 0 {
		return p
	}
	p.config.Storage.Files = slices.Clone(f.config.Storage.Files)
	p.config.Storage.Luks = slices.Clone(f.config.Storage.Luks)
	p.config.Systemd.Units = slices.Clone(f.config.Systemd.Units)
	for _, l := range f.locals {
		c := newContentOf(l)
		if l.file != "" {
			r := j.file(s, l.file, each)
			j.problems.Append(r.problems)
			c = r.content
		}
		switch kind, _, _ := strings.Cut(l.item, ":"); kind {
		case "file":
			j.fillFile(&p, l, c)
		case "luks":
			j.fillKeyFile(&p, l, c)
		default:
			j.fillUnit(&p, l, c, kind)
		}
	}
	return p
}

// newContentOf gives the content of a local that stands in the text itself.
func newContentOf(l local) content { return content{text: l.inline, marked: true} }

// file gives a file of the profile's folder: a template, or raw bytes.
func (j *job) file(s *plan.Selected, name string, each any) rendered {
	for _, file := range []string{"files/" + name, "files/" + name + rawSuffix} {
		if t := s.Templates[file]; t != nil {
			return j.text(s, t, each)
		}
	}
	return j.rawFiles.get(rawFile{s.Profile, name}, func() rendered {
		text, err := filesOf(s.Profile).read(name)
		if err != nil {
			var r rendered
			r.problems.Errorf("R004", diag.Position{File: s.Source + "/files/" + name}, "", "the file cannot be read")
			return r
		}
		return rendered{content: newContent(text)}
	})
}

func (j *job) fillFile(p *piece, l local, c content) {
	f := &p.config.Storage.Files[l.list]
	resource := &f.Contents
	if l.nested > 0 {
		f.Append = slices.Clone(f.Append)
		resource = &f.Append[l.nested-1]
	}
	made := c.resource
	if c.marked {
		text, secrets := j.replaceMarks(c.text, p.at(l.item))
		if plan.HasMarks(text) {
			j.listing = append(j.listing, f.Path)
		}
		made = resourceOf(text)
		if len(secrets) > 0 {
			p.secret = append(p.secret, secretItem{l.item, secrets})
			j.demandPrivate(deref(f.Mode), f.Path, p.at(l.item))
		}
	}
	made.Verification = resource.Verification
	if deref(resource.Compression) != "" {
		made.Compression = resource.Compression
	}
	*resource = made
}

// fillKeyFile puts in the key of an encrypted disk, which Ignition keeps in a
// file that only root reads.
func (j *job) fillKeyFile(p *piece, l local, c content) {
	text, secrets := j.replaceMarks(c.text, p.at(l.item))
	p.config.Storage.Luks[l.list].KeyFile = resourceOf(text)
	p.secret = append(p.secret, secretItem{l.item, secrets})
}

func (j *job) fillUnit(p *piece, l local, c content, kind string) {
	u := &p.config.Systemd.Units[l.list]
	made := c.unit
	if c.marked {
		text, secrets := j.replaceMarks(c.text, p.at(l.item))
		if len(secrets) > 0 {
			j.problems.Errorf("R006", p.at(l.item), "", "%s would show a secret: everyone on the machine reads units", u.Name).
				WithHint("put the secret into a file with mode 0600 and name that file in the unit, as in EnvironmentFile=")
		}
		if plan.HasMarks(text) {
			j.problems.Errorf("R008", p.at(l.item), "", "the list of what the document writes stands in a unit").
				WithHint("use .Written in a file")
		}
		unit := string(text)
		made = &unit
	}
	if kind == "unit" {
		u.Contents = made
		return
	}
	u.Dropins = slices.Clone(u.Dropins)
	u.Dropins[l.nested] = types.Dropin{Name: u.Dropins[l.nested].Name, Contents: made}
}

// at gives the position of an item of the piece.
func (p *piece) at(item string) diag.Position {
	for _, c := range p.origins {
		if c.item == item {
			return c.origin.Position
		}
	}
	return diag.Position{}
}

// demandPrivate reports a file with a secret that others may read.
func (j *job) demandPrivate(mode int, path string, at diag.Position) {
	if mode&^0o600 != 0 {
		j.problems.Errorf("R006", at, "", "%s holds a secret and has mode %04o", path, mode).
			WithHint("write mode: 0600")
	}
}
