package outdir

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/durable"
)

// fileMode is the mode of every file of a build: nearly all hold keys.
const fileMode = 0o600

// Options say how a build folder is opened.
type Options struct {
	Cluster string     // whose builds it holds; "" takes it as it stands
	FS      durable.FS // nil: the machine's
}

// Dir is a build folder that no other kubespore may use meanwhile.
type Dir struct {
	path     string
	fs       durable.FS
	lock     *durable.Lock
	manifest *Manifest        // of the last build; nil before the first
	files    map[string]state // of the last build, once looked at
}

// Open locks a build folder, which may be missing, and clears away what killed
// builds left next to it.
func Open(dir string, o Options) (*Dir, error) {
	path, err := resolve(dir)
	if err != nil {
		return nil, err
	}
	if o.FS == nil {
		o.FS = durable.OS{}
	}
	d := &Dir{path: path, fs: o.FS}
	if _, err := os.Stat(filepath.Dir(path)); errors.Is(err, fs.ErrNotExist) {
		if err := d.fs.MkdirAll(filepath.Dir(path)); err != nil {
			return nil, failure(err)
		}
	}
	if d.lock, err = durable.Acquire(path, d.sibling("lock")); err != nil {
		return nil, failure(err)
	}
	err = durable.RecoverReplace(d.fs, path, d.sibling("staging"))
	if err == nil {
		err = d.identify(o.Cluster)
	}
	if err != nil {
		d.lock.Release()
		return nil, failure(err)
	}
	return d, nil
}

// Look opens a build folder to read it, without a lock. It may be missing.
func Look(dir string) (*Dir, error) {
	manifest, err := Load(dir)
	if err != nil {
		return nil, err
	}
	return &Dir{path: dir, manifest: manifest}, nil
}

// resolve gives the folder itself: behind a link it is the target that builds
// are put in the place of.
func resolve(dir string) (string, error) {
	path, err := filepath.Abs(dir)
	if err != nil {
		return "", failure(err)
	}
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	info, err := os.Stat(path)
	if err == nil && !info.IsDir() {
		return "", diag.Failf("O007", diag.Position{}, "%s is a file, not a folder", dir).WithHint("name another folder with -o")
	}
	if path == filepath.Dir(path) {
		return "", diag.Failf("O007", diag.Position{}, "%s cannot be the folder of a build", dir).WithHint("name a folder inside it with -o")
	}
	return path, nil
}

// identify refuses a folder that holds something else than this cluster's
// builds.
func (d *Dir) identify(cluster string) (err error) {
	if d.manifest, err = Load(d.path); err != nil {
		return err
	}
	if d.manifest == nil {
		names, err := durable.Files(d.path)
		if err == nil && len(names) > 0 {
			return diag.Failf("O003", diag.Position{}, "%s is not a build of kubespore: it has no %s, yet there is %s", d.path, ManifestName, names[0]).
				WithHint("name an empty or new folder with -o, or move the files away")
		}
		return err
	}
	if cluster != "" && d.manifest.Cluster != cluster {
		return diag.Failf("O008", diag.Position{}, "%s holds a build of the cluster %q, not of %q", d.path, d.manifest.Cluster, cluster).
			WithHint("name another folder with -o, or move this one away")
	}
	return nil
}

// sibling gives a name next to the folder, on the same file system.
func (d *Dir) sibling(what string) string {
	return filepath.Join(filepath.Dir(d.path), "."+filepath.Base(d.path)+"."+what)
}

// Manifest gives the manifest of the last build, nil before the first.
func (d *Dir) Manifest() *Manifest { return d.manifest }

// UpToDate says whether the last build was made from the same inputs and is
// still there as it was written.
func (d *Dir) UpToDate(inputs string) bool {
	if d.manifest == nil || d.manifest.Inputs != inputs {
		return false
	}
	if err := d.look(); err != nil {
		return false
	}
	for _, f := range d.manifest.Files {
		if d.files[f.Path] != intact {
			return false
		}
	}
	return true
}

// Close lets others in. A stage that was not committed is gone.
func (d *Dir) Close() error {
	if d.lock == nil {
		return nil
	}
	// What cannot be removed now is removed by the next Open.
	_ = d.fs.RemoveAll(d.sibling("staging"))
	err := d.lock.Release()
	d.lock = nil
	if err != nil {
		return failure(err)
	}
	return nil
}

// failure turns an error into a diagnostic with a code and a hint.
func failure(err error) error {
	var f *diag.Failure
	var busy *durable.BusyError
	switch {
	case errors.As(err, &f):
		return f
	case errors.As(err, &busy):
		f = diag.Failf("O002", diag.Position{}, "%s", err)
	default:
		f = diag.Failf("O001", diag.Position{}, "%s", err)
	}
	f.Hint = durable.Hint(err)
	return f
}
