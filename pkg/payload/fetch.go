package payload

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/kubespore/kubespore/pkg/input"
)

// partialDir is where a bundle keeps what is not whole yet.
const partialDir = ".partial"

// fetched is a whole file that is not in its place yet.
type fetched struct {
	path    string // of the temporary file, flushed to the disk
	sha256  string
	size    int64
	resumed bool // some of it is from an earlier run
}

// fetch copies a content into a temporary file, going on where an earlier run
// stopped when the source still has the same.
func fetch(dir, source, file string, c *Content, report func(done, total int64)) (*fetched, error) {
	if c.Size > mostPart {
		return nil, errHuge()
	}
	key := sha256.Sum256([]byte(source + "\n" + file + "\n" + c.Version))
	name := filepath.Join(dir, partialDir, hex.EncodeToString(key[:8]))
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	sum := sha256.New()
	have, err := io.Copy(sum, f)
	if err != nil {
		return nil, err
	}
	if c.Size >= 0 && have > c.Size {
		return nil, errors.Join(errTooLong, os.Remove(name))
	}
	out := &fetched{path: name, size: have, resumed: have > 0}
	if have != c.Size || have == 0 {
		r, err := c.Open(have)
		if err != nil {
			return nil, err
		}
		defer r.Close()
		counted := &counter{r: r, done: have, total: c.Size, report: report}
		if _, err := copyUpTo(io.MultiWriter(f, sum), counted, mostPart-have); err != nil {
			return nil, err
		}
		out.size = counted.done
	}
	if c.Size >= 0 && out.size != c.Size {
		return nil, io.ErrUnexpectedEOF
	}
	out.sha256 = hex.EncodeToString(sum.Sum(nil))
	return out, f.Sync()
}

var errTooLong = errors.New("the source has become shorter; run the command again")

// mostPart is how many bytes a part may have: a server need not say, and a few
// bytes of an archive may expand to any number.
const mostPart = 32 << 30

// copyUpTo copies a stream of at most that many bytes.
func copyUpTo(w io.Writer, r io.Reader, most int64) (int64, error) {
	n, err := io.Copy(w, io.LimitReader(r, most))
	if more := make([]byte, 1); err == nil && n == most {
		if k, _ := r.Read(more); k > 0 {
			err = errHuge()
		}
	}
	return n, err
}

func errHuge() error {
	return fmt.Errorf("it has more than the %d GiB that a part may have", mostPart>>30)
}

// counter reports how far a copy is.
type counter struct {
	r           io.Reader
	done, total int64
	report      func(done, total int64)
}

// Read implements io.Reader.
func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.done += int64(n)
	if c.report != nil {
		c.report(c.done, c.total)
	}
	return n, err
}

// place moves a temporary file to where it belongs.
func (f *fetched) place(name string, executable bool) error {
	mode := os.FileMode(0o644)
	if executable {
		mode = 0o755
	}
	if err := os.Chmod(f.path, mode); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	if err := os.Rename(f.path, name); err != nil {
		return err
	}
	return syncDir(filepath.Dir(name))
}

// drop forgets a temporary file.
func (f *fetched) drop() error { return os.Remove(f.path) }

// syncDir makes the names in a folder last.
func syncDir(name string) error {
	d, err := os.Open(name)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// sumFile gives the digest and size of a file.
func sumFile(name string, report func(done, total int64)) (string, int64, error) {
	f, err := input.Open(name)
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", 0, err
	}
	sum := sha256.New()
	size, err := io.Copy(sum, &counter{r: f, total: info.Size(), report: report})
	return hex.EncodeToString(sum.Sum(nil)), size, err
}
