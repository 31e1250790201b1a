package profile_test

import (
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/profile"
)

var update = flag.Bool("update", false, "write the expected diagnostics anew")

// want is the member of a txtar that holds the expected diagnostics.
const want = "want"

// Each archive is a folder of profiles with mistakes, and what is said of them.
func TestGoldenBadProfiles(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			tree, expected := treeOf(archive)
			_, list := profile.Load(profile.Source{Name: "P", FS: tree})
			got := describeValue(list)
			if *update {
				writeWant(t, file, archive, got)
				return
			}
			if got == "" {
				t.Error("no diagnostics at all")
			}
			if d := cmp.Diff(expected, got); d != "" {
				t.Errorf("diagnostics (-want +got):\n%s", d)
			}
		})
	}
}

// treeOf gives the files of an archive and the text of its member want.
func treeOf(archive *txtar.Archive) (fs.FS, string) {
	tree, expected := fstest.MapFS{}, ""
	for _, f := range archive.Files {
		if f.Name == want {
			expected = string(f.Data)
		} else {
			tree[f.Name] = &fstest.MapFile{Data: f.Data}
		}
	}
	return tree, expected
}

func writeWant(t *testing.T, file string, archive *txtar.Archive, text string) {
	t.Helper()
	kept := archive.Files[:0]
	for _, f := range archive.Files {
		if f.Name != want {
			kept = append(kept, f)
		}
	}
	archive.Files = append(kept, txtar.File{Name: want, Data: []byte(text)})
	if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
		t.Fatal(err)
	}
}

// describeValue writes diagnostics one on a line, with hints below.
func describeValue(list diag.List) string {
	var b strings.Builder
	for _, d := range list.Sorted() {
		fmt.Fprintf(&b, "%s: %s %s", d.Position, d.Severity, d.Code)
		if d.Path != "" {
			fmt.Fprintf(&b, " %s", d.Path)
		}
		fmt.Fprintf(&b, ": %s\n", d.Message)
		for _, r := range d.Related {
			fmt.Fprintf(&b, "  see %s: %s\n", r.Position, r.Note)
		}
		if d.Hint != "" {
			fmt.Fprintf(&b, "  hint: %s\n", d.Hint)
		}
	}
	return b.String()
}
