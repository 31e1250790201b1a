package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var kinds = []string{"Tutorials", "How-to guides", "Reference", "Explanation"}

var linked = regexp.MustCompile(`\]\(([a-z0-9./-]+)\)`)

// TestIndex finds each page once in the index, under one of the four kinds. A
// folder stands there for its pages.
func TestIndex(t *testing.T) {
	index, err := os.ReadFile("../../docs/README.md")
	if err != nil {
		t.Fatal(err)
	}
	places, found, kind := map[string]int{}, []string{}, ""
	for _, line := range strings.Split(string(index), "\n") {
		if name, heading := strings.CutPrefix(line, "## "); heading {
			kind = name
			found = append(found, name)
		}
		for _, m := range linked.FindAllStringSubmatch(line, -1) {
			if kind != "" {
				places[m[1]]++
			}
		}
	}
	if !slices.Equal(found, kinds) {
		t.Errorf("the index has the kinds %q, want %q", found, kinds)
	}
	seen := 0
	for _, page := range pages(t) {
		name, below := strings.CutPrefix(page, "../../docs/")
		if !below || name == "README.md" {
			continue
		}
		seen++
		if folder := filepath.Dir(name); folder != "." {
			name = folder + "/"
		}
		if places[name] != 1 {
			t.Errorf("the index names %s %d times, want once", name, places[name])
		}
	}
	if seen < 40 {
		t.Errorf("only %d pages were looked for", seen)
	}
}
