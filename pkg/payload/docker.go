package payload

import (
	"archive/tar"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"path"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/imageref"
)

// dockerListName is the list of images in what docker save writes.
const dockerListName = "manifest.json"

// openArchive opens an archive of images: an OCI layout or what docker save
// writes, which may be compressed. Alone says that the archive was made for one
// image, and need not say which.
func openArchive(file string, alone bool) (imageSet, error) {
	t, err := openTar(file)
	if err != nil {
		return nil, err
	}
	set, err := imagesOf(t, alone)
	if err == nil && set == nil {
		err = t.unreadable(nil)
	}
	return set, err
}

// imagesOf gives the images of an archive; nil when it holds none.
func imagesOf(t *tarFile, alone bool) (imageSet, error) {
	l, err := openLayout(t.name, t.open)
	if err != nil {
		return nil, err
	}
	if l != nil {
		l.alone = alone
		return l, nil
	}
	text, err := t.member(dockerListName, 16<<20)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	d := &dockerArchive{tar: t, alone: alone}
	if err != nil || json.Unmarshal(text, &d.manifest) != nil {
		return nil, diag.Failf("W009", diag.Position{File: t.name}, "the images are damaged: %s cannot be read", dockerListName).WithHint("copy or download it again")
	}
	return d, nil
}

// dockerArchive is what docker save wrote before release 25.
type dockerArchive struct {
	tar      *tarFile
	manifest tarball.Manifest
	alone    bool
}

// title implements [imageSet].
func (d *dockerArchive) title() string { return d.tar.name }

// candidates implements [imageSet]. The archive names no digests but those of
// the layers' content.
func (d *dockerArchive) candidates(i *Image) ([]candidate, error) {
	var out []candidate
	var other string
	for _, descriptor := range d.manifest {
		is := d.alone && len(descriptor.RepoTags) == 0
		for _, tag := range descriptor.RepoTags {
			// Kubernetes' own archives name an image with its architecture.
			is = is || imageref.Same(tag, i.Ref) || imageref.Same(strings.Replace(tag, "-"+i.Arch+":", ":", 1), i.Ref)
			other = tag
		}
		if !is {
			continue
		}
		var config v1.ConfigFile
		text, err := d.tar.member(path.Clean(descriptor.Config), 16<<20)
		if err != nil || json.Unmarshal(text, &config) != nil {
			return nil, d.damaged()
		}
		out = append(out, candidate{
			platform: v1.Platform{OS: config.OS, Architecture: config.Architecture, Variant: config.Variant},
			open:     func() (v1.Image, error) { return d.image(descriptor) },
		})
	}
	if len(out) == 0 && d.alone && other != "" {
		return nil, mislabelled(d.tar.name, i, other)
	}
	return out, nil
}

// image reads one image, all of it, and compares its layers with what its
// configuration names.
func (d *dockerArchive) image(descriptor tarball.Descriptor) (v1.Image, error) {
	descriptor.RepoTags = nil
	image, err := tarball.Image(func() (io.ReadCloser, error) { return d.only(descriptor) }, nil)
	if err != nil {
		return nil, d.damaged()
	}
	if err := validate.Image(image); err != nil {
		return nil, d.damaged()
	}
	return image, nil
}

// only gives the archive as one that holds a single image, and whose names are
// as the library looks for them.
func (d *dockerArchive) only(descriptor tarball.Descriptor) (io.ReadCloser, error) {
	list, err := json.Marshal(tarball.Manifest{descriptor})
	if err != nil {
		return nil, err
	}
	wanted := append([]string{descriptor.Config}, descriptor.Layers...)
	r, w := io.Pipe()
	go func() {
		out := tar.NewWriter(w)
		err := writeMember(out, dockerListName, int64(len(list)), func(to io.Writer) error { _, err := to.Write(list); return err })
		for _, name := range wanted {
			if err != nil {
				break
			}
			member := d.tar.members[path.Clean(name)]
			if member == nil {
				err = fs.ErrNotExist
				break
			}
			err = writeMember(out, name, member.Size(), func(to io.Writer) error {
				_, err := io.Copy(to, io.NewSectionReader(member, 0, member.Size()))
				return err
			})
		}
		if err == nil {
			err = out.Close()
		}
		w.CloseWithError(err)
	}()
	return r, nil
}

func writeMember(to *tar.Writer, name string, size int64, write func(io.Writer) error) error {
	if err := to.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: size, Typeflag: tar.TypeReg}); err != nil {
		return err
	}
	return write(to)
}

func (d *dockerArchive) damaged() error {
	return diag.Failf("W009", diag.Position{File: d.tar.name}, "the images are damaged: layers do not have the digests that their image names").
		WithHint("copy or download it again")
}
