package payload

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/input"
)

// archive writes an image as an OCI archive into a temporary file of the
// bundle, with the list that Docker reads. The same image and name give the same bytes. Blobs are collected
// first and kept, so that a run that was stopped need not read them again.
func archive(dir string, i *Image, image v1.Image, report func(done, total int64)) (*fetched, v1.Hash, error) {
	raw, err := image.RawManifest()
	if err != nil {
		return nil, v1.Hash{}, err
	}
	manifest, err := image.Manifest()
	if err != nil {
		return nil, v1.Hash{}, err
	}
	digest, size, err := v1.SHA256(strings.NewReader(string(raw)))
	if err != nil {
		return nil, v1.Hash{}, err
	}
	mediaType, err := image.MediaType()
	if err != nil {
		return nil, v1.Hash{}, err
	}
	cache := filepath.Join(dir, partialDir, "blobs")
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return nil, v1.Hash{}, err
	}
	blobs, err := collect(cache, image, manifest, report)
	if err != nil {
		return nil, v1.Hash{}, err
	}
	head := []member{
		{name: "oci-layout", text: []byte(`{"imageLayoutVersion":"1.0.0"}`)},
		{name: "index.json", text: indexOf(i, mediaType, digest, size)},
		{name: "manifest.json", text: dockerList(i, manifest)},
		{name: blobPath(digest), text: raw},
	}
	out, err := pack(filepath.Join(dir, partialDir, fileName(i.File)), append(head, blobs...))
	if err != nil {
		return nil, v1.Hash{}, err
	}
	for _, b := range blobs {
		if err := os.Remove(b.file); err != nil {
			return nil, v1.Hash{}, err
		}
	}
	return out, digest, nil
}

// member is a file of an archive: a text, or a file on the disk.
type member struct {
	name string
	text []byte
	file string
	size int64
}

// indexOf names the image as containerd and Docker read it.
func indexOf(i *Image, mediaType types.MediaType, digest v1.Hash, size int64) []byte {
	index := v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex, Manifests: []v1.Descriptor{{
		MediaType: mediaType, Digest: digest, Size: size, Platform: &v1.Platform{OS: "linux", Architecture: i.Arch},
		Annotations: map[string]string{nameAnnotation: i.Ref, refAnnotation: i.Ref},
	}}}
	text, _ := json.Marshal(index) // plain values always marshal
	return text
}

// dockerList names the image as Docker's older store reads it, which knows no
// OCI layout: docker save writes it next to one, too.
func dockerList(i *Image, manifest *v1.Manifest) []byte {
	type image struct {
		Config   string
		RepoTags []string
		Layers   []string
	}
	list := image{Config: blobPath(manifest.Config.Digest), RepoTags: []string{i.Ref}, Layers: []string{}}
	for _, l := range manifest.Layers {
		list.Layers = append(list.Layers, blobPath(l.Digest))
	}
	text, _ := json.Marshal([]image{list}) // plain values always marshal
	return text
}

// collect has every blob of an image in a folder, each checked by its digest.
func collect(cache string, image v1.Image, manifest *v1.Manifest, report func(done, total int64)) ([]member, error) {
	var total, done int64
	wanted := append([]v1.Descriptor{manifest.Config}, manifest.Layers...)
	slices.SortFunc(wanted, func(a, b v1.Descriptor) int { return strings.Compare(a.Digest.String(), b.Digest.String()) })
	wanted = slices.CompactFunc(wanted, func(a, b v1.Descriptor) bool { return a.Digest == b.Digest })
	for _, d := range wanted {
		total += d.Size
	}
	var out []member
	for _, d := range wanted {
		file := filepath.Join(cache, d.Digest.Hex)
		if got, size, err := sumFile(file, nil); err != nil || got != d.Digest.Hex || size != d.Size {
			before := done
			if err := saveBlob(file, image, manifest, d, func(n, _ int64) {
				if report != nil {
					report(before+n, total)
				}
			}); err != nil {
				return nil, err
			}
		}
		done += d.Size
		out = append(out, member{name: blobPath(d.Digest), file: file, size: d.Size})
	}
	return out, nil
}

// saveBlob writes one blob of an image to a file.
func saveBlob(file string, image v1.Image, manifest *v1.Manifest, d v1.Descriptor, report func(done, total int64)) error {
	r, err := openBlob(image, manifest, d)
	if err != nil {
		return err
	}
	defer r.Close()
	w, err := os.Create(file)
	if err != nil {
		return err
	}
	defer w.Close()
	sum := sha256.New()
	if _, err := io.Copy(io.MultiWriter(w, sum), &counter{r: r, report: report}); err != nil {
		return err
	}
	if hex.EncodeToString(sum.Sum(nil)) != d.Digest.Hex {
		return diag.Failf("W009", diag.Position{}, "the images are damaged: the layer %s holds something else", d.Digest).
			WithHint("copy or download it again")
	}
	return w.Close()
}

func openBlob(image v1.Image, manifest *v1.Manifest, d v1.Descriptor) (io.ReadCloser, error) {
	if d.Digest == manifest.Config.Digest {
		raw, err := image.RawConfigFile()
		return io.NopCloser(strings.NewReader(string(raw))), err
	}
	layer, err := image.LayerByDigest(d.Digest)
	if err != nil {
		return nil, err
	}
	return layer.Compressed()
}

// pack writes members into an archive that depends on nothing but them.
func pack(name string, members []member) (*fetched, error) {
	f, err := os.Create(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	sum := sha256.New()
	w := tar.NewWriter(io.MultiWriter(f, sum))
	for _, m := range members {
		if err := m.write(w); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	size, err := f.Seek(0, io.SeekCurrent)
	if err != nil {
		return nil, err
	}
	return &fetched{path: name, sha256: hex.EncodeToString(sum.Sum(nil)), size: size}, f.Sync()
}

func (m member) write(w *tar.Writer) error {
	size := m.size
	if m.file == "" {
		size = int64(len(m.text))
	}
	if err := w.WriteHeader(&tar.Header{Name: m.name, Mode: 0o644, Size: size, Typeflag: tar.TypeReg, Format: tar.FormatUSTAR}); err != nil {
		return err
	}
	if m.file == "" {
		_, err := w.Write(m.text)
		return err
	}
	f, err := input.Open(m.file)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(w, f)
	return err
}
