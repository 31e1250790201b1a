package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestFullDisk gives builds less and less room. Each one that fails says why
// and leaves everything as it was.
func TestFullDisk(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("mounting a small file system needs root")
	}
	start := newWorld(t)
	start.mustBuild()
	start.hosts("cp1", "cp2", "cp3", "w1", "w2", "w3", "w4")
	failures := 0
	for _, room := range []int{5, 20, 50, 100, 150, 200, 300} {
		mount := t.TempDir()
		blocks := start.blocks() + room
		if err := syscall.Mount("tmpfs", mount, "tmpfs", 0, fmt.Sprintf("mode=0700,nr_blocks=%d", blocks)); err != nil {
			t.Skipf("no tmpfs to be had: %v", err)
		}
		t.Cleanup(func() { _ = syscall.Unmount(mount, 0) })
		w := &world{t, mount}
		if err := copyTree(start.dir, mount); err != nil {
			t.Fatal(err)
		}
		out, store := w.tree(w.path("out")), w.tree(w.store())
		code, _, stderr := w.kubespore(w.buildArgs()...)
		if code == exitFine {
			w.checkOut()
			continue
		}
		failures++
		if code != exitDiagnostics || !strings.Contains(stderr, "disk is full") || !strings.Contains(stderr, "hint:") {
			t.Errorf("room for %d pages: exit code %d\n%s", room, code, stderr)
		}
		if !maps.Equal(w.tree(w.path("out")), out) {
			t.Errorf("room for %d pages: out/ changed", room)
		}
		w.checkStore(store)
	}
	if failures == 0 {
		t.Error("every size had room enough: nothing was shown")
	}
}

// blocks says how many pages of memory a copy of the world takes.
func (w *world) blocks() int {
	w.t.Helper()
	const page = 4096
	n := 0
	for name := range w.tree(w.dir) {
		n += (len(w.read(name)) + page - 1) / page
	}
	return n
}

// TestReadOnlyStore builds where new keys cannot be kept.
func TestReadOnlyStore(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("mounting read-only needs root")
	}
	w := newWorld(t)
	w.mustBuild()
	store := w.store()
	if err := syscall.Mount(store, store, "", syscall.MS_BIND, ""); err != nil {
		t.Skipf("no bind mount to be had: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(store, 0) })
	if err := syscall.Mount(store, store, "", syscall.MS_BIND|syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Skipf("no read-only mount to be had: %v", err)
	}
	before := w.tree(filepath.Join(w.dir, "out"))
	w.hosts("cp1", "cp2", "cp3", "w1", "w2", "w3")
	code, _, stderr := w.kubespore(w.buildArgs()...)
	if code != exitDiagnostics || !strings.Contains(stderr, "read-only") {
		t.Errorf("exit code %d\n%s", code, stderr)
	}
	if !maps.Equal(w.tree(w.path("out")), before) {
		t.Error("out/ changed")
	}
	if code, _, stderr := w.kubespore("diff", "--build", w.path("out"), w.path("prod.yaml")); code != exitFine {
		t.Errorf("diff needs no writing, but: exit code %d\n%s", code, stderr)
	}
}
