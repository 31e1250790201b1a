package main

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// givers says which packages may give the codes that begin so. A code that
// two packages gave would soon mean two things.
var givers = map[string][]string{
	"T": {"pkg/topology"},
	"F": {"pkg/profile"},
	// The types of parameters name the code that plan then gives; what a clock and
	// the last build say of a version is known to compile alone.
	"P":  {"pkg/plan", "pkg/profile", "pkg/compile"},
	"R":  {"pkg/render"},
	"V":  {"pkg/verify"},
	"W":  {"pkg/payload", "pkg/compile", "cmd/kubespore"},
	"K":  {"pkg/pki"},
	"M":  {"pkg/media"},
	"Q":  {"pkg/rehearse", "cmd/kubespore"},
	"O0": {"pkg/outdir"},
	"O1": {"cmd/kubespore", "pkg/adopt", "pkg/compile", "pkg/emit"},
}

var codeInSource = regexp.MustCompile(`"([TFPRVWKMOQ][0-9]{3})"`)

// TestDiagnosticsPage holds docs/diagnostics.md and the sources to each other:
// every code that is given is explained once, and no other.
func TestDiagnosticsPage(t *testing.T) {
	given := givenCodes(t)
	explained := map[string]bool{}
	titles := map[string]string{}
	for _, row := range codeMeanings() {
		code, title, meaning := row.Code, row.Title, row.Meaning
		if explained[code] {
			t.Errorf("%s is explained twice", code)
		}
		explained[code] = true
		if !given[code] {
			t.Errorf("%s is explained and nothing gives it", code)
		}
		if key := code[:1] + title; titles[key] != "" {
			t.Errorf("%s and %s are both called %q", titles[key], code, title)
		} else {
			titles[key] = code
		}
		if !strings.HasSuffix(meaning, ".") {
			t.Errorf("%s: the meaning is not a sentence: %s", code, meaning)
		}
	}
	for code := range given {
		if !explained[code] {
			t.Errorf("%s is not explained in docs/diagnostics.md", code)
		}
	}
}

// givenCodes gives every code in the sources, and reports those that a package
// gives which is not theirs.
func givenCodes(t *testing.T) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	for _, folder := range productFolders(t) {
		sources, err := filepath.Glob(filepath.Join("../..", folder, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range sources {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range codeInSource.FindAllStringSubmatch(string(text), -1) {
				code := m[1]
				out[code] = true
				if !slices.Contains(givers[code[:1]], folder) && !slices.Contains(givers[code[:2]], folder) {
					t.Errorf("%s gives %s, which is not its own", folder, code)
				}
			}
		}
	}
	codes := strings.Join(slices.Collect(maps.Keys(out)), " ")
	for prefix := range givers {
		if !strings.Contains(" "+codes, " "+prefix) {
			t.Errorf("no code begins with %s: the search is wrong", prefix)
		}
	}
	return out
}
