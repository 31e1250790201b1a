package payload

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"path/filepath"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/imageref"
	"github.com/kubespore/kubespore/pkg/input"
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
	alone bool // made for one image: it need not say which it holds
}

// title implements [imageSet].
func (l *layout) title() string { return l.name }

// folderFiles opens files of a folder.
func folderFiles(dir string) func(string) (io.ReadCloser, error) {
	return func(file string) (io.ReadCloser, error) {
		return input.Open(filepath.Join(dir, filepath.FromSlash(file)))
	}
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

// named says whether a descriptor goes by a reference, and by which name it
// goes in full: exporters also write a tag alone.
func named(d v1.Descriptor, ref string) (is bool, full string) {
	for _, text := range []string{d.Annotations[nameAnnotation], d.Annotations[refAnnotation]} {
		if imageref.Same(text, ref) {
			return true, text
		}
		if full == "" && imageref.IsFull(text) {
			full = text
		}
	}
	return false, full
}

// candidates implements [imageSet].
func (l *layout) candidates(i *Image) ([]candidate, error) {
	var out, unnamed []candidate
	var other string
	var failures []error
	if out := l.pinned(imageref.Digest(i.Ref)); len(out) > 0 {
		return out, nil
	}
	for _, d := range l.index.Manifests {
		is, full := named(d, i.Ref)
		if !is && (!l.alone || full != "") {
			other = cmp.Or(full, other)
			continue
		}
		into := &unnamed
		if is {
			into = &out
		}
		if err := l.descend(d, nil, into); err != nil {
			failures = append(failures, err)
		}
	}
	switch {
	case len(out) > 0:
		return out, nil
	case len(unnamed) > 0:
		return unnamed, nil
	case l.alone && other != "" && len(failures) == 0:
		return nil, mislabelled(l.name, i, other)
	}
	return nil, errors.Join(failures...)
}

// pinned gives what has a digest, under any name: the digest identifies the content.
func (l *layout) pinned(digest string) []candidate {
	if digest == "" {
		return nil
	}
	var all []candidate
	for _, d := range l.index.Manifests {
		_ = l.descend(d, nil, &all) // what is damaged is not the one, or its name leads to it below
	}
	return slices.DeleteFunc(all, func(c candidate) bool { return !slices.Contains(c.digests, digest) })
}

// mislabelled says that an archive names another image than its own file name
// says.
func mislabelled(file string, i *Image, other string) error {
	return diag.Failf("W014", diag.Position{File: file}, "the archive says that it holds %s, and %s is needed", other, i.Ref).
		WithHint("fetch the image again, or give the archive the name of what it holds")
}

// descend collects the images behind a descriptor, which may be an index of one
// image for each architecture. An export of some architectures lists all of
// them: an image without any of its parts does not count.
func (l *layout) descend(d v1.Descriptor, above []string, out *[]candidate) error {
	const deepest = 3
	digests := append(slices.Clone(above), d.Digest.String())
	if d.Annotations["vnd.docker.reference.type"] != "" {
		return nil // an attestation of buildx
	}
	text, err := l.blob(d.Digest)
	if err != nil {
		if len(above) > 0 {
			if r, absent := l.open(blobPath(d.Digest)); errors.Is(absent, fs.ErrNotExist) {
				return nil
			} else if absent == nil {
				r.Close()
			}
		}
		return err
	}
	switch mediaTypeOf(d, text) {
	case types.OCIImageIndex, types.DockerManifestList:
		var index v1.IndexManifest
		if err := json.Unmarshal(text, &index); err != nil || len(above) >= deepest {
			return l.damaged("the index %s cannot be read", d.Digest)
		}
		var failures []error
		before := len(*out)
		for _, below := range index.Manifests {
			if err := l.descend(below, digests, out); err != nil {
				failures = append(failures, err)
			}
		}
		if len(*out) > before {
			return nil
		}
		return errors.Join(failures...)
	case types.OCIManifestSchema1, types.DockerManifestSchema2:
		return l.collect(d, text, digests, out)
	}
	return l.damaged("%s is neither an image nor an index", d.Digest)
}

// mediaTypeOf says what a blob is: an index that names it need not say so.
func mediaTypeOf(d v1.Descriptor, text []byte) types.MediaType {
	if d.MediaType.IsImage() || d.MediaType.IsIndex() {
		return d.MediaType
	}
	var is struct {
		MediaType types.MediaType
		Config    *json.RawMessage
		Manifests *json.RawMessage
	}
	switch err := json.Unmarshal(text, &is); {
	case err != nil:
		return d.MediaType
	case is.MediaType != "":
		return is.MediaType
	case is.Manifests != nil:
		return types.OCIImageIndex
	case is.Config != nil:
		return types.OCIManifestSchema1
	}
	return d.MediaType
}

// collect adds one image. Its own configuration says for which machines it is.
func (l *layout) collect(d v1.Descriptor, raw []byte, digests []string, out *[]candidate) error {
	d.MediaType = mediaTypeOf(d, raw)
	m, err := v1.ParseManifest(bytes.NewReader(raw))
	if err != nil {
		return l.damaged("the manifest %s cannot be read", d.Digest)
	}
	if !m.Config.MediaType.IsConfig() {
		return nil // an artifact that is not a container image, such as a signature
	}
	image, err := partial.CompressedToImage(&layoutImage{l, d, raw, m})
	if err != nil {
		return l.damaged("the manifest %s cannot be read", d.Digest)
	}
	config, err := image.ConfigFile()
	if err != nil {
		return err
	}
	platform := v1.Platform{OS: config.OS, Architecture: config.Architecture, Variant: config.Variant}
	if d.Platform != nil && d.Platform.Variant != "" {
		platform.Variant = d.Platform.Variant
	}
	*out = append(*out, candidate{platform: platform, digests: digests, open: func() (v1.Image, error) { return image, l.whole(m) }})
	return nil
}

// whole says which layer is missing before an image is taken.
func (l *layout) whole(m *v1.Manifest) error {
	for _, layer := range m.Layers {
		r, err := l.open(blobPath(layer.Digest))
		if err != nil {
			return l.damaged("the layer %s is missing", layer.Digest)
		}
		r.Close()
	}
	return nil
}

// blob reads a small blob and checks its digest.
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
