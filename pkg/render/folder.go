package render

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/kubespore/kubespore/pkg/input"
)

// rawSuffix marks files of a profile that are not templates.
const rawSuffix = ".raw"

// folder is where `local:` looks for files.
type folder struct {
	name string // as the user knows it
	fsys fs.FS
	raw  bool // names are also looked for with the suffix of raw files
}

// named is a file of a folder, without the suffix of raw files, or a folder.
type named struct {
	name   string
	mode   int
	folder bool
}

// find gives the name under which a file exists.
func (f folder) find(name string) (string, bool) {
	candidates := []string{name}
	if f.raw {
		candidates = append(candidates, name+rawSuffix)
	}
	for _, c := range candidates {
		if info, err := fs.Stat(f.fsys, c); err == nil && info.Mode().IsRegular() {
			return c, true
		}
	}
	return "", false
}

func (f folder) contains(name string) bool {
	_, ok := f.find(name)
	return ok
}

// lack says why a file that is named cannot be had.
func (f folder) lack(name string) string {
	var refused *input.Error
	if _, err := fs.Stat(f.fsys, name); errors.As(err, &refused) {
		return name + " in " + f.name + " is refused: " + refused.Reason
	}
	return fmt.Sprintf("there is no file %s in %s", name, f.name)
}

func (f folder) read(name string) ([]byte, error) {
	if found, ok := f.find(name); ok {
		name = found
	}
	return fs.ReadFile(f.fsys, name)
}

// list gives the files and folders of a directory, itself among them, in order,
// with the mode that Butane gives to members of a tree.
func (f folder) list(dir string) ([]named, error) {
	var out []named
	err := fs.WalkDir(f.fsys, path.Clean(dir), func(name string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			out = append(out, named{name: name, folder: true})
			return nil
		}
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		mode := 0o644
		if info.Mode()&0o111 != 0 {
			mode = 0o755
		}
		if f.raw {
			name = strings.TrimSuffix(name, rawSuffix)
		}
		out = append(out, named{name: name, mode: mode})
		return nil
	})
	return out, err
}

// treeTarget gives the path on the machine of a member of a tree.
func treeTarget(root *string, dir, name string) string {
	target := "/"
	if deref(root) != "" {
		target = *root
	}
	return path.Join(target, strings.TrimPrefix(name, path.Clean(dir)))
}

func deref[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}
