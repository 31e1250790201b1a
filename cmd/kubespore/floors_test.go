package main

import (
	goflag "flag"
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/kubespore/kubespore/"

// floors lists the packages from the ground up. A package imports from lower
// floors only, so those of one floor never import each other.
var floors = [][]string{
	{"pkg/await", "pkg/diag", "pkg/imageref", "pkg/input", "pkg/volume"},
	{"pkg/document", "pkg/durable", "pkg/yamlfile"},
	{"pkg/objects", "pkg/profile", "pkg/topology"},
	{"pkg/plan"},
	{"pkg/adopt", "pkg/doctor", "pkg/emit", "pkg/inspect", "pkg/kit", "pkg/media", "pkg/outdir", "pkg/payload", "pkg/pki", "pkg/rehearse", "pkg/render", "pkg/verify"},
	{"pkg/compile"},
	{"pkg/report"},
	{"cmd/kubespore"},
}

// data holds the folders that are embedded data and no code: any floor may
// read them by being handed their FS, cmd alone names them.
var data = map[string][]string{"profiles": {"cmd/kubespore"}}

// onlyImporter names modules that few packages may import.
var onlyImporter = map[string][]string{
	"github.com/coreos/ignition/v2/butane": {"pkg/render"},
	"github.com/cloudflare/cfssl":          {"pkg/pki"},
	"k8s.io/apimachinery/pkg/util/yaml":    {"pkg/objects"},
	"github.com/spf13/pflag":               {"cmd/kubespore"},
	"filippo.io/age":                       {"pkg/media", "pkg/pki"},
}

// openers names the calls of os that open a file, with the packages that make
// them: pkg/input reads what a user names, be it a file, a link or a pipe; the
// others write, read a folder or open again what is open.
var openers = map[string][]string{
	"ReadFile": {"pkg/durable"},
	"Open":     {"pkg/durable", "pkg/media", "pkg/payload"},
	"OpenFile": {"cmd/kubespore", "pkg/durable", "pkg/input", "pkg/payload"},
	"OpenRoot": {"pkg/input"},
	"DirFS":    {},
}

// TestOneReader keeps packages from opening what a user names in another way
// than by pkg/input, which a FIFO cannot stop and a device cannot fill.
func TestOneReader(t *testing.T) {
	for _, folder := range productFolders(t) {
		files, err := filepath.Glob(filepath.Join("../..", folder, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			tree, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(tree, func(n ast.Node) bool {
				called, ok := n.(*ast.SelectorExpr)
				if !ok {
					return true
				}
				if of, ok := called.X.(*ast.Ident); ok && of.Name == "os" {
					if may, known := openers[called.Sel.Name]; known && !slices.Contains(may, folder) {
						t.Errorf("%s calls os.%s: use pkg/input", file, called.Sel.Name)
					}
				}
				return true
			})
		}
	}
}

func floorOf(folder string) int {
	return slices.IndexFunc(floors, func(floor []string) bool {
		return slices.ContainsFunc(floor, func(p string) bool { return folder == p || strings.HasPrefix(folder, p+"/") })
	})
}

func TestImportsPointDown(t *testing.T) {
	seen := 0
	for _, folder := range productFolders(t) {
		seen++
		p, err := build.ImportDir(filepath.Join("../..", folder), 0)
		if err != nil {
			t.Fatal(err)
		}
		if floorOf(folder) < 0 {
			t.Errorf("%s stands on no floor: add it to the table", folder)
		}
		for _, path := range p.Imports {
			checkImport(t, folder, path)
		}
	}
	if seen < len(floors) {
		t.Fatalf("only %d packages found", seen)
	}
}

func checkImport(t *testing.T, folder, path string) {
	t.Helper()
	for prefix, owners := range onlyImporter {
		if strings.HasPrefix(path, prefix) && !slices.Contains(owners, folder) {
			t.Errorf("%s imports %s, which only %v may", folder, path, owners)
		}
	}
	target, ours := strings.CutPrefix(path, module)
	if !ours {
		return
	}
	if readers, ok := data[target]; ok {
		if !slices.Contains(readers, folder) {
			t.Errorf("%s imports %s, which only %v may", folder, target, readers)
		}
		return
	}
	from, to := floorOf(folder), floorOf(target)
	sameHouse := strings.HasPrefix(target, folder+"/") || strings.HasPrefix(folder, target+"/")
	if to >= from && !sameHouse {
		t.Errorf("%s imports %s, which is not below it", folder, target)
	}
}

// productFolders gives every folder of Go code under pkg and cmd.
func productFolders(t *testing.T) []string {
	t.Helper()
	var out []string
	for _, top := range []string{"cmd", "pkg"} {
		err := fs.WalkDir(os.DirFS("../.."), top, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.IsDir() {
				return err
			}
			if d.Name() == "testdata" {
				return fs.SkipDir
			}
			if files, _ := filepath.Glob(filepath.Join("../..", path, "*.go")); slices.ContainsFunc(files, func(f string) bool { return !strings.HasSuffix(f, "_test.go") }) {
				out = append(out, path)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// importsOf gives the packages of this module that a package imports, sorted.
func importsOf(t *testing.T, folder string) []string {
	t.Helper()
	p, err := build.ImportDir(filepath.Join("../..", folder), 0)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, path := range p.Imports {
		if target, ours := strings.CutPrefix(path, module); ours {
			out = append(out, strings.TrimPrefix(target, "pkg/"))
		}
	}
	return out
}

var updateFloors = goflag.Bool("update", false, "write the floors and imports of decision 0001 anew")

// TestFloorsOfDecision draws the floors of decision 0001 from the table that judges
// the code, and what each package imports from the code.
func TestFloorsOfDecision(t *testing.T) {
	pages, err := filepath.Glob("../../docs/decisions/0001-*.md")
	if err != nil || len(pages) != 1 {
		t.Fatalf("%d pages of decision 0001: %v", len(pages), err)
	}
	page, err := os.ReadFile(pages[0])
	if err != nil {
		t.Fatal(err)
	}
	var drawn []string
	for _, floor := range slices.Backward(floors) {
		drawn = append(drawn, "    "+strings.ReplaceAll(strings.Join(slices.Sorted(slices.Values(floor)), " "), "pkg/", ""))
	}
	drawn = append(drawn, "", "    # what each imports", "")
	for _, folder := range productFolders(t) {
		if imports := importsOf(t, folder); len(imports) > 0 {
			drawn = append(drawn, "    "+strings.TrimPrefix(folder, "pkg/")+": "+strings.Join(imports, " "))
		}
	}
	before, rest, begins := strings.Cut(string(page), "-update -->\n")
	_, after, ends := strings.Cut(rest, "<!-- end -->")
	if !begins || !ends {
		t.Fatal("the page has no place for the floors")
	}
	want := before + "-update -->\n" + strings.Join(drawn, "\n") + "\n" + "<!-- end -->" + after
	if *updateFloors {
		if err := os.WriteFile(pages[0], []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if want != string(page) {
		t.Errorf("%s does not show the floors as they are: run this test with -update", pages[0])
	}
}
