package payload

import (
	"fmt"
	"io"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/kubespore/kubespore/pkg/diag"
)

// sourceArchive is an archive in a source, opened when something is looked for
// in it.
type sourceArchive struct {
	file   string
	opened bool
	tar    *tarFile
	images []imageSet
	err    error // why it could not be used
}

// open reads what the archive holds, once. An archive of archives, as the one of
// Kubernetes' servers is, gives the images of all of them.
func (a *sourceArchive) open() {
	if a.opened {
		return
	}
	a.opened = true
	if a.tar, a.err = openTar(a.file); a.err != nil {
		return
	}
	set, err := imagesOf(a.tar, false)
	if a.err = err; set != nil {
		a.images = []imageSet{set}
	}
	if err != nil || set != nil {
		return
	}
	for _, name := range a.tar.order {
		if !strings.HasSuffix(name, ".tar") {
			continue
		}
		inner, err := indexTar(a.file+"/"+name, a.tar.members[name])
		if err != nil {
			a.err = err
			return
		}
		set, err := imagesOf(inner, false)
		if err != nil {
			a.err = err
		}
		if set != nil {
			a.images = append(a.images, set)
		}
	}
}

// kubernetesArchive is how the archives of Kubernetes' programs are called.
var kubernetesArchive = regexp.MustCompile(`^kubernetes-(server|node|client)-linux-([a-z0-9]+)\.tar\.gz$`)

// program gives a program out of the archive in which its makers publish it,
// under the name that it has there. Nil when this is not that archive.
func (a *sourceArchive) program(b *Binary) (*Content, error) {
	base := path.Base(strings.ReplaceAll(a.file, "\\", "/"))
	var member string
	named := kubernetesArchive.FindStringSubmatch(base)
	switch {
	case b.URL != "" && base == path.Base(b.URL) && b.Member != "":
		member = path.Clean(b.Member)
	case named != nil && named[2] == b.Arch && strings.HasPrefix(b.Version, "v"):
		member = path.Join("kubernetes", named[1], "bin", b.Name)
	default:
		return nil, nil
	}
	a.open()
	if a.err != nil {
		return nil, a.err
	}
	found := a.tar.members[member]
	if found == nil {
		return nil, nil
	}
	if named != nil && !contains(io.NewSectionReader(found, 0, found.Size()), b.Version) {
		return nil, diag.Failf("W014", diag.Position{File: a.file}, "%s in it is not of version %s", b.Name, b.Version).
			WithHint("take the archive of that release, or set kubernetes.version to the release that you have")
	}
	return &Content{Size: found.Size(), From: a.file, Version: fmt.Sprint(a.file, member, found.Size()), Open: func(offset int64) (io.ReadCloser, error) {
		return io.NopCloser(io.NewSectionReader(found, offset, found.Size()-offset)), nil
	}}, nil
}

// contains says whether a text stands in a content as a word: Go programs carry
// the version that they were built with.
func contains(r io.Reader, text string) bool {
	whole := regexp.MustCompile(regexp.QuoteMeta(text) + `([^0-9A-Za-z.+-]|$)`)
	buffer := make([]byte, 0, 1<<20)
	for {
		n, err := io.ReadFull(r, buffer[len(buffer):cap(buffer)])
		buffer = buffer[:len(buffer)+n]
		if whole.Match(buffer) {
			return true
		}
		if err != nil {
			return false
		}
		// What begins at the end of one part goes on in the next.
		keep := slices.Clone(buffer[len(buffer)-len(text)-1:])
		buffer = append(buffer[:0], keep...)
	}
}
