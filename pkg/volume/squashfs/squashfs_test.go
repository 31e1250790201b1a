package squashfs

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

var when = time.Date(2026, 8, 1, 12, 30, 15, 0, time.UTC)

func file(path, content string) File {
	return File{Path: path, Size: int64(len(content)), Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(content)), nil }}
}

// noise is text that cannot be compressed.
func noise(n int) string {
	r := rand.New(rand.NewPCG(1, 2))
	out := make([]byte, n)
	for i := range out {
		out[i] = byte(r.Uint32())
	}
	return string(out)
}

// sample has folders in folders, a folder of more names than share a head, more
// inodes than one block of their table holds, files of no block, of exactly one
// and of many, and what compresses and what does not.
func sample() []File {
	files := []File{
		file("binaries/amd64/kubelet-v1.36.3", strings.Repeat("kubelet", 100_000)),
		file("images/amd64/"+strings.Repeat("n", maxName-4)+".tar", noise(3*blockSize+5)),
		file("empty", ""),
		file("block", noise(blockSize)),
		file("zeros", strings.Repeat("\x00", 2*blockSize)),
		file("Mixed Case, ünïcode", "u"),
	}
	files[0].Executable = true
	for i := range 600 {
		files = append(files, file(fmt.Sprintf("many/%03d-%s", i, strings.Repeat("x", 60)), fmt.Sprint(i)))
	}
	return files
}

func label(path string, folder bool) string {
	if strings.HasPrefix(path, "binaries/") && !folder {
		return "system_u:object_r:bin_t:s0"
	}
	return "system_u:object_r:usr_t:s0"
}

func write(t *testing.T, files []File) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "volume")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := Write(f, Options{When: when, Label: label}, files); err != nil {
		t.Fatal(err)
	}
	return name
}

func contentOf(t *testing.T, f File) string {
	t.Helper()
	r, err := f.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatalf("%s: %v", f.Path, err)
	}
	return string(text)
}

func TestWriteTwice(t *testing.T) {
	files := sample()
	first, err := os.ReadFile(write(t, files))
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(files)
	if second, err := os.ReadFile(write(t, files)); err != nil || !bytes.Equal(first, second) {
		t.Errorf("the same files in another order make another file system: %v", err)
	}
}

func TestRead(t *testing.T) {
	files := sample()
	text, err := os.ReadFile(write(t, files))
	if err != nil {
		t.Fatal(err)
	}
	got, err := Read(bytes.NewReader(text))
	if err != nil || len(got) != len(files) {
		t.Fatalf("%d files of %d: %v", len(got), len(files), err)
	}
	byPath := map[string]File{}
	for _, f := range got {
		byPath[f.Path] = f
	}
	for _, want := range files {
		f, ok := byPath[want.Path]
		if !ok || f.Size != want.Size || f.Executable != want.Executable || contentOf(t, f) != contentOf(t, want) {
			t.Errorf("%s: there %v, size %d of %d", want.Path, ok, f.Size, want.Size)
		}
	}
}

// TestReadDamaged damages one byte after the other of what is not content: the
// files are as they were, or there is an error, and no read goes on without end.
func TestReadDamaged(t *testing.T) {
	text, err := os.ReadFile(write(t, []File{file("a/b/c", "text"), file("a/d", noise(100)), file("e", strings.Repeat("e", 1000))}))
	if err != nil {
		t.Fatal(err)
	}
	good := bytes.Clone(text)
	places := []int{}
	for at := range superblockSize {
		places = append(places, at)
	}
	for at := superblockSize + 120; at < len(text); at++ {
		places = append(places, at)
	}
	for _, at := range places {
		text[at] ^= 0xff
		files, err := Read(bytes.NewReader(text))
		for _, f := range files {
			if r, err := f.Open(); err == nil {
				_, _ = io.Copy(io.Discard, io.LimitReader(r, 10*blockSize))
			}
		}
		if at < 4 && err == nil {
			t.Errorf("byte %d: damaged, and nobody notices", at)
		}
		text[at] = good[at]
	}
	if _, err := Read(bytes.NewReader(nil)); err == nil {
		t.Error("nothing is a file system")
	}
}

func TestWriteRefuses(t *testing.T) {
	shrunk := file("a", "text")
	shrunk.Size = 5
	for name, files := range map[string][]File{
		"absolute path":   {file("/a", "")},
		"path outside":    {file("../a", "")},
		"file and folder": {file("a", ""), file("a/b", "")},
		"folder and file": {file("a/b", ""), file("a", "")},
		"twice":           {file("a", ""), file("a", "")},
		"long name":       {file(strings.Repeat("n", maxName+1), "")},
		"other size":      {shrunk},
	} {
		f, err := os.Create(filepath.Join(t.TempDir(), "volume"))
		if err != nil {
			t.Fatal(err)
		}
		if err := Write(f, Options{When: when}, files); err == nil {
			t.Errorf("%s: written", name)
		}
		_ = f.Close()
	}
}
