package compile_test

import (
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

// hardeningTable gives the rows of a table of docs/hardening.md, by its heading.
func hardeningTable(t *testing.T, heading string, columns int) [][]string {
	t.Helper()
	page, err := os.ReadFile("../../docs/hardening.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "\n## "+heading+"\n")
	section, _, _ = strings.Cut(section, "\n## ")
	var rows [][]string
	for line := range strings.Lines(section) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), " | ")
		if strings.HasPrefix(line, "|") && !strings.HasPrefix(line, "|--") {
			if len(cells) != columns {
				t.Fatalf("%q has %d columns, not %d", line, len(cells), columns)
			}
			rows = append(rows, cells)
		}
	}
	if len(rows) < 6 {
		t.Fatalf("%s has %d rows", heading, len(rows))
	}
	return rows[1:]
}

var inTicks = regexp.MustCompile("`([^`]+)`")

// Each safer default has a way back, and it changes what the machine gets.
func TestSaferDefaultsHaveAWayBack(t *testing.T) {
	example, err := os.ReadFile("../../examples/single.yaml")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(string(example), "- name: core\n", "- name: core\n      passwordHash: $6$saltsalt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/jctKu9YterLp8wwnSq.qc.eoxqOmSuNp2xS0ktL3nh/\n", 1)
	usual := entriesOfTopology(t, text)
	for _, row := range hardeningTable(t, "Safer than kubeadm's defaults", 4) {
		back := inTicks.FindStringSubmatch(row[3])
		if back == nil {
			t.Errorf("%s: no way back", row[0])
			continue
		}
		if reflect.DeepEqual(entriesOfTopology(t, strings.Replace(text, "\nprofiles:\n", "\nprofiles:\n  "+back[1]+"\n", 1)), usual) {
			t.Errorf("%s changes nothing", back[1])
		}
	}
}

// What the page says of the guide of NSA and CISA is in the documents.
func TestGuideIsInTheDocuments(t *testing.T) {
	have := entriesOf(t, "")
	for _, row := range hardeningTable(t, "The guide of NSA and CISA", 3) {
		said := inTicks.FindAllStringSubmatch(row[2], -1)
		if len(said) != 2 {
			t.Errorf("%s: name a file and a text of it", row[0])
			continue
		}
		if file, text := said[0][1], said[1][1]; !strings.Contains(string(have[file].Content), text) {
			t.Errorf("%s: %s holds no %q", row[0], file, text)
		}
	}
}
