package iso9660

import (
	"bytes"
	"io"
	"testing"
)

func contentOf(t *testing.T, f File) string {
	t.Helper()
	r, err := f.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// checkRead compares what is read with the files of the sample.
func checkRead(t *testing.T, volume []byte) {
	t.Helper()
	files, err := Read(bytes.NewReader(volume))
	if err != nil {
		t.Fatal(err)
	}
	byPath := map[string]File{}
	for _, f := range files {
		byPath[f.Path] = f
	}
	for _, want := range sample() {
		f, ok := byPath[want.Path]
		if !ok || f.Size != want.Size || f.Executable != want.Executable || contentOf(t, f) != contentOf(t, want) {
			t.Errorf("%s: there %v, size %d of %d", want.Path, ok, f.Size, want.Size)
		}
		delete(byPath, want.Path)
	}
	if len(byPath) > 0 {
		t.Errorf("files that nobody wrote: %v", byPath)
	}
}

func TestRead(t *testing.T) { checkRead(t, write(t, sample())) }

// TestReadDamaged damages one byte after the other of what is not content:
// there are files or an error, and no read goes on without end.
func TestReadDamaged(t *testing.T) {
	volume := write(t, sample())
	for at := descriptorsAt * sector; at < 40*sector; at += 7 {
		before := volume[at]
		volume[at] ^= 0xff
		files, err := Read(bytes.NewReader(volume))
		for _, f := range files {
			if r, err := f.Open(); err == nil {
				_, _ = io.CopyN(io.Discard, r, 100)
			}
		}
		if at < descriptorsAt*sector+6 && err == nil {
			t.Errorf("byte %d is damaged, and nobody notices", at)
		}
		volume[at] = before
	}
	if _, err := Read(bytes.NewReader(nil)); err == nil {
		t.Error("nothing is a volume")
	}
}
