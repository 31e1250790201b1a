package compile

import (
	"io/fs"
	"slices"
	"testing"
	"testing/fstest"
)

// TestSame changes one thing at a time in what an overlay brought in.
func TestSame(t *testing.T) {
	folder := func() fstest.MapFS {
		return fstest.MapFS{
			"lab.bu":      {Data: []byte("storage: {}")},
			"files/motd":  {Data: []byte("hello")},
			"tree/a.conf": {Data: []byte("a")},
		}
	}
	opener := func(f fstest.MapFS) Overlays {
		return func(name string) ([]byte, fs.FS, error) {
			text, err := fs.ReadFile(f, name)
			return text, f, err
		}
	}
	r := newRecorder(opener(folder()))
	_, opened, err := r.Open("lab.bu")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fs.ReadFile(opened, "files/motd"); err != nil {
		t.Fatal(err)
	}
	if _, err := fs.ReadDir(opened, "tree"); err != nil {
		t.Fatal(err)
	}
	reads := r.reads()
	var names []string
	for _, read := range reads {
		names = append(names, read.File)
	}
	if want := []string{"", "files/motd", "tree/"}; !slices.Equal(names, want) {
		t.Fatalf("reads %q, want %q", names, want)
	}
	tests := []struct {
		name   string
		change func(fstest.MapFS)
		same   bool
	}{
		{"nothing", func(fstest.MapFS) {}, true},
		{"a file that nobody read", func(f fstest.MapFS) { f["other"] = &fstest.MapFile{} }, true},
		{"the overlay", func(f fstest.MapFS) { f["lab.bu"].Data = []byte("storage:  {}") }, false},
		{"a file", func(f fstest.MapFS) { f["files/motd"].Data = []byte("bye") }, false},
		{"a file gone", func(f fstest.MapFS) { delete(f, "files/motd") }, false},
		{"a file more in a tree", func(f fstest.MapFS) { f["tree/b.conf"] = &fstest.MapFile{} }, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := folder()
			test.change(f)
			if got := same(reads, opener(f)); got != test.same {
				t.Errorf("same: %v, want %v", got, test.same)
			}
		})
	}
}
