package payload

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/input"
)

// folder is a folder of programs and archives: a bundle, what the download
// script made, what upstream publishes, the root of a machine, an OCI layout, or
// simply files. An archive that is named alone is a folder with that file in it.
type folder struct {
	name     string
	dir      string
	layout   *layout // nil when the folder is none
	archives []*sourceArchive
}

// deepest is how many folders below the one that is named are searched for
// archives.
const deepest = 4

// notSearched are folders whose files are parts of something else.
var notSearched = []string{"blobs", "docker", "packages", partialDir, ".download", ".git"}

func newFolder(dir string) (Source, error) {
	f := &folder{name: dir, dir: dir}
	var err error
	if f.layout, err = openLayout(dir, folderFiles(dir)); err != nil {
		return nil, err
	}
	err = filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		switch {
		case err != nil && name != dir:
			return skip(e)
		case err != nil:
			return diag.Failf("W004", diag.Position{File: dir}, "cannot be read: %s", because(err))
		case name != dir && e.IsDir() && (slices.Contains(notSearched, e.Name()) || strings.Count(filepath.ToSlash(strings.TrimPrefix(name, dir)), "/") > deepest):
			return fs.SkipDir
		case !e.IsDir() && isArchive(name):
			f.archives = append(f.archives, &sourceArchive{file: name})
		}
		return nil
	})
	return f, err
}

// skip passes over a folder that this user may not read, such as lost+found.
func skip(e fs.DirEntry) error {
	if e != nil && e.IsDir() {
		return fs.SkipDir
	}
	return nil
}

// newArchive is a source of one archive. It must be readable and hold something.
func newArchive(file string) (Source, error) {
	a := &sourceArchive{file: file}
	if a.open(); a.err != nil {
		return nil, a.err
	}
	return &folder{name: file, dir: filepath.Dir(file), archives: []*sourceArchive{a}}, nil
}

// isArchive says whether a file is, by its name or by how it begins, an archive.
// The air-gap bundles of some distributions have no ending.
func isArchive(name string) bool {
	info, err := os.Stat(name)
	if err != nil || !info.Mode().IsRegular() {
		return false
	}
	for _, ending := range []string{".tar", ".tar.gz", ".tgz", ".tar.zst", ".tar.bz2"} {
		if strings.HasSuffix(name, ending) {
			return true
		}
	}
	f, err := input.Open(name)
	if err != nil {
		return false
	}
	defer f.Close()
	head := make([]byte, 512)
	n, _ := io.ReadFull(f, head)
	return looksLikeArchive(head[:n])
}

// Name implements [Source].
func (f *folder) Name() string { return f.name }

// passedOver implements [skipped].
func (f *folder) passedOver() diag.List {
	var out diag.List
	for _, a := range f.archives {
		if a.err != nil {
			at := len(out)
			out.AddError("W004", a.err)
			for ; at < len(out); at++ {
				out[at].Severity, out[at].Message = diag.Warning, "passed over: "+out[at].Message
			}
		}
	}
	return out
}

// Binary implements [Source].
func (f *folder) Binary(_ context.Context, b *Binary) (*Content, error) {
	candidates := []string{b.File, path.Join(b.Arch, b.Name), path.Join(b.Arch, path.Base(b.File)), b.Name, path.Base(b.File)}
	if b.URL != "" && b.Member == "" {
		candidates = append(candidates, path.Base(b.URL))
	}
	if b.isManifest() {
		candidates = append(candidates, b.Name+".yaml", path.Join("manifests", b.Name+".yaml"))
	}
	for _, p := range b.Paths {
		candidates = append(candidates, strings.TrimPrefix(p, "/"))
	}
	for _, c := range candidates {
		name := filepath.Join(f.dir, filepath.FromSlash(c))
		if content, err := localFile(name); err == nil {
			return content, nil
		}
	}
	for _, a := range f.archives {
		if content, err := a.program(b); content != nil || err != nil {
			return content, err
		}
	}
	return nil, nil
}

// localFile is a file on this machine.
func localFile(name string) (*Content, error) {
	info, err := os.Stat(name)
	if err == nil && !info.Mode().IsRegular() {
		err = fs.ErrInvalid
	}
	if err != nil {
		return nil, err
	}
	return &Content{Size: info.Size(), From: name, Version: fmt.Sprint(name, info.ModTime().UnixNano(), info.Size()), Open: func(offset int64) (io.ReadCloser, error) {
		r, err := input.Open(name)
		if err != nil {
			return nil, diag.Failf("W004", diag.Position{File: name}, "cannot be read")
		}
		_, err = r.Seek(offset, io.SeekStart)
		return r, err
	}}, nil
}

// Image implements [Source]. An archive under the name that a bundle gives it
// need not say which image it holds.
func (f *folder) Image(_ context.Context, i *Image) (*Found, error) {
	own := filepath.Join(f.dir, filepath.FromSlash(i.File))
	var sets []imageSet
	if f.layout != nil {
		sets = append(sets, f.layout)
	}
	var failed error
	for _, a := range f.archives {
		if a.file == own {
			set, err := openArchive(own, true)
			if err == nil {
				sets = slices.Insert(sets, 0, set)
			}
			failed = err
			continue
		}
		a.open()
		sets = append(sets, a.images...)
	}
	found, err := search(sets, i)
	if found == nil && err == nil {
		err = failed
	}
	if found == nil && err == nil {
		return madeOf(filepath.Join(f.dir, filepath.FromSlash(packagesFolder(i.File))), i)
	}
	return found, err
}

// imageIn gives an image out of an archive that was made for it.
func imageIn(archive string, i *Image) (*Found, error) {
	set, err := openArchive(archive, true)
	if err != nil {
		return nil, err
	}
	return search([]imageSet{set}, i)
}
