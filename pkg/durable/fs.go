package durable

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/kubespore/kubespore/pkg/input"
)

// FS is every change that this package makes to a file system. There is one
// real implementation, [OS]; tests put another before it that stops after any
// given number of changes, as a killed process does.
type FS interface {
	// MkdirAll makes a folder that only its owner may enter, with its parents.
	MkdirAll(name string) error
	// WriteFile writes a file without flushing it.
	WriteFile(name string, data []byte, mode fs.FileMode) error
	// Stream writes a file of any size without flushing it.
	Stream(name string, mode fs.FileMode, write func(io.Writer) error) error
	// Link gives a file a second name.
	Link(from, to string) error
	// Rename moves a file or a folder; a file replaces another.
	Rename(from, to string) error
	// Exchange swaps two folders in one step, or fails with errors.ErrUnsupported.
	Exchange(a, b string) error
	// RemoveAll removes a file or a folder with all that it holds.
	RemoveAll(name string) error
	// Sync flushes everything on the file system that holds a folder.
	Sync(dir string) error
}

// OS is the file system of the machine.
type OS struct{}

// DirMode is the mode of every folder made here.
const DirMode = 0o700

// MkdirAll implements [FS].
func (OS) MkdirAll(name string) error {
	return explain("make the folder", name, os.MkdirAll(name, DirMode))
}

// WriteFile implements [FS].
func (OS) WriteFile(name string, data []byte, mode fs.FileMode) error {
	return OS{}.Stream(name, mode, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// Stream implements [FS]. Only what the file system says is put into our
// words; an error of the callback's own comes back as it is.
func (OS) Stream(name string, mode fs.FileMode, write func(io.Writer) error) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, mode)
	if err != nil {
		return explain("write", name, err)
	}
	if err = write(f); err == nil {
		err = handOver(f)
	}
	if failed := f.Close(); err == nil {
		err = failed
	}
	var here *fs.PathError
	if errors.As(err, &here) && here.Path == name {
		return explain("write", name, here.Err)
	}
	return err
}

// Link implements [FS].
func (OS) Link(from, to string) error { return explain("link", to, os.Link(from, to)) }

// Rename implements [FS].
func (OS) Rename(from, to string) error { return explain("replace", to, os.Rename(from, to)) }

// RemoveAll implements [FS].
func (OS) RemoveAll(name string) error { return explain("remove", name, os.RemoveAll(name)) }

// Exchange implements [FS].
func (OS) Exchange(a, b string) error {
	return explain("replace", b, exchange(a, b))
}

// Sync implements [FS].
func (OS) Sync(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return explain("open", dir, err)
	}
	defer f.Close()
	return explain("flush to the disk", dir, flush(f))
}

// most is how many bytes a file of a store, a build or a lock may have.
const most = 256 << 20

// ReadFile reads a file, with errors in plain words.
func ReadFile(name string) ([]byte, error) {
	data, err := input.ReadUpTo(name, most)
	return data, explain("read", name, err)
}

// WriteFile writes one file so that at any moment either the old or the new
// content is there.
func WriteFile(fsys FS, name string, data []byte, mode fs.FileMode) error {
	next := name + ".tmp"
	if err := fsys.WriteFile(next, data, mode); err != nil {
		return discard(fsys, next, err)
	}
	if err := fsys.Sync(filepath.Dir(name)); err != nil {
		return discard(fsys, next, err)
	}
	if err := fsys.Rename(next, name); err != nil {
		return discard(fsys, next, err)
	}
	return fsys.Sync(filepath.Dir(name))
}

// discard removes what a failed step left and gives the step's error. That
// the removal fails too adds nothing a user could act on: what remains is
// never taken for valid, and the next run removes it.
func discard(fsys FS, name string, err error) error {
	_ = fsys.RemoveAll(name)
	return err
}
