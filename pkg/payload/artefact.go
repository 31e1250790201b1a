package payload

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/durable"
	"github.com/kubespore/kubespore/pkg/input"
)

// A bundle in a registry has the form that oras gives to files: an image whose
// layers are the files as they are, each under the title that is its path.
const (
	artefactPrefix = "oci:"
	artefactType   = "application/vnd.kubespore.payload.v1+json"
	fileType       = "application/octet-stream"
	titleKey       = "org.opencontainers.image.title"
)

// artefact is a bundle's place in a registry.
type artefact struct {
	ref     name.Reference
	options []remote.Option
}

func newArtefact(ctx context.Context, text string, web Web) (*artefact, error) {
	ref, err := name.ParseReference(strings.TrimPrefix(text, artefactPrefix), name.StrictValidation)
	if err != nil {
		return nil, diag.Failf("W008", diag.Position{}, "%s does not name a place in a registry", text).
			WithHint("write oci:HOST:PORT/PATH:TAG, as in oci:registry.example/payloads/prod:2026-11")
	}
	client, err := web.client()
	return &artefact{ref, []remote.Option{remote.WithContext(ctx), remote.WithTransport(client.Transport), remote.WithAuthFromKeychain(authn.DefaultKeychain)}}, err
}

// fileLayer is a file of a bundle as a registry takes it.
type fileLayer struct {
	file File
	hash v1.Hash
}

func (l *fileLayer) Digest() (v1.Hash, error)             { return l.hash, nil }
func (l *fileLayer) DiffID() (v1.Hash, error)             { return l.hash, nil }
func (l *fileLayer) Compressed() (io.ReadCloser, error)   { return l.file.Open() }
func (l *fileLayer) Uncompressed() (io.ReadCloser, error) { return l.file.Open() }
func (l *fileLayer) Size() (int64, error)                 { return l.file.Size, nil }
func (l *fileLayer) MediaType() (types.MediaType, error)  { return fileType, nil }

// Push writes a bundle into a registry and gives the digest by which cosign signs
// it. The same bundle has the same digest.
func Push(ctx context.Context, b *Bundle, text string, web Web) (string, error) {
	at, err := newArtefact(ctx, text, web)
	if err != nil {
		return "", err
	}
	if len(b.files) == 0 {
		return "", diag.Failf("W008", diag.Position{File: b.name}, "this bundle does not say which files it has").WithHint("name the folder or the volume that kubespore payload pack wrote")
	}
	var layers []mutate.Addendum
	for _, f := range b.files {
		sum, err := digestOf(f)
		if err != nil {
			return "", unreadable(b.name, err)
		}
		layers = append(layers, mutate.Addendum{Layer: &fileLayer{f, sum}, Annotations: map[string]string{titleKey: f.Path}, MediaType: fileType})
	}
	image, err := mutate.Append(mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), artefactType), layers...)
	if err != nil {
		return "", err
	}
	if err := remote.Write(at.ref, image, at.options...); err != nil {
		return "", diag.Failf("W010", diag.Position{}, "%s does not take the bundle: %s", text, because(err)).WithHint("log in with docker login; --ca names the authority of a registry of your own")
	}
	digest, err := image.Digest()
	return at.ref.Context().Name() + "@" + digest.String(), err
}

func digestOf(f File) (v1.Hash, error) {
	r, err := f.Open()
	if err != nil {
		return v1.Hash{}, err
	}
	sum, _, err := v1.SHA256(r)
	return sum, errors.Join(err, r.Close())
}

// openArtefact lists what a registry has of a bundle. Its files are read as they
// are asked for, and an error says when one is not what its digest says.
func openArtefact(ctx context.Context, text string, web Web) (*Bundle, map[string]v1.Hash, error) {
	at, err := newArtefact(ctx, text, web)
	if err != nil {
		return nil, nil, err
	}
	image, err := remote.Image(at.ref, at.options...)
	if err != nil {
		return nil, nil, diag.Failf("W008", diag.Position{}, "%s cannot be read: %s", text, because(err)).WithHint("kubespore payload push writes a bundle into a registry")
	}
	manifest, err := image.Manifest()
	if err != nil || manifest.Config.MediaType != artefactType {
		return nil, nil, diag.Failf("W008", diag.Position{}, "%s is not a payload: kubespore payload push did not write it", text).WithHint("name the place that kubespore payload push was given")
	}
	sums := map[string]v1.Hash{}
	b := &Bundle{name: text, Close: func() error { return nil }}
	b.file = b.look
	for _, d := range manifest.Layers {
		path := d.Annotations[titleKey]
		if !fs.ValidPath(path) || path == "." || sums[path].Hex != "" {
			return nil, nil, diag.Failf("W008", diag.Position{}, "%s has a file with the path %q", text, path).WithHint("do not use it: kubespore payload push does not write such a path")
		}
		sums[path] = d.Digest
		b.files = append(b.files, File{Path: path, Size: d.Size, Executable: strings.HasPrefix(path, "binaries/"), Open: func() (io.ReadCloser, error) {
			layer, err := image.LayerByDigest(d.Digest)
			if err != nil {
				return nil, err
			}
			return layer.Compressed()
		}})
	}
	slices.SortFunc(b.files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	return b, sums, nil
}

// Pulled says what a pull did.
type Pulled struct {
	Copied int `json:"copied"`
	Kept   int `json:"kept"`
}

// Pull writes what a registry has of a bundle into a folder. A file that is there
// with the same content stays: a pull that was interrupted goes on.
func Pull(ctx context.Context, text, dir string, web Web) (Pulled, error) {
	var done Pulled
	b, sums, err := openArtefact(ctx, text, web)
	if err != nil {
		return done, err
	}
	disk := durable.OS{}
	for _, f := range b.files {
		target := filepath.Join(dir, filepath.FromSlash(f.Path))
		if holds(target, f.Size, sums[f.Path]) {
			done.Kept++
			continue
		}
		if err := place(disk, f, filepath.Join(dir, partialDir, sums[f.Path].Hex), target); err != nil {
			return done, diag.Failf("W010", diag.Position{File: target}, "cannot be written: %s", because(err)).WithHint("run the command again: it goes on where it stopped")
		}
		done.Copied++
	}
	return done, errors.Join(disk.RemoveAll(filepath.Join(dir, partialDir)), disk.Sync(dir))
}

// place copies a file next to its folder, and moves it there when it is whole.
func place(disk durable.OS, f File, partial, target string) error {
	mode := fs.FileMode(0o644)
	if f.Executable {
		mode = 0o755
	}
	for _, folder := range []string{filepath.Dir(partial), filepath.Dir(target)} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return err
		}
	}
	err := disk.Stream(partial, mode, func(w io.Writer) error {
		r, err := f.Open()
		if err != nil {
			return err
		}
		_, err = copyUpTo(w, r, mostPart)
		return errors.Join(err, r.Close())
	})
	if err != nil {
		return err
	}
	return disk.Rename(partial, target)
}

// holds says whether a file is there with this content.
func holds(name string, size int64, sum v1.Hash) bool {
	info, err := os.Stat(name)
	if err != nil || info.Size() != size {
		return false
	}
	got, err := digestOf(File{Open: func() (io.ReadCloser, error) { return input.Open(name) }})
	return err == nil && got == sum
}
