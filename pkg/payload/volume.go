package payload

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/iso9660"
)

// Label is the label of the volume by which machines find a payload.
const Label = "KUBESPORE"

// WriteVolume writes a bundle as one read-only volume for all machines. The
// same bundle and time give the same bytes.
func WriteVolume(name, dir string, when time.Time) error {
	files, err := bundleFiles(dir)
	if err != nil {
		return diag.Failf("W008", diag.Position{File: dir}, "the bundle cannot be read: %s", because(err))
	}
	f, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".*.tmp")
	if err != nil {
		return cannotWrite(name, err)
	}
	err = errors.Join(iso9660.Write(f, Label, when, files), f.Chmod(0o644), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		return errors.Join(cannotWrite(name, err), os.Remove(f.Name()))
	}
	return syncDir(filepath.Dir(name))
}

// bundleFiles lists a bundle, sorted.
func bundleFiles(dir string) ([]iso9660.File, error) {
	var out []iso9660.File
	err := filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		if e.IsDir() && relative == partialDir {
			return fs.SkipDir
		}
		if !e.Type().IsRegular() {
			return nil
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		out = append(out, iso9660.File{
			Path: filepath.ToSlash(relative), Size: info.Size(), Executable: strings.HasPrefix(filepath.ToSlash(relative), "binaries/"),
			Open: func() (io.ReadCloser, error) { return os.Open(name) },
		})
		return nil
	})
	slices.SortFunc(out, func(a, b iso9660.File) int { return strings.Compare(a.Path, b.Path) })
	return out, err
}
