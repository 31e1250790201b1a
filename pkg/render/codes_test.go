package render

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The user's list has the codes of this package, and no others.
func TestCodesAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/diagnostics.md")
	if err != nil {
		t.Fatal(err)
	}
	sources, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	given := map[string]bool{}
	for _, name := range sources {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, code := range regexp.MustCompile(`"R\d{3}"`).FindAllString(string(text), -1) {
			given[strings.Trim(code, `"`)] = true
		}
	}
	var documented []string
	for _, row := range regexp.MustCompile(`(?m)^\| (R\d{3}) \| `).FindAllStringSubmatch(string(page), -1) {
		documented = append(documented, row[1])
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(given)), documented); diff != "" {
		t.Error(diff)
	}
}
