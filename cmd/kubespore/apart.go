package main

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kubespore/kubespore/pkg/compile"
	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/input"
)

// place is a folder or file that a command reads or writes as a whole.
type place struct {
	flag, name string
	key        string // of the flag in flagTable; "" for what has none
	written    bool   // what is there may be replaced or removed
	home       bool   // the topology's: others may be inside of it, and it may be in none
}

// placesOf gives those that the flags of a command name.
func placesOf(keys []string, o *options) []place {
	var out []place
	read := []string{"build"}
	written := []string{"output", "registry", "sysext", "iso", "squashfs", "registry-iso"} // everything that a command calls --output
	for _, f := range flagsOf(keys) {
		if !slices.Contains(read, f.name) && !slices.Contains(written, f.name) {
			continue
		}
		if name := *f.bind(o).(*string); name != "" {
			out = append(out, place{flag: "--" + f.name, key: cmp.Or(f.key, f.name), name: name, written: slices.Contains(written, f.name)})
		}
	}
	return out
}

// apart judges the places of the flags, the topology's folder and the store.
func (w *workspace) apart(cluster string) diag.List {
	return apart(append([]place{
		{flag: "the topology's folder", name: w.folder(), home: true},
		{flag: "the store", name: w.storeDir(cluster), key: "store", written: w.writesStore},
	}, w.places...))
}

// apart refuses a folder that a command writes where it is, holds or is inside of
// another that it reads or writes: one would end up among the other's files, or
// replace them.
func apart(all []place) diag.List {
	var list diag.List
	for i, a := range all {
		for _, b := range all[:i] {
			if !a.written && !b.written {
				continue
			}
			x, y := real(a.name), real(b.name)
			switch {
			case x == y:
				list.Errorf("O123", diag.Position{File: a.name}, "", "%s and %s are the same", a.flag, b.flag)
			case within(x, y) && !b.home:
				list.Errorf("O123", diag.Position{File: a.name}, "", "%s is inside of %s, which is %s", a.flag, b.flag, b.name)
			case within(y, x) && !a.home:
				list.Errorf("O123", diag.Position{File: a.name}, "", "%s holds %s, which is %s", a.flag, b.flag, b.name)
			default:
				continue
			}
			list[len(list)-1].WithHint("name another place for one of them")
		}
		if a.written {
			list.Append(foreign(a))
		}
	}
	return list
}

// contents tells what a folder is by a file in it, and by the key that this has;
// made are the places that it is made at: kits are a kind of media.
var contents = []struct {
	file, key, what string
	made            []string
}{
	{"store.json", `"cluster"`, "the store of a cluster", []string{"store"}},
	{"manifest.json", `"kubespore"`, "a build", []string{"output"}},
	{"media.json", `"medium"`, "a folder of media", []string{"media", "kits"}},
}

// foreign refuses to write into a folder that is, or is inside of, one that
// another run of kubespore made for something else.
func foreign(p place) diag.List {
	var list diag.List
	start := real(p.name)
	for at := start; at != "/"; at = filepath.Dir(at) {
		for _, x := range contents {
			text, err := input.ReadUpTo(filepath.Join(at, x.file), compile.MostDocument)
			if err == nil && strings.Contains(string(text), x.key) && (at != start || !slices.Contains(x.made, p.key)) {
				list.Errorf("O123", diag.Position{File: p.name}, "", "%s would lie in %s, which is %s", p.flag, at, x.what).WithHint("name another place for it")
				return list
			}
		}
	}
	return list
}

func within(inner, outer string) bool {
	return strings.HasPrefix(inner, strings.TrimSuffix(outer, "/")+"/")
}

// real gives the absolute name of a file without links, as far as it is there.
func real(name string) string {
	name, err := filepath.Abs(name)
	if err != nil {
		return name
	}
	for rest := ""; ; {
		if at, err := filepath.EvalSymlinks(name); err == nil || !os.IsNotExist(err) || name == "/" {
			return filepath.Join(at, rest)
		}
		rest = filepath.Join(filepath.Base(name), rest)
		name = filepath.Dir(name)
	}
}
