package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestThreats: each row of "Who cannot do what" names what tries it, and that is
// there: a test in that folder, a case in testdata/bad, a scenario of the boot lab.
func TestThreats(t *testing.T) {
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join("../..", name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	_, table, found := strings.Cut(read("docs/threat-model.md"), "\n## Who cannot do what\n")
	if !found {
		t.Fatal("the page has no table")
	}
	table, _, _ = strings.Cut(table, "\n## ")
	scenarios := read("test/boot/scenarios.yaml")
	rows := 0
	for line := range strings.Lines(table) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if !strings.HasPrefix(line, "|") || len(cells) != 4 || strings.HasPrefix(line, "| who |") || strings.HasPrefix(line, "|--") {
			continue
		}
		rows++
		if !regexp.MustCompile(`^ [STRIDE] $`).MatchString(cells[2]) {
			t.Errorf("%s: %q is not a letter of STRIDE", cells[1], cells[2])
		}
		tries := regexp.MustCompile("`([^` ]+) ([^` ]+)`").FindAllStringSubmatch(cells[3], -1)
		if len(tries) == 0 {
			t.Errorf("%s cannot%s: nothing tries it", cells[0], cells[1])
		}
		for _, try := range tries {
			where, name := try[1], try[2]
			if where == "lab" {
				if !strings.Contains(scenarios, "\n- name: "+name+"\n") {
					t.Errorf("the lab has no scenario %s", name)
				}
				continue
			}
			name, kase, _ := strings.Cut(name, "/")
			if !declares(t, filepath.Join("../..", where), name) {
				t.Errorf("%s has no test %s", where, name)
			}
			if kase != "" {
				read("testdata/bad/" + kase + ".yaml")
			}
		}
	}
	if rows < 20 {
		t.Errorf("the table has %d rows", rows)
	}
}

// declares says whether a folder has a test of that name.
func declares(t *testing.T, folder, name string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "\nfunc "+name+"(t *testing.T)") {
			return true
		}
	}
	return false
}
