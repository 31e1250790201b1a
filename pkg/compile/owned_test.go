package compile_test

import (
	"os"
	"path"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/kubespore/kubespore/pkg/document"
)

// Every flag that a profile gives a program of Kubernetes is one that the topology
// decides, or one that may be given again: pkg/verify/owned.yaml says which.
func TestOwnedFlags(t *testing.T) {
	text, err := os.ReadFile("../verify/owned.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var table struct {
		Owned map[string]map[string]string
		Free  map[string][]string
	}
	if err := yaml.Unmarshal(text, &table); err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for program, flags := range table.Owned {
		for flag := range flags {
			known[program+" --"+flag] = true
		}
	}
	for program, flags := range table.Free {
		for _, flag := range flags {
			known[program+" --"+flag] = true
		}
	}
	count := 0
	for _, example := range []string{"ha", "single", "seeds/002"} { // with no flags of the user's
		docs, _ := goldenDocuments(t, example, goldenMinors[0])
		for _, doc := range docs {
			for flag := range flagsOf(t, doc, table.Owned) {
				count++
				if !known[flag] {
					t.Errorf("%s %s: %s is neither owned nor free", example, doc.Host, flag)
				}
			}
		}
	}
	if count < 100 {
		t.Errorf("%d flags looked at", count)
	}
	t.Logf("%d flags looked at", count)
}

// flagsOf gives "kubelet --config" for each flag that a unit, its environment or a
// static pod gives a program of the table.
func flagsOf(t *testing.T, doc *document.Document, programs map[string]map[string]string) map[string]bool {
	t.Helper()
	entries, err := doc.Entries()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]bool{}
	for _, e := range entries {
		if e.Kind != document.KindUnit && path.Dir(e.Path) != "/etc/kubernetes/manifests" {
			continue
		}
		program := ""
		for _, word := range strings.FieldsFunc(string(e.Content), func(r rune) bool { return strings.ContainsRune(" \n\"'[],", r) }) {
			command, begins := strings.CutPrefix(word, "ExecStart=")
			if name := path.Base(command); begins {
				program = ""
				if programs[name] != nil {
					program = name
				}
			} else if programs[word] != nil {
				program = word
			} else if flag, _, _ := strings.Cut(word, "="); program != "" && strings.HasPrefix(flag, "--") {
				out[program+" "+flag] = true
			}
		}
	}
	return out
}
