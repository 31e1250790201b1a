package payload

import (
	"encoding/json"
	"errors"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/durable"
	"github.com/kubespore/kubespore/pkg/plan"
)

// served is an image as a registry has it: under one name, for one or more
// architectures.
type served struct {
	repository, tag string // no tag when the reference is a digest
	refs            []string
	manifests       []v1.Descriptor
}

// WriteStorage writes the images of a bundle as the storage tree of a registry
// of distribution's make: started on that folder, it serves every image under
// its name without the host, which is what a runtime asks a mirror for, and by
// digest. An image locked for several architectures is served as an index of
// them. What is in the folder already, whole and right, stays.
func WriteStorage(dir, bundle string, lock plan.Lock, progress func(part string, done, total int64)) error {
	s := storage{root: filepath.Join(dir, "docker", "registry", "v2")}
	names := map[string]*served{}
	var order []*served
	for i := range lock.Images {
		image := &Image{Ref: lock.Images[i].Ref, Arch: lock.Images[i].Arch, Digest: lock.Images[i].Digest, File: lock.Images[i].File}
		where, err := servedAs(image.Ref)
		if err != nil {
			return err
		}
		var report func(done, total int64)
		if progress != nil {
			report = func(done, total int64) { progress(image.title(), done, total) }
		}
		manifest, err := s.image(where.repository, filepath.Join(bundle, filepath.FromSlash(image.File)), image, report)
		if err != nil {
			return s.failed(err)
		}
		key := where.repository + ":" + where.tag
		if where.tag == "" {
			key = image.Ref
		}
		if names[key] == nil {
			names[key] = where
			order = append(order, where)
		}
		if err := names[key].add(image, manifest); err != nil {
			return err
		}
	}
	for _, where := range order {
		if err := s.name(where); err != nil {
			return s.failed(err)
		}
	}
	return s.failed(durable.OS{}.Sync(dir))
}

// servedAs gives the name under which a registry serves a reference.
func servedAs(ref string) (*served, error) {
	parsed, err := name.ParseReference(ref)
	if err != nil {
		return nil, diag.Failf("W012", diag.Position{}, "%s is not a reference of an image", ref)
	}
	out := &served{repository: parsed.Context().RepositoryStr()}
	if tag, ok := parsed.(name.Tag); ok {
		out.tag = tag.TagStr()
	}
	return out, nil
}

// add notes one more architecture of an image.
func (s *served) add(i *Image, manifest v1.Descriptor) error {
	manifest.Platform = &v1.Platform{OS: "linux", Architecture: i.Arch}
	for at, known := range s.manifests {
		if known.Platform.Architecture == i.Arch && known.Digest != manifest.Digest {
			return diag.Failf("W012", diag.Position{}, "one registry cannot serve both %s and %s: without their hosts they have the same name", s.refs[at], i.Ref).
				WithHint("give one of them another path in its profile's parameter image")
		}
	}
	if _, wanted, pinned := strings.Cut(i.Ref, "@"); pinned && wanted != manifest.Digest.String() {
		return diag.Failf("W012", diag.Position{}, "a registry cannot serve %s from this bundle, which holds the image for %s alone: its digest is %s", i.Ref, i.Arch, manifest.Digest).
			WithHint("name the image by its tag: the lock pins its digest")
	}
	s.refs, s.manifests = append(s.refs, i.Ref), append(s.manifests, manifest)
	return nil
}

// storage is the storage tree of a registry.
type storage struct{ root string }

// image writes the blobs of an image, and the links that let one repository
// give them.
func (s storage) image(repository, archive string, i *Image, report func(done, total int64)) (v1.Descriptor, error) {
	var out v1.Descriptor
	found, err := imageIn(archive, i)
	if err != nil {
		return out, err
	}
	if found == nil {
		return out, diag.Failf("W008", diag.Position{File: archive}, "the bundle does not hold %s", i.title())
	}
	image := found.Image
	raw, err := image.RawManifest()
	if err != nil {
		return out, err
	}
	manifest, err := image.Manifest()
	if err != nil {
		return out, err
	}
	if out.MediaType, err = image.MediaType(); err != nil {
		return out, err
	}
	for _, d := range append([]v1.Descriptor{manifest.Config}, manifest.Layers...) {
		if err := s.blob(image, manifest, d, report); err != nil {
			return out, err
		}
		if err := s.link(d.Digest, "repositories", repository, "_layers", d.Digest.Algorithm, d.Digest.Hex); err != nil {
			return out, err
		}
	}
	out.Digest, out.Size, err = s.manifest(repository, raw)
	return out, err
}

// blob writes one blob of an image and checks its digest.
func (s storage) blob(image v1.Image, manifest *v1.Manifest, d v1.Descriptor, report func(done, total int64)) error {
	file := s.blobFile(d.Digest)
	if got, size, err := sumFile(file, nil); err == nil && got == d.Digest.Hex && size == d.Size {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	part := file + ".part"
	if err := saveBlob(part, image, manifest, d, func(done, _ int64) {
		if report != nil {
			report(done, d.Size)
		}
	}); err != nil {
		return errors.Join(err, os.Remove(part))
	}
	return os.Rename(part, file)
}

// manifest writes a manifest, and the links that let one repository give it.
func (s storage) manifest(repository string, raw []byte) (v1.Hash, int64, error) {
	digest, size, err := v1.SHA256(strings.NewReader(string(raw)))
	if err != nil {
		return digest, size, err
	}
	if err := writeSynced(s.blobFile(digest), raw); err != nil {
		return digest, size, err
	}
	return digest, size, s.link(digest, "repositories", repository, "_manifests", "revisions", digest.Algorithm, digest.Hex)
}

// name lets a tag stand for an image, or for an index of one image for each
// architecture.
func (s storage) name(where *served) error {
	if where.tag == "" {
		return nil
	}
	slices.SortFunc(where.manifests, func(a, b v1.Descriptor) int {
		return strings.Compare(a.Platform.Architecture, b.Platform.Architecture)
	})
	where.manifests = slices.CompactFunc(where.manifests, func(a, b v1.Descriptor) bool { return a.Digest == b.Digest })
	digest := where.manifests[0].Digest
	if len(where.manifests) > 1 {
		raw, err := json.Marshal(v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex, Manifests: where.manifests})
		if err != nil {
			return err
		}
		if digest, _, err = s.manifest(where.repository, raw); err != nil {
			return err
		}
	}
	tag := path.Join("repositories", where.repository, "_manifests", "tags", where.tag)
	if err := s.link(digest, tag, "index", digest.Algorithm, digest.Hex); err != nil {
		return err
	}
	return s.link(digest, tag, "current")
}

// link writes the file that says which blob a place of a repository stands for.
func (s storage) link(digest v1.Hash, place ...string) error {
	return writeSynced(filepath.Join(s.root, filepath.FromSlash(path.Join(place...)), "link"), []byte(digest.String()))
}

func (s storage) blobFile(digest v1.Hash) string {
	return filepath.Join(s.root, "blobs", digest.Algorithm, digest.Hex[:2], digest.Hex, "data")
}

// failed says what went wrong with the tree.
func (s storage) failed(err error) error {
	var known *diag.Failure
	if err == nil || errors.As(err, &known) {
		return err
	}
	return cannotWrite(s.root, err)
}

// writeSynced writes a small file, with its folders, so that readers see all of it.
func writeSynced(file string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	part := file + ".part"
	if err := os.WriteFile(part, text, 0o644); err != nil {
		return err
	}
	return os.Rename(part, file)
}
