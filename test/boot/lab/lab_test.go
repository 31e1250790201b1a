package lab

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Something that could not be made leaves nothing that looks as if it were.
func TestCached(t *testing.T) {
	l := &Lab{Cache: t.TempDir()}
	broken := func(path string) error {
		if err := os.WriteFile(path, []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
		return os.ErrInvalid
	}
	if _, err := l.Cached("thing", []string{"a"}, broken); err == nil {
		t.Fatal("no error")
	}
	whole := func(path string) error { return os.WriteFile(path, []byte("whole"), 0o600) }
	path, err := l.Cached("thing", []string{"a"}, whole)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "whole" {
		t.Errorf("%s %v", text, err)
	}
	if again, err := l.Cached("thing", []string{"a"}, broken); err != nil || again != path {
		t.Errorf("made twice: %v", err)
	}
	if other, err := l.Cached("thing", []string{"b"}, whole); err != nil || other == path {
		t.Errorf("another recipe gives the same %s: %v", filepath.Base(other), err)
	}
}

// A kubelet lives when its lease moves, whatever the time is there, or is later
// than the power-on by our clock.
func TestAlive(t *testing.T) {
	on := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	behind := on.Add(-24 * time.Hour)
	m := &Machine{Since: on}
	if m.alive(behind) {
		t.Error("a lease of yesterday is taken for new")
	}
	if m.alive(behind) {
		t.Error("a lease that stands still is taken for new")
	}
	if !m.alive(behind.Add(10 * time.Second)) {
		t.Error("a lease that moves is not seen")
	}
	if m := (&Machine{Since: on}); !m.alive(on.Add(time.Second)) {
		t.Error("a lease that is later than the power-on is not seen")
	}
}
