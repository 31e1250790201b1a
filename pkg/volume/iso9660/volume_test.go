package iso9660

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"testing"
	"time"
)

var when = time.Date(2026, 8, 1, 12, 30, 15, 0, time.UTC)

func file(path, content string) File {
	return File{Path: path, Size: int64(len(content)), Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(content)), nil }}
}

// sample has folders in folders, a folder of more than one sector of records,
// names of any length, an empty file and one of exactly a sector.
func sample() []File {
	files := []File{
		file("binaries/amd64/kubelet-v1.36.3", strings.Repeat("k", 5000)),
		file("images/amd64/"+strings.Repeat("n", maxName-4)+".tar", "long"),
		file("empty", ""),
		file("sector", strings.Repeat("s", sector)),
		file("Mixed Case, ünïcode", "u"),
	}
	files[0].Executable = true
	for i := range 60 {
		files = append(files, file(fmt.Sprintf("many/%02d-%s", i, strings.Repeat("x", 60)), fmt.Sprint(i)))
	}
	return files
}

func write(t *testing.T, files []File) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := Write(&out, "KUBESPORE", when, files); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestWriteTwice(t *testing.T) {
	files := sample()
	first := write(t, files)
	for i, j := 0, len(files)-1; i < j; i, j = i+1, j-1 {
		files[i], files[j] = files[j], files[i]
	}
	if !bytes.Equal(first, write(t, files)) {
		t.Error("the order of the files changes the volume")
	}
}

func TestDescriptor(t *testing.T) {
	volume := write(t, sample())
	d := volume[descriptorsAt*sector:]
	if got := string(d[1:6]); got != "CD001" {
		t.Errorf("signature %q", got)
	}
	if got := strings.TrimRight(string(d[40:72]), " "); got != "KUBESPORE" {
		t.Errorf("label %q", got)
	}
	if got := string(d[813:829]); got != "2026080112301500" {
		t.Errorf("date %q", got)
	}
	if sectors := int(d[80]) | int(d[81])<<8; sectors*sector != len(volume) {
		t.Errorf("%d sectors announced, %d bytes written", sectors, len(volume))
	}
}

func TestRefused(t *testing.T) {
	for name, c := range map[string]struct {
		label string
		files []File
		want  string
	}{
		"label":          {"kube spore", nil, `"kube spore" is not a volume label`},
		"no label":       {"", nil, "is not a volume label"},
		"long label":     {strings.Repeat("A", 33), nil, "is not a volume label"},
		"absolute":       {"A", []File{file("/a", "")}, `"/a" is not a path`},
		"outside":        {"A", []File{file("../a", "")}, `"../a" is not a path`},
		"twice":          {"A", []File{file("a/b", ""), file("a/b", "")}, "there are two files a/b"},
		"file is folder": {"A", []File{file("a", ""), file("a/b", "")}, "a is both a file and a folder"},
		"long name":      {"A", []File{file(strings.Repeat("n", maxName+1), "")}, "is too long for a volume"},
		"big":            {"A", []File{{Path: "a", Size: maxFile}}, "a is too big for a volume"},
		"shrinks":        {"A", []File{{Path: "a", Size: 5, Open: file("a", "abc").Open}}, "a has 3 bytes, and 5 were expected"},
		"grows":          {"A", []File{{Path: "a", Size: 2, Open: file("a", "abc").Open}}, "a has 3 bytes, and 2 were expected"},
		"unreadable":     {"A", []File{{Path: "a", Size: 2, Open: func() (io.ReadCloser, error) { return nil, errors.New("gone") }}}, "gone"},
	} {
		t.Run(name, func(t *testing.T) {
			err := Write(io.Discard, c.label, when, c.files)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestFind(t *testing.T) {
	image := write(t, sample())
	for _, f := range sample() {
		at, err := Find(bytes.NewReader(image), f.Path)
		if err != nil {
			t.Fatalf("%s: %v", f.Path, err)
		}
		r, _ := f.Open()
		want, _ := io.ReadAll(r)
		if got := image[at.Offset : at.Offset+at.Size]; !bytes.Equal(got, want) {
			t.Errorf("%s: another content", f.Path)
		}
	}
	for _, path := range []string{"absent", "absent/too", sample()[0].Path + "/below"} {
		if _, err := Find(bytes.NewReader(image), path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if _, err := Find(strings.NewReader("short"), "a"); !errors.Is(err, ErrNoVolume) {
		t.Error(err)
	}
}

// TestFindDamaged reads volumes with one wrong byte: no matter what it finds, it
// neither panics nor reads outside.
func TestFindDamaged(t *testing.T) {
	image := write(t, sample())
	paths := sample()
	for at := descriptorsAt * sector; at < min(len(image), 24*sector); at++ {
		for _, value := range []byte{0, 1, 0x7f, 0xff} {
			old := image[at]
			image[at] = value
			_, _ = Find(bytes.NewReader(image), paths[at%len(paths)].Path)
			image[at] = old
		}
	}
}
