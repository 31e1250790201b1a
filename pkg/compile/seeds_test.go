package compile_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The table "Line by line" of docs/seeds/NNN.md says of each line of a guide
// where its intent stands now. Its columns:
//
//	lines               of the guide: 18-22, or 66, 85-87
//	what the guide does
//	where               one place, by its kind:
//	                      `HOST:/PATH`        a file in the host's document, of the topology NNN
//	                      `TOPOLOGY/HOST:/P`  the same of another topology of examples/seeds
//	                      [page](../page.md)  a page
//	                      `lab SCENARIO`      the steps of a scenario in test/boot/scenarios.yaml
//	                      above               a code block of the page itself
//	                      not here            nowhere, and the next column says why
//	what stands there   `TEXT` for each text that must be in that place, then a
//	                    remark if you want; for "not here" the reason, a sentence
//
// An empty first cell continues the row above with another place, or with
// another part of the same lines. All lines of the guide; the page says how many ("a guide of 469
// lines"), stand in the first column.
var seedColumns = []string{"lines", "what the guide does", "where", "what stands there"}

type seedRow struct {
	number                    int // line of the page
	lines, intent, where, say string
}

func TestSeedPages(t *testing.T) {
	pages, err := filepath.Glob("../../docs/seeds/*.md")
	if err != nil || len(pages) == 0 {
		t.Fatal(pages, err)
	}
	places := &seedPlaces{trees: map[string]string{}}
	for _, page := range pages {
		t.Run(filepath.Base(page), func(t *testing.T) {
			text, err := os.ReadFile(page)
			if err != nil {
				t.Fatal(err)
			}
			rows := seedTable(t, string(text))
			coversAll(t, string(text), rows)
			for _, row := range rows {
				if err := places.hold(t, page, string(text), row); err != nil {
					t.Errorf("%s:%d: %v", filepath.Base(page), row.number, err)
				}
			}
		})
	}
}

// seedTable reads the rows of the table.
func seedTable(t *testing.T, page string) []seedRow {
	t.Helper()
	before, table, found := strings.Cut(page, "| "+strings.Join(seedColumns, " | ")+" |\n|---|---|---|---|\n")
	if !found {
		t.Fatalf("the page has no table with the columns %q", seedColumns)
	}
	var rows []seedRow
	for i, line := range strings.Split(table, "\n") {
		if !strings.HasPrefix(line, "|") {
			break
		}
		cells := strings.Split(strings.ReplaceAll(line, `\|`, "\x00"), "|")
		if len(cells) != len(seedColumns)+2 {
			t.Fatalf("%d cells: %s", len(cells)-2, line)
		}
		for j, cell := range cells {
			cells[j] = strings.ReplaceAll(strings.TrimSpace(cell), "\x00", "|")
		}
		row := seedRow{strings.Count(before, "\n") + 3 + i, cells[1], cells[2], cells[3], cells[4]}
		if row.lines != "" && row.intent == "" {
			t.Errorf("lines without an intent: %s", line)
		}
		rows = append(rows, row)
	}
	return rows
}

var seedLength = regexp.MustCompile(`a guide of (\d+)\s+lines`)

// coversAll sees that each line of the guide stands in a row.
func coversAll(t *testing.T, page string, rows []seedRow) {
	t.Helper()
	said := seedLength.FindStringSubmatch(page)
	if said == nil {
		t.Fatal(`the page does not say "a guide of N lines"`)
	}
	length, _ := strconv.Atoi(said[1])
	covered := make([]bool, length+1)
	for _, row := range rows {
		for _, part := range strings.Split(row.lines, ",") {
			part = strings.TrimSpace(part)
			if part == "" {
				continue
			}
			from, to, isRange := strings.Cut(part, "-")
			if !isRange {
				to = from
			}
			a, errA := strconv.Atoi(from)
			b, errB := strconv.Atoi(to)
			if errA != nil || errB != nil || a < 1 || b < a || b > length {
				t.Errorf("%q are not lines of a guide with %d", part, length)
				continue
			}
			for i := a; i <= b; i++ {
				covered[i] = true
			}
		}
	}
	var missing []string
	for i := 1; i <= length; i++ {
		if !covered[i] {
			missing = append(missing, strconv.Itoa(i))
		}
	}
	if missing != nil {
		t.Errorf("no row has the lines %s", strings.Join(missing, " "))
	}
}

// seedPlaces are the places that rows name.
type seedPlaces struct{ trees map[string]string } // topology -> documents as goldens show them

var (
	span     = regexp.MustCompile("`([^`]+)`")
	seedFile = regexp.MustCompile("^`(?:([^/:` ]+)/)?([^/:` ]+):(/[^` ]+)`$")
	seedLink = regexp.MustCompile(`^\[[^\]]+\]\(([^)#]+)(?:#[^)]*)?\)$`)
	seedLab  = regexp.MustCompile("^`lab ([^` ]+)`$")
	fenced   = regexp.MustCompile("(?ms)^```[^\n]*\n(.*?)^```")
	sentence = regexp.MustCompile(`(?s)^\S+ \S+ .*\S\.$`)
)

// hold sees that a place is there and has the texts.
func (p *seedPlaces) hold(t *testing.T, file, page string, row seedRow) error {
	if row.where == "not here" {
		if !sentence.MatchString(row.say) {
			return fmt.Errorf("not here, and no sentence says why: %q", row.say)
		}
		return nil
	}
	content, err := p.content(t, file, page, row.where)
	if err != nil {
		return err
	}
	texts := span.FindAllStringSubmatch(row.say, -1)
	if len(texts) == 0 {
		return fmt.Errorf("no text says what stands in %s", row.where)
	}
	for _, text := range texts {
		if !strings.Contains(content, text[1]) {
			return fmt.Errorf("%s does not have %s", row.where, text[0])
		}
	}
	return nil
}

func (p *seedPlaces) content(t *testing.T, file, page, where string) (string, error) {
	if where == "above" {
		var code []string
		for _, m := range fenced.FindAllStringSubmatch(page, -1) {
			code = append(code, m[1])
		}
		return strings.Join(code, ""), nil
	}
	if m := seedLab.FindStringSubmatch(where); m != nil {
		return scenarioText(m[1])
	}
	if m := seedLink.FindStringSubmatch(where); m != nil {
		text, err := os.ReadFile(filepath.Join(filepath.Dir(file), m[1]))
		return string(text), err
	}
	if m := seedFile.FindStringSubmatch(where); m != nil {
		topology := m[1]
		if topology == "" {
			topology = strings.TrimSuffix(filepath.Base(file), ".md")
		}
		return p.file(t, topology, m[2], m[3])
	}
	return "", fmt.Errorf("%q is no place: see the top of pkg/compile/seeds_test.go", where)
}

// file gives a file of a host's document.
func (p *seedPlaces) file(t *testing.T, topology, host, path string) (string, error) {
	if p.trees[topology] == "" {
		for _, h := range goldenHosts(t, "seeds/"+topology, goldenMinors[0]) {
			for _, block := range h.blocks {
				p.trees[topology] += "\n" + h.name + ":" + block
			}
		}
	}
	_, content, found := strings.Cut(p.trees[topology], "\n"+host+":"+path+" ")
	if !found {
		return "", fmt.Errorf("%s of %s has no %s", host, topology, path)
	}
	lines := strings.Split(content, "\n")
	end := 1 + slices.IndexFunc(lines[1:], func(line string) bool { return line != "" && !strings.HasPrefix(line, "    ") })
	if end == 0 {
		end = len(lines)
	}
	for i := 1; i < end; i++ {
		lines[i] = strings.TrimPrefix(lines[i], "    ")
	}
	return strings.Join(lines[:end], "\n"), nil
}

// scenarioText gives a scenario as scenarios.yaml has it.
func scenarioText(name string) (string, error) {
	text, err := os.ReadFile("../../test/boot/scenarios.yaml")
	if err != nil {
		return "", err
	}
	_, rest, found := strings.Cut(string(text), "\n- name: "+name+"\n")
	if !found {
		return "", fmt.Errorf("no scenario %s", name)
	}
	content, _, _ := strings.Cut(rest, "\n- name: ")
	return content, nil
}
