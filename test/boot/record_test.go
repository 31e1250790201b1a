package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// A scenario that has passed is known as long as the files that decide are the same.
func TestRecord(t *testing.T) {
	tree, cache := t.TempDir(), t.TempDir()
	write := func(path, text string) {
		t.Helper()
		path = filepath.Join(tree, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	known := func() *entry {
		t.Helper()
		r, err := recordOf(cache, tree)
		if err != nil {
			t.Fatal(err)
		}
		return r.passed("ha")
	}
	write("profiles/unit", "a")
	r, err := recordOf(cache, tree)
	if err != nil {
		t.Fatal(err)
	}
	if known() != nil {
		t.Error("what never ran has passed")
	}
	want := entry{time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), time.Minute}
	if err := r.add("ha", want); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"README.md", "docs/page.txt", "bin/kubespore", ".git/HEAD", "testdata/golden", "pkg/compile/a_test.go"} {
		write(path, "new")
		if got := known(); got == nil || *got != want {
			t.Errorf("with another %s: %v, not %v", path, got, want)
		}
	}
	if err := os.RemoveAll(filepath.Join(tree, ".git")); err != nil {
		t.Fatal(err)
	}
	write(".git", "gitdir: elsewhere")
	if known() == nil {
		t.Error("in a second work tree it has not passed")
	}
	for _, changed := range []struct{ Path, text string }{{"profiles/unit", "b"}, {"profiles/units", "a"}} {
		write(changed.Path, changed.text)
		if known() != nil {
			t.Errorf("with another %s it has still passed", changed.Path)
		}
	}
	if err := os.Remove(filepath.Join(tree, "profiles/units")); err != nil {
		t.Fatal(err)
	}
	write("profiles/unit", "a")
	if known() == nil {
		t.Error("with the first files again it has not passed")
	}
	if err := os.WriteFile(filepath.Join(r.folder, "ha"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if known() != nil {
		t.Error("a record that was cut off counts")
	}
}
