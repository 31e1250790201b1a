package plan_test

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
	"github.com/kubespore/kubespore/pkg/plan"
	"github.com/kubespore/kubespore/pkg/profile"
)

var update = flag.Bool("update", false, "write the expected diagnostics anew")

// Members of an archive with a meaning of their own.
const (
	topologyFile = "topology.yaml"
	want         = "want"
)

// Each archive is a topology and profiles that do not fit together, and what
// is said of it.
func TestGoldenBadPlans(t *testing.T) {
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
			tree, member := treeOf(archive)
			_, _, list := plan.Build(plan.Inputs{Topology: parse(t, member[topologyFile]), Catalog: load(t, tree)})
			got := describe(list)
			if *update {
				writeWant(t, file, archive, got)
				return
			}
			if got == "" {
				t.Error("no diagnostics at all")
			}
			if d := cmp.Diff(member[want], got); d != "" {
				t.Errorf("diagnostics (-want +got):\n%s", d)
			}
		})
	}
}

// treeOf gives the profiles of an archive and its other members.
func treeOf(archive *txtar.Archive) (fs.FS, map[string]string) {
	tree, member := fstest.MapFS{}, map[string]string{}
	for _, f := range archive.Files {
		if f.Name == want || f.Name == topologyFile {
			member[f.Name] = string(f.Data)
		} else {
			tree[f.Name] = &fstest.MapFile{Data: f.Data}
		}
	}
	return tree, member
}

// reader is a profile that no host selects. It may read whatever others declare,
// so that tests need not use all of it.
var reader = fstest.MapFS{
	"reads-all/profile.yaml":  {Data: []byte("name: reads-all\nsummary: x\n")},
	"reads-all/manifests/all": {Data: []byte(`{{ .VarOf (print) (print) }}{{ .ParamOf (print) (print) }}{{ .Secret (print) }}{{ .Image (print) }}`)},
}

func load(tb testing.TB, tree fs.FS) *profile.Catalog {
	tb.Helper()
	c, list := profile.Load(profile.Source{Name: "P", FS: tree}, profile.Source{Name: "reader", FS: reader})
	if list.HasErrors() {
		tb.Fatal(describe(list))
	}
	return c
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

// describe writes diagnostics one on a line, with hints below.
func describe(list diag.List) string {
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
