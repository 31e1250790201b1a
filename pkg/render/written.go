package render

import (
	"slices"
	"strings"

	"github.com/kubespore/kubespore/pkg/document"
	"github.com/kubespore/kubespore/pkg/plan"
)

// fillWritten puts the list of what the document writes into the files that ask
// for it, once nothing else changes any more.
func (j *job) fillWritten(d *document.Document) {
	var list []byte
	for i := range d.Config.Storage.Files {
		f := &d.Config.Storage.Files[i]
		if !slices.Contains(j.listing, f.Path) {
			continue
		}
		if list == nil {
			list = j.written(d)
		}
		text, err := document.Content(f.Contents)
		if err == nil {
			text, _, err = plan.ReplaceMarks(text, func(string, string) ([]byte, error) { return list, nil })
		}
		if err != nil {
			j.problems.Errorf("R007", d.At("file:"+f.Path), "", "%s: %s", f.Path, err)
			continue
		}
		made := resourceOf(text)
		f.Contents.Source, f.Contents.Compression = made.Source, made.Compression
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
				paths = append(paths, path+"\x00path") // whoever wrote it, it is of no use without the unit
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
