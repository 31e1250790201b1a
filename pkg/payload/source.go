package payload

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/kubespore/kubespore/pkg/diag"
)

// Source is a place where parts of a payload are.
type Source interface {
	// Name is what the user calls it.
	Name() string
	// Binary finds a program; nil when it is not there.
	Binary(ctx context.Context, b *Binary) (*Content, error)
	// Image finds an image; nil when it is not there.
	Image(ctx context.Context, i *Image) (*Found, error)
}

// Content is something to copy, from any byte on.
type Content struct {
	Size    int64  // -1 when unknown
	Version string // changes when the content does, as far as the source can tell
	From    string // the file that was taken, where the source has more than one
	Open    func(offset int64) (io.ReadCloser, error)
}

// Found is an image as a source has it. Either it can be read part by part, or
// it is an archive that must be fetched as a whole first.
type Found struct {
	Image   v1.Image
	Archive *Content
	Notes   diag.List // warnings about what was taken
}

// OpenSource finds out what a word of the command line means: a folder, an OCI
// layout, an archive of images, registry:HOST[/PATH], or the URL of a mirror.
func OpenSource(text string, web Web) (Source, error) {
	if address, ok := strings.CutPrefix(text, "registry:"); ok {
		return newRegistry(text, address, web)
	}
	if strings.HasPrefix(text, "http://") || strings.HasPrefix(text, "https://") {
		return newMirror(text, web)
	}
	info, err := os.Stat(text)
	switch {
	case err != nil:
		return nil, diag.Failf("W004", diag.Position{}, "the source %s is not there", text).
			WithHint("a source is a folder, an OCI layout, an archive of images, the URL of a mirror, or registry:HOST")
	case !info.IsDir():
		return newArchive(text)
	}
	return newFolder(filepath.Clean(text))
}

// imageSet is a number of images in one place.
type imageSet interface {
	// title names the place for people.
	title() string
	// candidates gives the images that go by a reference, of all architectures,
	// in the order in which the set has them.
	candidates(i *Image) ([]candidate, error)
}

// skipped is a source that knows which of its files it could not use, and why.
type skipped interface{ passedOver() diag.List }
