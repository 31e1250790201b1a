package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// threats gives the page before a section, and the rows of the section's table.
func threats(t *testing.T, heading string, columns int) (before string, rows [][]string) {
	t.Helper()
	before, section, found := strings.Cut(file(t, "docs/threat-model.md"), "\n## "+heading+"\n")
	if !found {
		t.Fatalf("the page has no %q", heading)
	}
	section, _, _ = strings.Cut(section, "\n## ")
	for line := range strings.Lines(section) {
		if !strings.HasPrefix(line, "|") {
			continue
		}
		var cells []string
		for _, cell := range strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|") {
			cells = append(cells, strings.TrimSpace(cell))
		}
		if len(cells) != columns {
			t.Fatalf("%q has %d columns, not %d", line, len(cells), columns)
		}
		rows = append(rows, cells)
	}
	if len(rows) < 10 {
		t.Fatalf("%s has %d rows", heading, len(rows))
	}
	return before, rows[2:]
}

// file reads one of the repository.
func file(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../..", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// tried looks for each test, case of testdata/bad and scenario of the boot lab that a
// cell names, and says whether it names any.
func tried(t *testing.T, cell string) bool {
	t.Helper()
	tries := regexp.MustCompile("`([a-z/]+) ([^` ]+)`").FindAllStringSubmatch(cell, -1)
	for _, try := range tries {
		where, name := try[1], try[2]
		if where == "lab" {
			if !strings.Contains(file(t, "test/boot/scenarios.yaml"), "\n- name: "+name+"\n") {
				t.Errorf("the lab has no scenario %s", name)
			}
			continue
		}
		name, kase, _ := strings.Cut(name, "/")
		if !declares(t, filepath.Join("../..", where), name) {
			t.Errorf("%s has no test %s", where, name)
		}
		if kase != "" {
			file(t, "testdata/bad/"+kase+".yaml")
		}
	}
	return len(tries) > 0
}

// TestThreats: each row of "Who cannot do what" names what tries it, and that is there.
func TestThreats(t *testing.T) {
	_, rows := threats(t, "Who cannot do what", 4)
	for _, row := range rows {
		if !regexp.MustCompile(`^[STRIDE]$`).MatchString(row[2]) {
			t.Errorf("%s: %q is not a letter of STRIDE", row[1], row[2])
		}
		if !tried(t, row[3]) {
			t.Errorf("%s cannot %s: nothing tries it", row[0], row[1])
		}
	}
}

// TestThreatsByChannel: for each channel and letter something tries it, or the page says
// that nothing stands in the way.
func TestThreatsByChannel(t *testing.T) {
	_, rows := threats(t, "By channel", 7)
	for _, row := range rows {
		for i, cell := range row[1:] {
			if open := strings.HasPrefix(cell, "open: ") && len(cell) > 12; open == tried(t, cell) {
				t.Errorf("%s, %c: %q names a test, or says what is open", row[0], "STRIDE"[i], cell)
			}
		}
	}
}

// claims are words of a sentence that says that something cannot happen.
var claims = regexp.MustCompile(`(?i)\b(cannot|no one|nobody|nothing|never|no|not|only)\b`)

// TestThreatsAbove: each sentence before the tables that says that something cannot
// happen has a row, whose words stand there, and which names what tries it or admits a
// weakness.
func TestThreatsAbove(t *testing.T) {
	_, rows := threats(t, "What tries the sentences above", 2)
	page, _ := threats(t, "Who cannot do what", 4)
	page = strings.Join(strings.Fields(page), " ")
	for _, row := range rows {
		if !strings.Contains(page, row[0]) {
			t.Errorf("%q does not stand above", row[0])
		}
		if tried(t, row[1]) == (row[1] == "a weakness") {
			t.Errorf("%q: %q names a test, or is a weakness", row[0], row[1])
		}
	}
	known := func(sentence string) bool {
		for _, row := range rows {
			if strings.Contains(sentence, row[0]) {
				return true
			}
		}
		return false
	}
	weak := regexp.MustCompile(`^(\| )?(does )?not (protect from|offered)|In the lab`)
	for _, sentence := range regexp.MustCompile(`[.:;] | \| `).Split(page, -1) {
		if claims.MatchString(sentence) && !known(sentence) && !weak.MatchString(sentence) {
			t.Errorf("no row says what tries %q", sentence)
		}
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
