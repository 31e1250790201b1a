package main

import (
	"cmp"
	"slices"
	"strings"
	"testing"
)

// TestFlags reads the tables: commands name flags that there are, and a name means
// one thing: -o is what a command writes, --build what it reads.
func TestFlags(t *testing.T) {
	var keys []string
	for _, f := range flagTable() {
		keys = append(keys, cmp.Or(f.key, f.name))
		if f.short == "o" && f.name != "output" {
			t.Errorf("--%s is -o, which is --output", f.name)
		}
		if f.name == "output" && (f.short != "o" || !strings.Contains(f.usage, "written to")) {
			t.Errorf("--output: %q does not say what is written", f.usage)
		}
	}
	for _, row := range commands() {
		for _, key := range row.flags {
			if !slices.Contains(keys, key) {
				t.Errorf("%s takes the flag %s, which is not in the table", row.name, key)
			}
		}
		names := map[string]bool{}
		for _, f := range flagsOf(row.flags) {
			if names[f.name] {
				t.Errorf("%s has --%s twice", row.name, f.name)
			}
			names[f.name] = true
		}
	}
}
