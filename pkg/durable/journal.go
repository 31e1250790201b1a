package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kubespore/kubespore/pkg/input"
)

// Journal writes many files of one folder as one change.
//
// The new files go to a side folder first. Once they are flushed, one rename
// makes the side folder valid: from then on the change has happened, and all
// that follows can be done again by any process. The files are moved into place,
// and the empty side folder is removed. The next process that opens the folder rolls a valid
// side folder forward and discards any other.
type Journal struct {
	FS  FS
	Dir string
}

// File is one file of a change.
type File struct {
	Name string // relative to the folder, slashes between parts
	Data []byte
	Mode fs.FileMode
}

const (
	pendingName = ".journal.tmp" // being written: worth nothing
	validName   = ".journal"     // whole: belongs into place
)

// IsJournal says whether a path inside the folder belongs to the journal.
func IsJournal(name string) bool {
	first, _, _ := strings.Cut(filepath.ToSlash(name), "/")
	return first == pendingName || first == validName
}

// Commit writes the files. After an error either nothing has changed, or the
// change is whole and the next Recover finishes it.
func (j Journal) Commit(files []File) error {
	if len(files) == 0 {
		return nil
	}
	if err := j.Recover(); err != nil {
		return err
	}
	pending := filepath.Join(j.Dir, pendingName)
	if err := j.stage(pending, files); err != nil {
		return discard(j.FS, pending, err)
	}
	if err := j.FS.Rename(pending, filepath.Join(j.Dir, validName)); err != nil {
		return discard(j.FS, pending, err)
	}
	return j.Recover()
}

func (j Journal) stage(pending string, files []File) error {
	made := map[string]bool{}
	for _, f := range files {
		name := filepath.Join(pending, filepath.FromSlash(f.Name))
		if dir := filepath.Dir(name); !made[dir] {
			made[dir] = true
			if err := j.FS.MkdirAll(dir); err != nil {
				return err
			}
		}
		if err := j.FS.WriteFile(name, f.Data, f.Mode); err != nil {
			return err
		}
	}
	return j.FS.Sync(j.Dir)
}

// Recover finishes a change that was interrupted, or takes it back when it had
// not become valid. It needs the folder's lock.
func (j Journal) Recover() error {
	if pending := filepath.Join(j.Dir, pendingName); exists(pending) {
		if err := j.FS.RemoveAll(pending); err != nil {
			return err
		}
	}
	valid := filepath.Join(j.Dir, validName)
	if !exists(valid) {
		return nil
	}
	// That the side folder is valid must be on the disk before the first file
	// leaves it.
	if err := j.FS.Sync(j.Dir); err != nil {
		return err
	}
	if err := j.moveIntoPlace(valid); err != nil {
		return err
	}
	if err := j.FS.Sync(j.Dir); err != nil {
		return err
	}
	return j.FS.RemoveAll(valid)
}

func (j Journal) moveIntoPlace(valid string) error {
	names, err := j.Pending()
	if err != nil {
		return err
	}
	made := map[string]bool{}
	for _, name := range names {
		to := filepath.Join(j.Dir, filepath.FromSlash(name))
		if dir := filepath.Dir(to); !made[dir] {
			made[dir] = true
			if err := j.FS.MkdirAll(dir); err != nil {
				return err
			}
		}
		if err := j.FS.Rename(filepath.Join(valid, filepath.FromSlash(name)), to); err != nil {
			return err
		}
	}
	return nil
}

// Pending gives the files of a change that is valid and not yet in place,
// sorted.
func (j Journal) Pending() ([]string, error) {
	return Files(filepath.Join(j.Dir, validName))
}

// ReadFile reads a file as it is once a valid change is in place. It changes
// nothing and needs no lock.
func (j Journal) ReadFile(name string) ([]byte, error) {
	local := filepath.FromSlash(name)
	data, err := input.ReadOwn(filepath.Join(j.Dir, validName, local), most)
	if errors.Is(err, fs.ErrNotExist) {
		local = filepath.Join(j.Dir, local)
		data, err = input.ReadOwn(local, most)
	}
	return data, explain("read", local, err)
}

// Files gives the relative names of everything below a folder that is not a
// folder, sorted, with slashes; none when the folder does not exist. The folder
// itself may be a link to one, as on a disk of its own.
func Files(dir string) ([]string, error) {
	var names []string
	err := filepath.WalkDir(dir+string(filepath.Separator), func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // no such folder, or a reader saw the change of another process
		}
		if err != nil {
			return explain("read", path, err)
		}
		if entry.IsDir() {
			return nil
		}
		name, err := filepath.Rel(dir, path)
		names = append(names, filepath.ToSlash(name))
		return err
	})
	slices.Sort(names)
	return names, err
}

func exists(name string) bool {
	_, err := os.Lstat(name)
	return err == nil
}
