package render

import (
	"strings"

	"github.com/coreos/ignition/v2/config/v3_4/types"

	"github.com/kubespore/kubespore/pkg/document"
)

// fragment is a translated Butane text. The contents that it takes from files
// are still missing, so that it is the same for every host whose text is.
type fragment struct {
	config types.Config
	items  []item
	locals []local
}

// item is something that a machine has once: a path, a unit, a user.
type item struct {
	name   string // as in document.Document.Origins
	line   int
	column int
}

// part is one content of an item: of a file 0 is its contents and i+1 its
// append[i].
type part struct {
	item  string
	index int
}

// local says which file gives a content.
type local struct {
	part
	list, nested int    // where in the config: index of the file or unit, and of its append or drop-in
	file         string // in the folder
	inline       []byte // instead of a file: a content with marks in the text itself
}

// locate finds the contents that come from files in a translated config.
func locate(c types.Config, sources map[part]string) []local {
	var out []local
	add := func(at part, list, item int) {
		if name, ok := sources[at]; ok {
			out = append(out, local{part: at, list: list, nested: item, file: name})
		}
	}
	for i, f := range c.Storage.Files {
		for j := range len(f.Append) + 1 {
			add(part{"file:" + f.Path, j}, i, j)
		}
	}
	for i, u := range c.Systemd.Units {
		add(part{"unit:" + u.Name, 0}, i, 0)
		for j, d := range u.Dropins {
			add(part{"dropin:" + u.Name + "/" + d.Name, 0}, i, j)
		}
	}
	return out
}

// itemsOf lists the items of a config. A unit that only carries drop-ins is
// not one: its contents may be another's.
func itemsOf(c *types.Config) []string {
	var out []string
	for _, k := range document.Kinds() {
		if k.List == "units" {
			out = append(out, unitItems(c.Systemd.Units)...)
			continue
		}
		for _, name := range k.Names(c) {
			out = append(out, k.Name+":"+name)
		}
	}
	return out
}

func unitItems(units []types.Unit) []string {
	var out []string
	for _, u := range units {
		if u.Contents != nil || u.Enabled != nil || u.Mask != nil {
			out = append(out, "unit:"+u.Name)
		}
		for _, d := range u.Dropins {
			out = append(out, "dropin:"+u.Name+"/"+d.Name)
		}
	}
	return out
}

// completeItems gives each item of a translated config its place in the
// text. What Butane adds by itself stands where the text asks for it: files
// of a tree at the tree, mount units at the file system.
func completeItems(c types.Config, written []item) []item {
	places := make(map[string]item, len(written))
	for _, w := range written {
		places[w.name] = w
	}
	var out []item
	for _, name := range itemsOf(&c) {
		at, ok := places[name]
		if !ok {
			at = origin(name, written)
		}
		out = append(out, item{name, at.line, at.column})
	}
	return out
}

func origin(name string, written []item) item {
	kind, path, _ := strings.Cut(name, ":")
	for _, w := range written {
		root, isTree := strings.CutPrefix(w.name, "tree:")
		switch {
		case (kind == "file" || kind == "directory") && isTree && strings.HasPrefix(path, root),
			kind == "unit" && strings.HasPrefix(w.name, "filesystem:"):
			return w
		}
	}
	return item{line: 1}
}

// exclusionKey gives the key under which items exclude each other: paths share one
// namespace, whatever is at them.
func exclusionKey(item string) string {
	kind, name, _ := strings.Cut(item, ":")
	switch kind {
	case "file", "directory", "link":
		return "path:" + name
	}
	return item
}
