package main

import (
	"flag"
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/kubespore/kubespore/test/boot/steps"
)

var update = flag.Bool("update", false, "write the tables of docs/boot-lab.md")

const page = "../../docs/boot-lab.md"

// packages are those of the lab, from the bottom to the top: each imports only
// packages before it. Packages of steps do not import one another, but for those
// that stand before them.
var packages = []string{
	"osfile", "screen", "process", "documents", "network", "issuer", "lab", "imaging", "payload", "hardware",
	"steps/cluster", "steps/media", "steps/payload", "steps/security", "steps/upkeep", "steps", "",
}

// TestImportsPointDown reads the imports of every package of the lab.
func TestImportsPointDown(t *testing.T) {
	const module = "github.com/kubespore/kubespore/test/boot"
	seen := map[string]bool{}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".go" {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		at := strings.TrimPrefix(filepath.Dir(path), ".")
		seen[at] = true
		for _, i := range file.Imports {
			name, _ := strconv.Unquote(i.Path.Value)
			below, ok := strings.CutPrefix(name, module+"/")
			if ok && slices.Index(packages, below) >= slices.Index(packages, at) {
				t.Errorf("%s imports %s, which does not stand below it", path, below)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range packages {
		if !seen[p] {
			t.Errorf("there is no package %q", p)
		}
	}
	if len(seen) != len(packages) {
		t.Errorf("%d packages are there, and %d in the list", len(seen), len(packages))
	}
}

// packagesTable says what each package is for, in the words of its own comment.
func packagesTable(t *testing.T) string {
	var out strings.Builder
	out.WriteString("| package | |\n|---|---|\n")
	for _, p := range packages[:len(packages)-1] {
		files, err := filepath.Glob(filepath.Join(p, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		about := ""
		for _, name := range files {
			file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments|parser.PackageClauseOnly)
			if err != nil {
				t.Fatal(err)
			}
			about += file.Doc.Text()
		}
		about = strings.Join(strings.Fields(about), " ")
		says, ok := strings.CutPrefix(about, "Package "+filepath.Base(p)+" ")
		if !ok {
			t.Errorf("the comment of package %s begins with %q", p, about)
		}
		fmt.Fprintf(&out, "| [`%s`](../test/boot/%s) | %s |\n", p, p, says)
	}
	return out.String()
}

// stepsTable is the language of scenarios.yaml.
func stepsTable() string {
	var out strings.Builder
	out.WriteString("| step | what it does, or waits for | logs in |\n|---|---|---|\n")
	for _, v := range steps.Verbs() {
		inside := ""
		if v.LooksInside(nil) {
			inside = "yes"
		}
		fmt.Fprintf(&out, "| `%s` | %s | %s |\n", strings.TrimSpace(v.Name+" "+v.Words), v.Does, inside)
	}
	return out.String()
}

// TestPage compares the tables of the lab's page with the code.
func TestPage(t *testing.T) {
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	got := string(text)
	for name, table := range map[string]string{"packages": packagesTable(t), "steps": stepsTable()} {
		begin, end := "<!-- "+name+" -->\n\n", "\n<!-- end of "+name+" -->"
		before, rest, ok := strings.Cut(got, begin)
		_, after, closed := strings.Cut(rest, end)
		if !ok || !closed {
			t.Fatalf("%s has no place for the table of %s", page, name)
		}
		got = before + begin + table + end + after
	}
	if got == string(text) {
		return
	}
	if !*update {
		t.Fatalf("the tables of %s are not those of the code: go -C test/boot test . -run TestPage -update", page)
	}
	if err := os.WriteFile(page, []byte(got), 0o644); err != nil {
		t.Fatal(err)
	}
}
