// Package durabletest puts a file system before the real one that fails after
// any given number of changes. Only tests import it.
package durabletest

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"sync"
	"syscall"

	"github.com/kubespore/kubespore/pkg/durable"
)

// ErrKilled is what every change returns once the process counts as killed.
var ErrKilled = errors.New("killed")

// FS passes changes on until it is told to fail.
type FS struct {
	durable.OS
	// KillAt is the number of the change during which the process dies: that
	// one is done by half, none after it is done at all. 0 means never.
	KillAt int
	// FullAt is the number of the change that meets a full disk. Those after
	// it are done. 0 means never.
	FullAt int
	// NoExchange makes a file system that cannot exchange two names.
	NoExchange bool

	mu   sync.Mutex
	done int
}

// Changes is how many changes were asked for.
func (f *FS) Changes() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.done
}

// next counts a change and says how it must fail.
func (f *FS) next(name string) (err error, half bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.done++
	switch {
	case f.KillAt != 0 && f.done >= f.KillAt:
		return ErrKilled, f.done == f.KillAt
	case f.FullAt != 0 && f.done == f.FullAt:
		return &durable.Error{Op: "write", Path: name, Err: syscall.ENOSPC}, true
	}
	return nil, false
}

// MkdirAll implements durable.FS.
func (f *FS) MkdirAll(name string) error {
	if err, _ := f.next(name); err != nil {
		return err
	}
	return f.OS.MkdirAll(name)
}

// WriteFile implements durable.FS. A write that fails leaves half the bytes.
func (f *FS) WriteFile(name string, data []byte, mode fs.FileMode) error {
	err, half := f.next(name)
	if half {
		_ = f.OS.WriteFile(name, data[:len(data)/2], mode)
	}
	if err != nil {
		return err
	}
	return f.OS.WriteFile(name, data, mode)
}

// Stream implements durable.FS. One that fails leaves half the bytes.
func (f *FS) Stream(name string, mode fs.FileMode, write func(io.Writer) error) error {
	err, half := f.next(name)
	if half {
		var all bytes.Buffer
		_ = write(&all)
		_ = f.OS.WriteFile(name, all.Bytes()[:all.Len()/2], mode)
	}
	if err != nil {
		return err
	}
	return f.OS.Stream(name, mode, write)
}

// Link implements durable.FS.
func (f *FS) Link(from, to string) error {
	if err, _ := f.next(to); err != nil {
		return err
	}
	return f.OS.Link(from, to)
}

// Rename implements durable.FS.
func (f *FS) Rename(from, to string) error {
	if err, _ := f.next(to); err != nil {
		return err
	}
	return f.OS.Rename(from, to)
}

// Exchange implements durable.FS.
func (f *FS) Exchange(a, b string) error {
	if f.NoExchange {
		return &durable.Error{Op: "replace", Path: b, Err: syscall.EOPNOTSUPP}
	}
	if err, _ := f.next(b); err != nil {
		return err
	}
	return f.OS.Exchange(a, b)
}

// RemoveAll implements durable.FS.
func (f *FS) RemoveAll(name string) error {
	if err, _ := f.next(name); err != nil {
		return err
	}
	return f.OS.RemoveAll(name)
}

// Sync implements durable.FS.
func (f *FS) Sync(dir string) error {
	if err, _ := f.next(dir); err != nil {
		return err
	}
	return nil // flushing a busy machine's disk proves nothing and takes long
}
