package outdir

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"golang.org/x/sync/errgroup"

	"github.com/kubespore/kubespore/pkg/durable"
	"github.com/kubespore/kubespore/pkg/input"
)

// state is what became of a file of the last build.
type state int

const (
	gone    state = iota
	edited        // other content than the build wrote
	exposed       // the right content, but a mode that others can use
	intact
)

// look reads every file of the last build once, on all processors, and keeps
// what became of it.
func (d *Dir) look() error {
	if d.files != nil || d.manifest == nil {
		return nil
	}
	states := make([]state, len(d.manifest.Files))
	errs := make([]error, len(d.manifest.Files))
	var workers errgroup.Group
	workers.SetLimit(runtime.GOMAXPROCS(0))
	for i := range states {
		workers.Go(func() error {
			f := &d.manifest.Files[i]
			states[i], errs[i] = stateOf(filepath.Join(d.path, filepath.FromSlash(f.Path)), f)
			return nil
		})
	}
	_ = workers.Wait() // all errors are told
	if err := errors.Join(errs...); err != nil {
		return err
	}
	d.files = make(map[string]state, len(states))
	for i, f := range d.manifest.Files {
		d.files[f.Path] = states[i]
	}
	return nil
}

func stateOf(name string, want *FileInfo) (state, error) {
	info, err := os.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return gone, nil
	}
	if err != nil {
		return gone, &durable.Error{Op: "read", Path: name, Err: err}
	}
	if !info.Mode().IsRegular() || info.Size() != want.Size {
		return edited, nil
	}
	sum, err := input.SHA256(name)
	switch {
	case err != nil:
		return gone, &durable.Error{Op: "read", Path: name, Err: err}
	case sum != want.SHA256:
		return edited, nil
	case info.Mode().Perm() != fileMode:
		return exposed, nil
	}
	return intact, nil
}
