package payload

import (
	"archive/tar"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/klauspost/compress/zstd"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/input"
)

// tarFile is an archive of files that can be read one by one.
type tarFile struct {
	name    string
	members map[string]*io.SectionReader
	order   []string // of members, as they stand in the archive
}

// open gives the content of a member.
func (t *tarFile) open(member string) (io.ReadCloser, error) {
	found, ok := t.members[member]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return io.NopCloser(io.NewSectionReader(found, 0, found.Size())), nil
}

// openTar opens an archive, which may be compressed by gzip, zstd or bzip2. A
// compressed one is expanded into a temporary file without a name, which is
// gone when the program ends: its parts are read more than once and in any order.
func openTar(name string) (*tarFile, error) {
	f, err := input.Open(name)
	if err != nil {
		return nil, diag.Failf("W004", diag.Position{File: name}, "cannot be read: %s", because(err))
	}
	content, size, err := expanded(f)
	if err != nil {
		return nil, diag.Failf("W009", diag.Position{File: name}, "the archive is damaged or cut off: %s", because(err)).WithHint("copy or download it again")
	}
	return indexTar(name, io.NewSectionReader(content, 0, size))
}

// compressions are the first bytes of compressed files.
var compressions = []struct {
	magic  string
	reader func(io.Reader) (io.Reader, error)
}{
	{"\x1f\x8b", func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) }},
	{"\x28\xb5\x2f\xfd", func(r io.Reader) (io.Reader, error) { return zstd.NewReader(r) }},
	{"BZh", func(r io.Reader) (io.Reader, error) { return bzip2.NewReader(r), nil }},
}

// decompressor gives what expands a file that begins so, or nil.
func decompressor(head []byte) func(io.Reader) (io.Reader, error) {
	for _, c := range compressions {
		if bytes.HasPrefix(head, []byte(c.magic)) {
			return c.reader
		}
	}
	return nil
}

// expanded gives the content of a file, without its compression.
func expanded(f *os.File) (io.ReaderAt, int64, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, 0, err
	}
	head := make([]byte, 4)
	n, _ := f.ReadAt(head, 0)
	expand := decompressor(head[:n])
	if expand == nil {
		return f, info.Size(), nil
	}
	defer f.Close()
	r, err := expand(f)
	if err != nil {
		return nil, 0, err
	}
	out, err := os.CreateTemp("", "kubespore-*.tar")
	if err != nil {
		return nil, 0, err
	}
	if err := os.Remove(out.Name()); err != nil {
		return nil, 0, err
	}
	size, err := copyUpTo(out, r, mostPart)
	return out, size, err
}

// indexTar notes where the members of an archive lie. Names that begin with /
// or ./ count as what follows.
func indexTar(name string, content *io.SectionReader) (*tarFile, error) {
	t := &tarFile{name: name, members: map[string]*io.SectionReader{}}
	for r := tar.NewReader(content); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return t, t.ended(content)
		}
		if err != nil {
			return nil, t.unreadable(err)
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		at, err := content.Seek(0, io.SeekCurrent)
		if err != nil {
			return nil, t.unreadable(err)
		}
		if at+h.Size > content.Size() {
			return nil, t.unreadable(io.ErrUnexpectedEOF)
		}
		member := strings.TrimPrefix(path.Clean("/"+h.Name), "/")
		if t.members[member] == nil {
			t.order = append(t.order, member)
		}
		t.members[member] = io.NewSectionReader(content, at, h.Size)
	}
}

// ended says whether an archive ends as every writer ends one, with a block of
// zeros. Without it the rest may be missing, even where a file ends.
func (t *tarFile) ended(content *io.SectionReader) error {
	const block = 512
	last := make([]byte, block)
	if n, err := content.ReadAt(last, max(0, content.Size()-block)); n < block || err != nil && !errors.Is(err, io.EOF) || len(bytes.Trim(last, "\x00")) > 0 {
		return t.unreadable(io.ErrUnexpectedEOF)
	}
	return nil
}

// unreadable says why a file cannot be read as an archive.
func (t *tarFile) unreadable(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) && len(t.members) > 0 {
		return diag.Failf("W009", diag.Position{File: t.name}, "the archive is cut off").WithHint("copy or download it again")
	}
	return diag.Failf("W004", diag.Position{File: t.name}, "this is not an archive of images or programs").
		WithHint("docker save and skopeo copy ... oci-archive:FILE write archives of images")
}

// looksLikeArchive says whether a file begins as a tar archive or a compressed
// file does.
func looksLikeArchive(head []byte) bool {
	const at = 257 // of the magic of tar, POSIX and GNU
	return decompressor(head) != nil || len(head) >= at+5 && string(head[at:at+5]) == "ustar"
}

// member reads a small member as a whole.
func (t *tarFile) member(name string, most int64) ([]byte, error) {
	found, ok := t.members[name]
	if !ok {
		return nil, fs.ErrNotExist
	}
	if found.Size() > most {
		return nil, fmt.Errorf("%s has %d bytes, which is too much", name, found.Size())
	}
	return io.ReadAll(io.NewSectionReader(found, 0, found.Size()))
}
