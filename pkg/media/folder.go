package media

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/durable"
)

// InventoryName is the file that tells which files of a folder are media of
// ours. Other files may stand next to them, such as the kernels of a PXE tree, and are
// never touched.
const InventoryName = "media.json"

const inventoryVersion = 1

// fileMode is the mode of all media: they hold keys.
const fileMode = 0o600

// inventory is media.json.
type inventory struct {
	Version int     `json:"version"`
	Files   []entry `json:"files"` // sorted by path
}

type entry struct {
	Medium string `json:"medium"`
	Made
}

// folder is a folder of media that no other kubespore may use meanwhile.
type folder struct {
	path  string
	fs    durable.FS
	lock  *durable.Lock
	fresh bool // it was not there before
	last  inventory
	known map[string]bool // the paths of last

	mu      sync.Mutex
	folders map[string]bool // made in the stage
	staged  map[string]bool
}

// openFolder locks a folder, which may be missing, and clears away what a
// killed run left in it.
func openFolder(dir string, fsys durable.FS) (*folder, error) {
	path, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	f := &folder{path: path, fs: fsys, known: map[string]bool{}, folders: map[string]bool{}, staged: map[string]bool{}}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		f.fresh = true
		if err := fsys.MkdirAll(path); err != nil {
			return nil, err
		}
	case err == nil && !info.IsDir():
		return nil, diag.Failf("M004", diag.Position{}, "%s is a file, not a folder", dir).WithHint("name another folder with -o")
	}
	if f.lock, err = durable.Acquire(path, f.at(".lock")); err != nil {
		return nil, err
	}
	if err = f.read(); err == nil {
		err = fsys.RemoveAll(f.stagePath(""))
	}
	if err != nil {
		return nil, errors.Join(err, f.close(true))
	}
	return f, nil
}

func (f *folder) at(path string) string { return filepath.Join(f.path, filepath.FromSlash(path)) }

func (f *folder) stagePath(path string) string { return f.at(".staging/" + path) }

// read reads the inventory.
func (f *folder) read() error {
	text, err := durable.ReadFile(f.at(InventoryName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	damaged := func(e entry) bool { return !filepath.IsLocal(filepath.FromSlash(e.Path)) }
	if json.Unmarshal(text, &f.last) != nil || f.last.Version != inventoryVersion || slices.ContainsFunc(f.last.Files, damaged) {
		return diag.Failf("M005", diag.Position{File: f.at(InventoryName)}, "the list of media is damaged or of a newer kubespore").WithHint("move the folder away, or name another with -o")
	}
	for _, e := range f.last.Files {
		f.known[e.Path] = true
	}
	return nil
}

// stage writes a file next to its place and gives its size.
func (f *folder) stage(file File) (int64, error) {
	name := f.stagePath(file.Path)
	if err := f.reserve(file.Path, filepath.Dir(name)); err != nil {
		return 0, err
	}
	if err := f.fs.Stream(name, fileMode, file.Write); err != nil {
		return 0, err
	}
	info, err := os.Stat(name)
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// reserve notes a path, refuses one that kubespore did not write, and makes the
// folder it goes into.
func (f *folder) reserve(path, dir string) error {
	if _, err := os.Lstat(f.at(path)); err == nil && !f.known[path] {
		return diag.Failf("M006", diag.Position{File: f.at(path)}, "no kubespore media wrote this file, and it would be replaced").WithHint("move it away, or name another folder with -o")
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.staged[path] = true
	if f.folders[dir] {
		return nil
	}
	// A command that finds the folder must find the file in it.
	if err := f.fs.MkdirAll(dir); err != nil {
		return err
	}
	f.folders[dir] = true
	return nil
}

// commit puts the staged files into their places and removes what the medium
// no longer has. The inventory names old and new files until all is done, so
// that a killed run leaves nothing that the next one would not know.
func (f *folder) commit(medium string, made []Made, whole bool) error {
	hosts := map[string]bool{}
	var now []entry
	for _, m := range made {
		hosts[m.Host] = true
		now = append(now, entry{medium, m})
	}
	var stale []entry
	for _, e := range f.last.Files {
		switch {
		case f.staged[e.Path]:
		case e.Medium == medium && (whole || hosts[e.Host]):
			stale = append(stale, e)
		default:
			now = append(now, e)
		}
	}
	if f.fresh {
		if err := durable.WriteFile(f.fs, f.at(durable.GitIgnoreName), durable.GitIgnore(), fileMode); err != nil {
			return err
		}
	}
	if err := f.list(slices.Concat(now, stale)); err != nil {
		return err
	}
	for _, m := range made {
		if err := f.place(m.Path); err != nil {
			return err
		}
	}
	for _, e := range stale {
		if err := f.fs.RemoveAll(f.at(e.Path)); err != nil {
			return err
		}
		f.prune(filepath.Dir(f.at(e.Path)))
	}
	return f.list(now)
}

// list writes the inventory.
func (f *folder) list(files []entry) error {
	slices.SortFunc(files, func(a, b entry) int { return strings.Compare(a.Path, b.Path) })
	text, err := json.MarshalIndent(inventory{inventoryVersion, files}, "", "  ")
	if err != nil {
		return err
	}
	return durable.WriteFile(f.fs, f.at(InventoryName), append(text, '\n'), fileMode)
}

// place moves a staged file into its place.
func (f *folder) place(path string) error {
	if err := f.fs.MkdirAll(filepath.Dir(f.at(path))); err != nil {
		return err
	}
	return f.fs.Rename(f.stagePath(path), f.at(path))
}

// prune removes folders that are empty now, from the bottom up.
func (f *folder) prune(dir string) {
	for dir != f.path && os.Remove(dir) == nil {
		dir = filepath.Dir(dir)
	}
}

// close lets others in. After a failure nothing is left of the attempt.
func (f *folder) close(failed bool) error {
	// What cannot be removed now is removed by the next run.
	_ = f.fs.RemoveAll(f.stagePath(""))
	if f.lock == nil {
		return nil
	}
	err := f.lock.Release()
	f.lock = nil
	if failed && f.fresh {
		_ = os.Remove(f.path) // goes only when it is empty
	}
	return err
}

func isFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}
