package payload

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/kubespore/kubespore/pkg/diag"
)

// Annotations by which an OCI layout names its images.
const (
	nameAnnotation = "io.containerd.image.name"
	refAnnotation  = "org.opencontainers.image.ref.name"
)

// layout is an OCI image layout: a folder, or an archive of one.
type layout struct {
	name  string
	index v1.IndexManifest
	open  func(file string) (io.ReadCloser, error)
	alone bool // it may be taken for the one image that it holds
}

// folderFiles opens files of a folder.
func folderFiles(dir string) func(string) (io.ReadCloser, error) {
	return func(file string) (io.ReadCloser, error) { return os.Open(filepath.Join(dir, filepath.FromSlash(file))) }
}

// tarFiles opens files of an archive that is not compressed, by where they lie
// in it.
func tarFiles(name string) (func(string) (io.ReadCloser, error), error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	type place struct{ at, size int64 }
	places := map[string]place{}
	for r := tar.NewReader(f); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		at, err := f.Seek(0, io.SeekCurrent)
		if err != nil {
			return nil, err
		}
		places[path.Clean(h.Name)] = place{at, h.Size}
	}
	return func(file string) (io.ReadCloser, error) {
		p, ok := places[file]
		if !ok {
			return nil, fs.ErrNotExist
		}
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		return &part{io.NewSectionReader(f, p.at, p.size), f}, nil
	}, nil
}

// part is a part of a file.
type part struct {
	io.Reader
	io.Closer
}

// openLayout reads the index of a layout. Without one it is none, and nil.
func openLayout(name string, open func(string) (io.ReadCloser, error)) (*layout, error) {
	r, err := open("index.json")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer r.Close()
	l := &layout{name: name, open: open}
	if err := json.NewDecoder(r).Decode(&l.index); err != nil {
		return nil, l.damaged("its index cannot be read")
	}
	return l, nil
}

// damaged says what is wrong with a layout.
func (l *layout) damaged(format string, args ...any) error {
	return diag.Failf("W009", diag.Position{File: l.name}, "the images are damaged: %s", fmt.Sprintf(format, args...)).
		WithHint("copy or download it again")
}

// find implements [imageSet].
func (l *layout) find(i *Image) (v1.Image, error) {
	for _, d := range l.index.Manifests {
		if sameRef(d.Annotations[nameAnnotation], i.Ref) || sameRef(d.Annotations[refAnnotation], i.Ref) ||
			l.alone && len(l.index.Manifests) == 1 {
			return l.forArch(d, i.Arch, 0)
		}
	}
	return nil, nil
}

// forArch gives the image behind a descriptor, which may be an index of one
// image for each architecture.
func (l *layout) forArch(d v1.Descriptor, arch string, depth int) (v1.Image, error) {
	if d.MediaType.IsImage() {
		return l.image(d)
	}
	if !d.MediaType.IsIndex() || depth > 2 {
		return nil, l.damaged("%s is no image", d.Digest)
	}
	text, err := l.blob(d.Digest)
	if err != nil {
		return nil, err
	}
	var index v1.IndexManifest
	if err := json.Unmarshal(text, &index); err != nil {
		return nil, l.damaged("the index %s cannot be read", d.Digest)
	}
	for _, below := range index.Manifests {
		if p := below.Platform; p == nil && len(index.Manifests) == 1 || p != nil && p.OS == "linux" && p.Architecture == arch {
			return l.forArch(below, arch, depth+1)
		}
	}
	return nil, nil
}

func (l *layout) image(d v1.Descriptor) (v1.Image, error) {
	raw, err := l.blob(d.Digest)
	if err != nil {
		return nil, err
	}
	m, err := v1.ParseManifest(bytes.NewReader(raw))
	if err != nil {
		return nil, l.damaged("the manifest %s cannot be read", d.Digest)
	}
	return partial.CompressedToImage(&layoutImage{l, d, raw, m})
}

// blob reads a small blob and holds it against its digest.
func (l *layout) blob(digest v1.Hash) ([]byte, error) {
	r, err := l.open(blobPath(digest))
	if err != nil {
		return nil, l.damaged("%s is missing", digest)
	}
	defer r.Close()
	text, err := io.ReadAll(io.LimitReader(r, 16<<20))
	if err != nil {
		return nil, err
	}
	if got, _, err := v1.SHA256(bytes.NewReader(text)); err != nil || got != digest {
		return nil, l.damaged("%s holds something else", digest)
	}
	return text, nil
}

func blobPath(digest v1.Hash) string { return path.Join("blobs", digest.Algorithm, digest.Hex) }

// layoutImage is an image of a layout, as partial.CompressedToImage wants it.
type layoutImage struct {
	layout     *layout
	descriptor v1.Descriptor
	raw        []byte
	manifest   *v1.Manifest
}

func (i *layoutImage) RawManifest() ([]byte, error)        { return i.raw, nil }
func (i *layoutImage) MediaType() (types.MediaType, error) { return i.descriptor.MediaType, nil }
func (i *layoutImage) RawConfigFile() ([]byte, error)      { return i.layout.blob(i.manifest.Config.Digest) }
func (i *layoutImage) LayerByDigest(h v1.Hash) (partial.CompressedLayer, error) {
	for _, d := range i.manifest.Layers {
		if d.Digest == h {
			return &layoutLayer{i.layout, d}, nil
		}
	}
	return nil, i.layout.damaged("the layer %s is missing", h)
}

// layoutLayer is a layer of a layout.
type layoutLayer struct {
	layout     *layout
	descriptor v1.Descriptor
}

func (l *layoutLayer) Digest() (v1.Hash, error)            { return l.descriptor.Digest, nil }
func (l *layoutLayer) Size() (int64, error)                { return l.descriptor.Size, nil }
func (l *layoutLayer) MediaType() (types.MediaType, error) { return l.descriptor.MediaType, nil }
func (l *layoutLayer) Compressed() (io.ReadCloser, error) {
	r, err := l.layout.open(blobPath(l.descriptor.Digest))
	if err != nil {
		return nil, l.layout.damaged("the layer %s is missing", l.descriptor.Digest)
	}
	return r, nil
}
