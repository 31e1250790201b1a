package doctor

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the page anew")

const (
	page = "../../docs/doctor.md"
	// table is what machines get of the states.
	table = "../../profiles/doctor/files/doctor-states"
)

// The table of the machines is that of the states. With -update it is written.
func TestTableOfMachinesPage(t *testing.T) {
	text, err := os.ReadFile(table)
	if !*update && (err != nil || string(text) != Table()) {
		t.Fatalf("%s does not hold the states as they are: run this test with -update (%v)", table, err)
	}
	if string(text) != Table() {
		if err := os.WriteFile(table, []byte(Table()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// The page shows every state. With -update it is written.
func TestPage(t *testing.T) {
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, begins := strings.Cut(string(text), "-update -->\n")
	_, after, ends := strings.Cut(rest, "<!-- end -->")
	if !begins || !ends {
		t.Fatalf("%s has no place for the states", page)
	}
	var table strings.Builder
	table.WriteString("\n| code | profile | it says | cause | remedy |\n|---|---|---|---|---|\n")
	for _, s := range States() {
		fmt.Fprintf(&table, "| %s | %s | `%s` | %s | %s |\n", s.Code, s.Profile, strings.TrimSuffix(s.Says, ")"), s.Cause, s.Remedy)
	}
	want := before + "-update -->\n" + table.String() + "\n<!-- end -->" + after
	if string(text) == want {
		return
	}
	if !*update {
		t.Fatalf("%s does not show the states as they are: run this test with -update", page)
	}
	if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}

// A page that a state names is there.
func TestPagesOfStates(t *testing.T) {
	named := regexp.MustCompile(`docs/[a-z0-9/-]+\.md`)
	pages := 0
	for _, s := range States() {
		for _, page := range named.FindAllString(s.Cause+" "+s.Remedy, -1) {
			pages++
			if _, err := os.Stat("../../" + page); err != nil {
				t.Errorf("%s names a page that is not there: %v", s.Code, err)
			}
		}
	}
	if pages == 0 {
		t.Error("no state names a page")
	}
}

// What a state names in the topology is there: a key of the schema, or a profile.
func TestTopologyPaths(t *testing.T) {
	text, err := os.ReadFile("../../docs/topology.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	type node struct {
		Ref        string          `json:"$ref"`
		Properties map[string]node `json:"properties"`
		Defs       map[string]node `json:"$defs"`
	}
	var schema node
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	for _, s := range States() {
		if s.Topology == "" {
			continue
		}
		at := schema
		for _, key := range strings.Split(s.Topology, ".") {
			next, ok := at.Properties[key]
			if !ok {
				t.Errorf("%s: a topology has no %s", s.Code, s.Topology)
				break
			}
			if next.Ref != "" {
				next = schema.Defs[strings.TrimPrefix(next.Ref, "#/$defs/")]
			}
			at = next
		}
	}
}
