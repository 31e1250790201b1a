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

// TestFlagsInitialValues: every run registers one command's flags, and rows that share
// an option have one initial value, since the row that comes last would win.
func TestFlagsInitialValues(t *testing.T) {
	var o options
	rows := map[any]flag{}
	for _, f := range flagTable() {
		target := f.bind(&o)
		if other, ok := rows[target]; ok && other.initial != f.initial {
			t.Errorf("--%s (%s) and --%s (%s) share an option: %q and %q", f.name, f.key, other.name, other.key, f.initial, other.initial)
		}
		rows[target] = f
	}
}
