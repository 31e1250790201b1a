package compile_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/aymanbagabas/go-udiff"

	"github.com/kubespore/kubespore/pkg/compile"
	"github.com/kubespore/kubespore/pkg/compile/compiletest"
	"github.com/kubespore/kubespore/pkg/document"
	"github.com/kubespore/kubespore/pkg/plan"
	"github.com/kubespore/kubespore/pkg/profile"
	"github.com/kubespore/kubespore/pkg/render"
	"github.com/kubespore/kubespore/profiles"
)

var update = flag.Bool("update", false, "write the goldens anew")

const golden = "../../testdata/golden"

// goldenExamples are the topologies with goldens. The first ones are spelled
// out, later ones say what they share with them.
var goldenExamples = []string{"ha", "single", "external-etcd", "dual-stack", "ipv6", "ipv6-first", "edge", "seeds/000", "seeds/001-static-routes", "seeds/001-flannel", "seeds/002", "seeds/004", "seeds/003", "ha-debian"}

// goldenMinors begins with the minor that is spelled out; the others are
// differences from it.
var goldenMinors = newestFirst()

func newestFirst() []string {
	catalog, _ := profile.Load(profile.Source{Name: "profiles", FS: profiles.FS})
	minors := catalog.Minors()
	slices.Reverse(minors)
	return minors
}

// TestGolden holds what every host of the examples gets, for every Kubernetes
// minor, to what someone has read: see testdata/golden/README.md.
func TestGolden(t *testing.T) {
	want := map[string]string{}
	trees := map[string]string{} // of the first minor, by example/host
	var earlier shown
	scripts := rawFiles(t)
	for _, minor := range goldenMinors {
		for _, example := range goldenExamples {
			for _, host := range goldenHosts(t, example, minor) {
				name := example + "/" + host.name
				byReference(host.blocks, scripts)
				if minor == goldenMinors[0] {
					trees[name] = strings.Join(host.blocks, "")
					want[minor+"/"+name] = earlier.brief(t, name, host.blocks)
				} else {
					want[minor+"/"+name] = difference(goldenMinors[0]+"/"+name, minor+"/"+name, trees[name], strings.Join(host.blocks, ""))
				}
			}
		}
	}
	if *update {
		writeGoldens(t, want)
	}
	compareGoldens(t, want)
}

// rawFiles gives the name of every file that profiles write as it is, by its
// content as goldens show it.
func rawFiles(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := fs.WalkDir(profiles.FS, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".raw") {
			return err
		}
		text, err := fs.ReadFile(profiles.FS, path)
		out[indented(string(text))] = "profiles/" + path
		return err
	})
	if err != nil || len(out) < 10 {
		t.Fatalf("%d raw files, %v", len(out), err)
	}
	return out
}

// byReference names raw files in the place of their content: they are read
// where they stand.
func byReference(blocks []string, scripts map[string]string) {
	for i, block := range blocks {
		head, content, _ := strings.Cut(block, "\n")
		if name := scripts[content]; name != "" {
			blocks[i] = head + "\n" + indented("<<"+name+">>")
		}
	}
}

var hunk = regexp.MustCompile(`(?m)^@@ -(\d+).*$`)

// difference is a unified diff that says in which block its lines are, rather
// than their numbers, which other changes move.
func difference(oldName, newName, old, new string) string {
	lines := strings.Split(old, "\n")
	return hunk.ReplaceAllStringFunc(udiff.Unified(oldName, newName, old, new), func(header string) string {
		const context = 3 // lines before the first that differs
		number, _ := strconv.Atoi(hunk.FindStringSubmatch(header)[1])
		at := min(number-1+context, len(lines)-1)
		for at > 0 && (lines[at] == "" || strings.HasPrefix(lines[at], "    ")) {
			at--
		}
		return "@@ " + lines[at]
	})
}

// goldenHost is a host's document as readable text, one block for each path or
// item.
type goldenHost struct {
	name   string
	blocks []string
}

// goldenHosts renders an example with names in the place of key material. Of
// hosts that are alike, three are enough, and one to see what a minor changes or in a seed.
func goldenHosts(t *testing.T, example, minor string) []goldenHost {
	t.Helper()
	docs, names := goldenDocuments(t, example, minor)
	var out []goldenHost
	for _, doc := range docs {
		out = append(out, goldenHost{doc.Host, blocks(t, doc, names)})
	}
	return out
}

// exampleVersion is the Kubernetes version that an example gives.
var exampleVersion = regexp.MustCompile(`(?m)^( *version: )v1\.\d+\.\d+$`)

// goldenDocuments gives the documents of these hosts, and what puts names in
// the place of base64 of key material.
func goldenDocuments(t *testing.T, example, minor string, layers ...profile.Source) ([]*document.Document, *strings.Replacer) {
	t.Helper()
	var names *strings.Replacer
	docs := exampleDocuments(t, example, minor, func(p *plan.Plan) (keys *plan.Keys) {
		keys, names = compiletest.Keys(p, now)
		return keys
	}, layers...)
	return docs, names
}

// exampleDocuments renders the hosts of an example, at most three of each kind,
// with the keys that are given for its plan.
func exampleDocuments(t *testing.T, example, minor string, keysOf func(*plan.Plan) *plan.Keys, layers ...profile.Source) []*document.Document {
	t.Helper()
	layers = append([]profile.Source{{Name: "profiles", FS: profiles.FS}}, layers...)
	text, err := os.ReadFile(filepath.Join("../../examples", example+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	catalog, list := profile.Load(layers...)
	row, ok := catalog.Version(minor)
	if !ok || len(exampleVersion.FindAll(text, -1)) != 1 {
		t.Fatalf("%s: the version cannot be replaced", example)
	}
	project, more := compile.Load(example+".yaml", exampleVersion.ReplaceAll(text, []byte("${1}"+row.Newest)), layers...)
	list.Append(more)
	project.ReadFiles(func(name string) ([]byte, error) {
		return os.ReadFile(filepath.Join("../../examples", filepath.Dir(example), name))
	})
	planned, evaluator, more := project.Plan(plan.Allocations{})
	list.Append(more)
	renderer, more := render.New(planned, evaluator, func(string) ([]byte, fs.FS, error) { return nil, nil, fs.ErrNotExist })
	list.Append(more)
	if list.HasErrors() {
		t.Fatalf("%s: %v", example, list)
	}
	renderer.SetGeneration(1)
	keys := keysOf(planned)
	var out []*document.Document
	enough := 3
	if minor != goldenMinors[0] || strings.HasPrefix(example, "seeds/") {
		enough = 1
	}
	alike := map[string]int{}
	for _, h := range planned.Hosts {
		if alike[fmt.Sprint(h.Roles)]++; alike[fmt.Sprint(h.Roles)] > enough {
			continue
		}
		doc, list := renderer.Host(h, keys)
		if list.HasErrors() {
			t.Fatalf("%s: %v", example, list)
		}
		out = append(out, doc)
	}
	return out
}

// blocks writes everything that a document makes.
func blocks(t *testing.T, doc *document.Document, names *strings.Replacer) []string {
	t.Helper()
	entries, err := doc.Entries()
	if err != nil {
		t.Fatal(err)
	}
	for i := range entries {
		if entries[i].Path == document.StatePath {
			entries[i].Content = []byte("<<state>>\n") // a digest of all the others, which the goldens show
		}
	}
	var out []string
	for _, e := range entries {
		out = append(out, head(e)+indented(names.Replace(string(e.Content))))
	}
	s := doc.Config.Storage
	for name, list := range map[string]any{"users": doc.Config.Passwd.Users, "groups": doc.Config.Passwd.Groups, "disks": s.Disks,
		"file systems": s.Filesystems, "luks": s.Luks, "kernel arguments": doc.Config.KernelArguments} {
		text, err := json.MarshalIndent(list, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if content := string(text); content != "null" && content != "{}" {
			out = append(out, name+"\n"+indented(names.Replace(content)))
		}
	}
	slices.Sort(out)
	return out
}

// head is the line above an entry's content.
func head(e document.Entry) string {
	line := e.Path + " " + e.Kind
	switch e.Kind {
	case document.KindLink:
		line += " to " + e.Target
	case document.KindUnit:
		if e.Enabled != nil {
			line += map[bool]string{true: " enabled", false: " disabled"}[*e.Enabled]
		}
		if e.Masked {
			line += " masked"
		}
	case document.KindFile, document.KindDirectory:
		line += fmt.Sprintf(" %04o %s:%s", e.Mode, e.User, e.Group)
	}
	if e.Append {
		line += " appended"
	}
	return line + "\n"
}

// indented sets a content off from the lines above contents.
func indented(text string) string {
	if text == "" {
		return ""
	}
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight("    "+line, " ")
	}
	return strings.Join(lines, "\n") + "\n"
}

func goldenFile(name string) string { return filepath.Join(golden, name+".txt") }

func writeGoldens(t *testing.T, want map[string]string) {
	t.Helper()
	for _, minor := range goldenMinors {
		if err := os.RemoveAll(filepath.Join(golden, minor)); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range want {
		if text == "" {
			continue // a minor that changes nothing
		}
		file := goldenFile(name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func compareGoldens(t *testing.T, want map[string]string) {
	t.Helper()
	for name, text := range want {
		have, err := os.ReadFile(goldenFile(name))
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		if string(have) != text {
			t.Errorf("%s.txt differs from what is built now: read this, then make golden\n%s", name, udiff.Unified("golden", "now", string(have), text))
		}
	}
	err := filepath.WalkDir(golden, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && d.Name() == "systems" {
			return fs.SkipDir // TestGoldenSystems compares these
		}
		if name, isGolden := strings.CutSuffix(path, ".txt"); err == nil && isGolden {
			if name, err = filepath.Rel(golden, name); want[filepath.ToSlash(name)] == "" {
				t.Errorf("nothing makes %s", path)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
