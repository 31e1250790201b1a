package render

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kubespore/kubespore/pkg/document"
	"github.com/kubespore/kubespore/pkg/plan"
)

// fillLate puts what is known last into the files that need it: the list of
// what the document writes, once nothing else changes any more, and then the
// digest of its state, which covers all but the file that names it.
func (j *job) fillLate(d *document.Document) {
	j.fillIn(d, plan.KindWritten, func() ([]byte, error) { return j.written(d), nil })
	j.fillIn(d, plan.KindState, func() ([]byte, error) {
		state, err := d.State()
		d.Named = state
		return []byte(state.Digest()), err
	})
}

// fillIn replaces the marks of one kind.
func (j *job) fillIn(d *document.Document, kind string, value func() ([]byte, error)) {
	var known []byte
	for i := range d.Config.Storage.Files {
		f := &d.Config.Storage.Files[i]
		if !slices.Contains(j.listing, f.Path) {
			continue
		}
		text, err := document.Content(f.Contents)
		asked := false
		if err == nil {
			text, _, err = plan.ReplaceMarks(text, func(of, name string) (text []byte, err error) {
				if of != kind {
					return []byte(plan.MarkState), nil // the other kind, which comes later
				}
				if asked = true; known == nil {
					known, err = value()
				}
				return known, err
			})
		}
		if err == nil && asked && kind == plan.KindState && f.Path != document.StatePath {
			err = fmt.Errorf("the state is named in %s alone", document.StatePath)
		}
		if err != nil {
			j.problems.Errorf("R007", d.At("file:"+f.Path), "", "%s: %s", f.Path, err)
			continue
		}
		if asked {
			made := resourceOf(text)
			f.Contents.Source, f.Contents.Compression = made.Source, made.Compression
		}
	}
}

// written lists what goes when the machine leaves its cluster: all that its
// document writes, but for profiles that remain and for the user's own Butane.
// Units that the document only switches on, off or adds to are the image's.
func (j *job) written(d *document.Document) []byte {
	var units, paths []string
	add := func(kind, path, item string) {
		if j.goes(d.Origins[item]) {
			paths = append(paths, path+"\x00"+kind)
		}
	}
	for _, u := range d.Config.Systemd.Units {
		item, gone := "unit:"+u.Name, false
		switch {
		case deref(u.Mask):
			add("path", document.UnitPath(u.Name), item)
		case deref(u.Contents) != "" && j.goes(d.Origins[item]):
			units, gone = append(units, "unit "+u.Name), true
		}
		for _, x := range u.Dropins {
			if path := document.DropinPath(u.Name, x.Name); gone {
				paths = append(paths, path+"\x00path") // it is of no use without the unit, whatever wrote it
			} else {
				add("path", path, "dropin:"+u.Name+"/"+x.Name)
			}
		}
	}
	for _, x := range d.Config.Storage.Directories {
		add("folder", x.Path, "directory:"+x.Path)
	}
	for _, x := range d.Config.Storage.Links {
		add("path", x.Path, "link:"+x.Path)
	}
	for _, x := range d.Config.Storage.Files {
		if x.Contents.Source != nil || len(x.Append) == 0 { // not what the image has and the document adds to
			add("path", x.Path, "file:"+x.Path)
		}
	}
	slices.Sort(units)
	slices.Sort(paths)
	for i, path := range paths {
		name, kind, _ := strings.Cut(path, "\x00")
		paths[i] = kind + " " + name
	}
	return []byte(strings.Join(append(units, paths...), "\n"))
}

// goes says whether what an origin wrote goes with the cluster. What an OS layer
// or the user only changed goes with the profile that wrote it first.
func (j *job) goes(o document.Origin) bool {
	if p := j.plan.Catalog.Lookup(o.Profile); p != nil && !p.Remains {
		return true
	}
	return slices.ContainsFunc(o.Earlier, j.goes)
}
