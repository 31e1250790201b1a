package pki

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Every code that this package gives is in the user's list.
func TestCodesAreDocumented(t *testing.T) {
	list, err := os.ReadFile("../../docs/diagnostics.md")
	if err != nil {
		t.Fatal(err)
	}
	sources, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, name := range sources {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, code := range regexp.MustCompile(`"(K\d{3})"`).FindAllStringSubmatch(string(text), -1) {
			seen[code[1]] = true
		}
	}
	for code := range seen {
		if !strings.Contains(string(list), "\n| "+code+" | ") {
			t.Errorf("docs/diagnostics.md does not explain %s", code)
		}
	}
	if len(seen) < 20 {
		t.Errorf("only %d codes found in the sources", len(seen))
	}
}
