package docs

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	decided  = regexp.MustCompile(`^(mended|refused|page|nothing)\b`)
	evidence = regexp.MustCompile("`([^`]+)`")
	codeOf   = regexp.MustCompile("`([A-Z][0-9]{3})`")
	testFunc = regexp.MustCompile(`(?m)^func (Test\w+)\(`)
)

// TestSystems reads the table of docs/systems.md: each row has a decision; what is mended
// or refused is shown by something that exists, and what is refused by topologies that get
// the code; a page is linked. TestPages looks where links lead.
func TestSystems(t *testing.T) {
	page, err := os.ReadFile("../../docs/systems.md")
	if err != nil {
		t.Fatal(err)
	}
	scenarios, err := os.ReadFile("../boot/scenarios.yaml")
	if err != nil {
		t.Fatal(err)
	}
	tests, rows := testNames(t), 0
	for _, line := range strings.Split(string(page), "\n") {
		cells := strings.Split(line, "|")
		if len(cells) != 6 || strings.HasPrefix(line, "|--") || strings.HasPrefix(line, "| system ") {
			continue
		}
		rows++
		what, decision, shown := strings.TrimSpace(cells[2]), strings.TrimSpace(cells[3]), cells[4]
		kind := decided.FindString(decision)
		names := evidence.FindAllStringSubmatch(shown, -1)
		switch {
		case kind == "":
			t.Errorf("%s: no decision", what)
		case kind == "page" && !strings.Contains(decision, "]("):
			t.Errorf("%s: no link to the page", what)
		case (kind == "mended" || kind == "refused") && len(names) == 0:
			t.Errorf("%s: nothing shows that it is %s", what, kind)
		}
		wants := ""
		for _, m := range names {
			switch name := m[1]; {
			case strings.HasSuffix(name, ".yaml"):
				text, err := os.ReadFile(filepath.Join("../../testdata/bad", name))
				if err != nil {
					t.Errorf("%s: %v", what, err)
				}
				wants += string(text)
			case strings.HasPrefix(name, "Test"):
				if !tests[name] {
					t.Errorf("%s: there is no %s", what, name)
				}
			case !strings.Contains(string(scenarios), "\n- name: "+name+"\n"):
				t.Errorf("%s: there is no scenario %s", what, name)
			}
		}
		for _, m := range codeOf.FindAllStringSubmatch(decision, -1) {
			if !regexp.MustCompile(`(?m)^# want: .* ` + m[1] + `$`).MatchString(wants) {
				t.Errorf("%s: no topology of the row gets %s", what, m[1])
			}
		}
	}
	if rows < 30 {
		t.Errorf("only %d rows were read", rows)
	}
}

// testNames gives the tests of the repository.
func testNames(t *testing.T) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, m := range testFunc.FindAllStringSubmatch(string(text), -1) {
			out[m[1]] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
