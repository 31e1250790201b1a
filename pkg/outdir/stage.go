package outdir

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/durable"
)

// File is a file to be written.
type File struct {
	Path   string // in out/, with slashes: hosts/cp1/config.ign
	Host   string // "" for the cluster's own
	Secret bool   // holds keys
	// Secrets are the items of a document that must not be shown.
	Secrets []string
	Data    []byte
}

// Stage is a build that is being written next to the last one. It is safe for
// concurrent use.
type Stage struct {
	dir  *Dir
	path string
	last map[string]FileInfo // of the last build

	mu    sync.Mutex
	made  map[string]bool // folders
	files map[string]FileInfo
}

// Stage begins a build. It refuses when committing it would delete something
// that no build wrote.
func (d *Dir) Stage() (*Stage, diag.List) {
	var list diag.List
	if err := d.look(); err != nil {
		list.AddError("O001", failure(err))
		return nil, list
	}
	if list = d.refuse(); list.HasErrors() {
		return nil, list
	}
	s := &Stage{dir: d, path: d.sibling("staging"), last: map[string]FileInfo{}, made: map[string]bool{}, files: map[string]FileInfo{}}
	if d.manifest != nil {
		for _, f := range d.manifest.Files {
			s.last[f.Path] = f
		}
	}
	err := d.fs.RemoveAll(s.path)
	if err == nil {
		err = d.fs.MkdirAll(s.path)
	}
	if err != nil {
		list.AddError("O001", failure(err))
		return nil, list
	}
	return s, nil
}

// refuse names each file that kubespore did not write.
func (d *Dir) refuse() diag.List {
	var list diag.List
	names, err := durable.Files(d.path)
	if err != nil {
		list.AddError("O001", failure(err))
	}
	for _, name := range names {
		if name == ManifestName {
			continue
		}
		at := diag.Position{File: filepath.Join(d.path, filepath.FromSlash(name))}
		state, written := d.files[name]
		switch {
		case !written:
			list.Errorf("O005", at, "", "no build wrote this file, and a new build would delete it").
				WithHint("move it out of the folder, which belongs to kubespore")
		case state == edited:
			list.Errorf("O006", at, "", "the file was changed after the build, and a new build would delete the change").
				WithHint("put the change into the topology, a profile or an overlay; then remove the file or move it away")
		}
	}
	return list
}

// Write adds a file. When the last build holds the same one it is linked, so
// that an unchanged build costs no space and keeps its dates.
func (s *Stage) Write(f File) error {
	if !isOurs(f.Path) {
		return diag.Failf("O009", diag.Position{}, "%q cannot be a file of a build", f.Path).
			WithHint("use a relative path that stays inside the folder")
	}
	info := FileInfo{Path: f.Path, Host: f.Host, Size: int64(len(f.Data)), SHA256: digest(f.Data), Secret: f.Secret, Secrets: f.Secrets}
	name, err := s.reserve(info)
	if err != nil {
		return failure(err)
	}
	if last := s.last[f.Path]; last.SHA256 == info.SHA256 && s.link(f.Path, name) {
		return nil
	}
	if err := s.dir.fs.WriteFile(name, f.Data, fileMode); err != nil {
		return failure(err)
	}
	return nil
}

// Carry takes over all files that the last build holds for a host; it says
// whether there are any. They are already known to be whole.
func (s *Stage) Carry(host string) (bool, error) {
	found := false
	for _, info := range s.dir.filesOf(host) {
		found = true
		name, err := s.reserve(info)
		if err != nil {
			return false, failure(err)
		}
		if s.link(info.Path, name) {
			continue
		}
		data, err := durable.ReadFile(s.old(info.Path))
		if err == nil {
			err = s.dir.fs.WriteFile(name, data, fileMode)
		}
		if err != nil {
			return false, failure(err)
		}
	}
	return found, nil
}

// filesOf gives what the last build wrote for a host and is still there.
func (d *Dir) filesOf(host string) []FileInfo {
	if d.manifest == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(d.manifest.Files), func(f FileInfo) bool { return f.Host != host || d.files[f.Path] == gone })
}

// reserve notes a file, makes its folder and gives its name in the stage.
func (s *Stage) reserve(info FileInfo) (string, error) {
	name := filepath.Join(s.path, filepath.FromSlash(info.Path))
	folder := filepath.Dir(name)
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, taken := s.files[info.Path]; taken {
		return "", diag.Failf("O009", diag.Position{}, "the file %s of the build is written twice", info.Path).
			WithHint("give one of the two outputs another path in its profile")
	}
	if !s.made[folder] {
		if err := s.dir.fs.MkdirAll(folder); err != nil {
			return "", err
		}
		s.made[folder] = true
	}
	s.files[info.Path] = info
	return name, nil
}

// link gives a file of the last build its name in the stage too. Not every
// file system can; then the file is written.
func (s *Stage) link(path, name string) bool {
	return s.dir.files[path] == intact && s.dir.fs.Link(s.old(path), name) == nil
}

// old gives the name of a file in the last build.
func (s *Stage) old(path string) string {
	return filepath.Join(s.dir.path, filepath.FromSlash(path))
}

// Commit writes the manifest and puts the build in the place of the last one.
// After an error the folder holds either of the two, whole.
func (s *Stage) Commit(about About) error {
	m := &Manifest{Version: manifestVersion, About: about, Files: []FileInfo{}}
	for _, f := range s.files {
		m.Files = append(m.Files, f)
	}
	slices.SortFunc(m.Files, func(a, b FileInfo) int { return strings.Compare(a.Path, b.Path) })
	text, err := m.encode()
	if err != nil {
		return failure(fmt.Errorf("the manifest cannot be written: %w", err))
	}
	if err := s.dir.fs.WriteFile(filepath.Join(s.path, ManifestName), text, fileMode); err != nil {
		return failure(err)
	}
	if err := durable.Replace(s.dir.fs, s.dir.path, s.path); err != nil {
		return failure(err)
	}
	s.dir.manifest, s.dir.files = m, nil
	// The old build is of no use any more; what cannot be removed now is
	// removed by the next Open.
	_ = s.dir.fs.RemoveAll(s.path)
	return nil
}
