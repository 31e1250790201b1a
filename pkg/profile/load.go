package profile

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/kubespore/kubespore/pkg/diag"
)

// Source is a folder of profile folders.
type Source struct {
	Name string // as the user knows it, for positions
	FS   fs.FS
}

// Names of files with a meaning of their own.
const (
	profileFile  = "profile.yaml"
	digestsFile  = "digests.yaml"
	versionsFile = "versions.yaml"
	readmeFile   = "README.md"
	filesDir     = "files"
	manifestsDir = "manifests"
	rawSuffix    = ".raw"
)

// Load reads all profiles of the layers. A folder of a later layer replaces
// one of the same name as a whole; rows of a later versions.yaml add to the
// earlier ones.
func Load(layers ...Source) (*Catalog, diag.List) {
	var list diag.List
	found := map[string]*folder{}
	versions := versionTable{}
	published := map[string]string{}
	digest := map[string][]byte{}
	replaced := map[string]bool{} // layers with a profile that a later one replaced
	for i, layer := range layers {
		entries, err := fs.ReadDir(layer.FS, ".")
		if err != nil {
			list.Errorf("F001", diag.Position{File: layer.Name}, "", "the folder of profiles cannot be read: %s", reason(err)).
				WithHint("name a folder that holds one folder for each profile")
			continue
		}
		for _, e := range entries {
			switch name := e.Name(); {
			case e.IsDir() && !strings.HasPrefix(name, "."):
				if earlier := found[name]; earlier != nil {
					replaced[earlier.layer] = true
				}
				found[name] = openFolder(layer, name, &list)
				found[name].given = i > 0
			case name == versionsFile:
				text, err := fs.ReadFile(layer.FS, name)
				if err != nil {
					list.Errorf("F001", diag.Position{File: path.Join(layer.Name, name)}, "", "the file cannot be read: %s", reason(err))
					continue
				}
				digest[path.Join(layer.Name, name)] = text
				versions.read(path.Join(layer.Name, name), text, &list)
			case name == digestsFile:
				text, err := fs.ReadFile(layer.FS, name)
				if err != nil {
					list.Errorf("F001", diag.Position{File: path.Join(layer.Name, name)}, "", "the file cannot be read: %s", reason(err))
					continue
				}
				readDigests(path.Join(layer.Name, name), text, published, &list)
			}
		}
	}
	c := &Catalog{Versions: versions.rows(), Published: published}
	for _, name := range slices.Sorted(maps.Keys(found)) {
		f := found[name]
		for file, text := range f.files {
			digest[path.Join(name, file)] = text
		}
		if p := f.decode(&list); p != nil {
			c.Profiles = append(c.Profiles, p)
		}
	}
	c.Digest = digestOf(digest)
	c.checkSystems(&list)
	c.check(&list)
	c.checkMesh(&list)
	whole := func(p *Profile) bool { return !replaced[found[p.Name].layer] }
	if !list.HasErrors() {
		c.checkSlots(whole, &list)
	}
	if !list.HasErrors() { // what cannot be read may be the one use of something
		c.checkUnused(whole, &list)
	}
	return c, list
}

// Lookup gives a profile by name, or nil.
func (c *Catalog) Lookup(name string) *Profile {
	i, ok := slices.BinarySearchFunc(c.Profiles, name, func(p *Profile, name string) int { return cmp.Compare(p.Name, name) })
	if !ok {
		return nil
	}
	return c.Profiles[i]
}

// Names gives the names of all profiles, sorted.
func (c *Catalog) Names() []string {
	out := make([]string, len(c.Profiles))
	for i, p := range c.Profiles {
		out[i] = p.Name
	}
	return out
}

// Version gives the row of a Kubernetes minor.
func (c *Catalog) Version(minor string) (Version, bool) {
	i := slices.IndexFunc(c.Versions, func(v Version) bool { return v.Minor == minor })
	if i < 0 {
		return Version{}, false
	}
	return c.Versions[i], true
}

// Minors gives the Kubernetes minors that can be built, oldest first. The rows
// of versions.yaml are the one list of them.
func (c *Catalog) Minors() []string {
	out := make([]string, len(c.Versions))
	for i, v := range c.Versions {
		out[i] = v.Minor
	}
	return out
}

func digestOf(files map[string][]byte) string {
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintf(h, "%q %d\n", name, len(files[name]))
		h.Write(files[name])
	}
	return hex.EncodeToString(h.Sum(nil))
}

// folder is a profile's folder, read as a whole.
type folder struct {
	name   string
	layer  string
	given  bool
	source string
	fs     fs.FS
	files  map[string][]byte
}

func openFolder(layer Source, name string, list *diag.List) *folder {
	f := &folder{name: name, layer: layer.Name, source: path.Join(layer.Name, name), files: map[string][]byte{}}
	sub, err := fs.Sub(layer.FS, name)
	if err == nil {
		f.fs = sub
		err = fs.WalkDir(sub, ".", func(file string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			f.files[file], err = fs.ReadFile(sub, file)
			return err
		})
	}
	if err != nil {
		list.Errorf("F001", diag.Position{File: f.source}, "", "the profile cannot be read: %s", reason(err))
	}
	return f
}

// reason gives the bare reason of a file error, without the operation.
func reason(err error) string {
	if e, ok := err.(*fs.PathError); ok { //nolint:errorlint // only the outermost one is peeled
		err = e.Err
	}
	if err == io.EOF { //nolint:errorlint // compared as io documents it
		return "it ends too early"
	}
	return err.Error()
}

func (f *folder) path(file string) string { return path.Join(f.source, file) }

// decode reads profile.yaml and parses every template of the folder.
func (f *folder) decode(list *diag.List) *Profile {
	text, ok := f.files[profileFile]
	if !ok {
		list.Errorf("F001", diag.Position{File: f.source}, "", "the folder has no %s", profileFile).
			WithHint("every folder here is a profile: add %s, or move the folder away", profileFile)
		return nil
	}
	p := &Profile{Source: f.source, Given: f.given, FS: f.fs, Templates: map[string]*Template{},
		Position: diag.Position{File: f.path(profileFile), Line: 1}}
	d, ok := decode(f.path(profileFile), text, p, profileTable, p)
	*list = append(*list, d.List...)
	if !ok {
		return nil
	}
	p.Position, p.Positions = d.At(""), d.Positions
	p.dropUnread()
	if p.Name != "" && p.Name != f.name {
		list.Errorf("F007", p.At("name"), "name", "the profile is named %s but its folder %s", p.Name, f.name).WithHint("write name: %s", f.name)
	}
	p.Name = f.name
	p.checkSystem(list)
	p.handOn()
	f.templates(p, list)
	f.reach(p, list)
	p.check(list)
	return p
}

// dropUnread leaves out elements without the value that they are about: what is
// wrong with it has been said.
func (p *Profile) dropUnread() {
	unread := func(t Text) bool { return t.Template == nil }
	empty := func(name string) bool { return name == "" }
	p.Needs, p.Excludes = slices.DeleteFunc(p.Needs, empty), slices.DeleteFunc(p.Excludes, empty)
	p.Vars = slices.DeleteFunc(p.Vars, func(v Var) bool { return unread(v.Text) })
	p.Provides = slices.DeleteFunc(p.Provides, func(s Provision) bool { return empty(s.Slot) })
	for i := range p.Provides {
		s := &p.Provides[i]
		s.values = slices.DeleteFunc(s.values, func(v Var) bool { return unread(v.Text) })
	}
	p.Images = slices.DeleteFunc(p.Images, func(i Image) bool { return unread(i.Ref) })
	p.Binaries = slices.DeleteFunc(p.Binaries, func(b Binary) bool { return unread(b.Path) || unread(b.URL) })
	p.Ports = slices.DeleteFunc(p.Ports, func(x Port) bool { return unread(x.From) || unread(x.Port) })
	p.Modules = slices.DeleteFunc(p.Modules, func(s KernelSetting) bool { return s.Name == "" })
	p.Interfaces = slices.DeleteFunc(p.Interfaces, func(s KernelSetting) bool { return s.Name == "" })
	p.Sysctls = slices.DeleteFunc(p.Sysctls, func(s KernelSetting) bool { return unread(s.Value) })
	p.Leaves = slices.DeleteFunc(p.Leaves, func(l Leftover) bool { return unread(l.Value) })
	p.Fragments = slices.DeleteFunc(p.Fragments, func(f Fragment) bool { return f.File == "" })
	p.Manifests = slices.DeleteFunc(p.Manifests, func(m Manifest) bool { return m.File == "" && m.Param == "" })
}

// At gives the position of a path in profile.yaml, or of the nearest value
// around it.
func (p *Profile) At(where string) diag.Position {
	for where != "" {
		if at, ok := p.Positions[where]; ok {
			return at
		}
		where = where[:max(strings.LastIndexAny(where, ".["), 0)]
	}
	return p.Position
}

// File gives the template or raw file that `local: NAME` names.
func (p *Profile) File(local string) *Template {
	name := path.Join(filesDir, local)
	if t := p.Templates[name]; t != nil {
		return t
	}
	return p.Templates[name+rawSuffix]
}

// templates parses every file but profile.yaml. A raw file is a template
// without actions, whatever it holds.
func (f *folder) templates(p *Profile, list *diag.List) {
	for _, file := range slices.Sorted(maps.Keys(f.files)) {
		if file == profileFile || file == readmeFile {
			continue
		}
		text, name := string(f.files[file]), f.path(file)
		if strings.HasSuffix(file, rawSuffix) {
			p.Templates[file] = &Template{Name: name, Raw: text, at: wholeFile(name)}
			continue
		}
		t, err := parseAt(name, text, wholeFile(name))
		if err != nil {
			err.Report(list, "F009", "")
			t = &Template{Name: name, at: wholeFile(name)}
		}
		p.Templates[file] = t
	}
}
