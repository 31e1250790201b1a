package payload

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/kubespore/kubespore/pkg/diag"
)

// folder is a folder of programs and archives of images: a bundle, what the
// download script made, the root of a machine, an OCI layout, or simply files.
type folder struct {
	imageSource
	dir string
}

func newFolder(dir string) (Source, error) {
	f := &folder{imageSource{name: dir}, dir}
	l, err := openLayout(dir, folderFiles(dir))
	if err != nil {
		return nil, err
	}
	if l != nil {
		f.sets = append(f.sets, l)
	}
	for _, pattern := range []string{"*", "images/*"} {
		archives, err := filepath.Glob(filepath.Join(escapeGlob(dir), pattern))
		if err != nil {
			return nil, err
		}
		for _, name := range archives {
			if !strings.HasSuffix(name, ".tar") && !strings.HasSuffix(name, ".tar.gz") && !strings.HasSuffix(name, ".tgz") {
				continue
			}
			if set, err := openArchive(name); err == nil { // an archive of something else is nobody's business
				f.sets = append(f.sets, set)
			}
		}
	}
	return f, nil
}

// escapeGlob takes the meaning away from characters of a folder's name.
func escapeGlob(dir string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(dir)
}

// Binary implements [Source].
func (f *folder) Binary(_ context.Context, b *Binary) (*Content, error) {
	candidates := []string{b.File, path.Join(b.Arch, b.Name), path.Join(b.Arch, path.Base(b.File)), b.Name, path.Base(b.File)}
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
	return &Content{Size: info.Size(), Version: fmt.Sprint(name, info.ModTime().UnixNano(), info.Size()), Open: func(offset int64) (io.ReadCloser, error) {
		r, err := os.Open(name)
		if err != nil {
			return nil, diag.Failf("W004", diag.Position{File: name}, "cannot be read")
		}
		_, err = r.Seek(offset, io.SeekStart)
		return r, err
	}}, nil
}

// Image implements [Source]. An archive under the name that a bundle gives it
// need not say which image it holds.
func (f *folder) Image(ctx context.Context, i *Image) (*Found, error) {
	own := filepath.Join(f.dir, filepath.FromSlash(i.File))
	if _, err := os.Stat(own); err == nil {
		image, err := imageIn(own, i)
		if err != nil || image != nil {
			return &Found{Image: image}, err
		}
	}
	return f.imageSource.Image(ctx, i)
}

// imageIn gives an image out of an archive that was made for it.
func imageIn(archive string, i *Image) (v1.Image, error) {
	set, err := openArchive(archive)
	if err != nil {
		return nil, err
	}
	if l, ok := set.(*layout); ok {
		l.alone = true
	}
	return set.find(i)
}
