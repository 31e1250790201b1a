package payload

import (
	"compress/gzip"
	"io"
	"os"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/kubespore/kubespore/pkg/diag"
)

// openArchive opens an archive of images: an OCI layout or what docker save
// writes, which may be compressed.
func openArchive(file string) (imageSet, error) {
	if open, err := tarFiles(file); err == nil {
		l, err := openLayout(file, open)
		if err != nil {
			return nil, err
		}
		if l != nil {
			return l, nil
		}
	}
	d := &dockerArchive{name: file, open: opener(file)}
	var err error
	if d.manifest, err = tarball.LoadManifest(d.open); err != nil {
		return nil, diag.Failf("W004", diag.Position{File: file}, "this is no archive of images").
			WithHint("docker save and skopeo copy ... oci-archive:FILE write one; an OCI layout must not be compressed")
	}
	return d, nil
}

// opener opens a file, through gzip when it is compressed.
func opener(file string) tarball.Opener {
	return func() (io.ReadCloser, error) {
		f, err := os.Open(file)
		if err != nil {
			return nil, err
		}
		if z, err := gzip.NewReader(f); err == nil {
			return &part{z, f}, nil
		}
		_, err = f.Seek(0, io.SeekStart)
		return f, err
	}
}

// dockerArchive is what docker save writes.
type dockerArchive struct {
	name     string
	open     tarball.Opener
	manifest tarball.Manifest
}

// find implements [imageSet]. The archive names no digests but those of the
// layers' content, so all of it is read and held against them.
func (d *dockerArchive) find(i *Image) (v1.Image, error) {
	for _, descriptor := range d.manifest {
		for _, tag := range descriptor.RepoTags {
			if !sameRef(tag, i.Ref) {
				continue
			}
			parsed, err := name.NewTag(tag)
			if err != nil {
				return nil, d.damaged()
			}
			image, err := tarball.Image(d.open, &parsed)
			if err != nil {
				return nil, d.damaged()
			}
			if err := validate.Image(image); err != nil {
				return nil, d.damaged()
			}
			return image, nil
		}
	}
	return nil, nil
}

func (d *dockerArchive) damaged() error {
	return diag.Failf("W009", diag.Position{File: d.name}, "the images are damaged: layers do not have the digests that their image names").
		WithHint("copy or download it again")
}

// sameRef compares references as container runtimes do: docker.io/library/a is
// what Docker calls a.
func sameRef(a, b string) bool {
	if a == b {
		return a != ""
	}
	x, err := name.ParseReference(a)
	if err != nil {
		return false
	}
	y, err := name.ParseReference(b)
	return err == nil && x.Name() == y.Name()
}
