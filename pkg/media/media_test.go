package media

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/durable"
	"github.com/kubespore/kubespore/pkg/durable/durabletest"
)

// seedHost is a cloud-init machine.
func seedHost(name, text string) Host {
	files := map[string]string{"user-data": "#cloud-config\n# " + text + "\n", "meta-data": "instance-id: " + name + "\n", "network-config": "network: {config: disabled}\n"}
	return Host{Name: name, Format: cloudInit, Read: reader(files)}
}

func reader(files map[string]string) func(string) ([]byte, error) {
	return func(name string) ([]byte, error) {
		text, ok := files[name]
		if !ok {
			return nil, fmt.Errorf("no file %s", name)
		}
		return []byte(text), nil
	}
}

// tree gives the content of every file in a folder.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) || err == nil && e.IsDir() {
			return nil
		}
		data, err := os.ReadFile(name)
		out[strings.TrimPrefix(name, dir+"/")] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func write(t *testing.T, dir string, m Medium, hosts ...Host) {
	t.Helper()
	if _, list := Write(context.Background(), m, hosts, Options{Dir: dir, FS: &durabletest.FS{}, Whole: true}); list.HasErrors() {
		t.Fatal(list)
	}
}

func codes(list diag.List) (out []string) {
	for _, d := range list {
		out = append(out, d.Code)
	}
	return out
}

func TestSameBytesTwice(t *testing.T) {
	one, two := t.TempDir(), t.TempDir()
	write(t, one, Seed(), seedHost("a", "1"), seedHost("b", "2"))
	write(t, two, Seed(), seedHost("b", "2"), seedHost("a", "1"))
	write(t, two, Seed(), seedHost("b", "2"), seedHost("a", "1"))
	got := tree(t, one)
	if !maps.Equal(got, tree(t, two)) {
		t.Error("the same documents gave other bytes")
	}
	if names := slices.Sorted(maps.Keys(got)); !slices.Equal(names, []string{"a.iso", "b.iso", InventoryName}) {
		t.Errorf("made %v", names)
	}
	for name := range got {
		if info, err := os.Stat(filepath.Join(one, name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
}

// TestFailures meets a full disk and a kill at every change of a run. The
// files are then those of before or of after, each whole, and the next run
// cleans up.
func TestFailures(t *testing.T) {
	before, after := t.TempDir(), t.TempDir()
	write(t, before, Seed(), seedHost("a", "1"), seedHost("b", "1"), seedHost("gone", "1"))
	write(t, after, Seed(), seedHost("a", "2"), seedHost("b", "2"), seedHost("c", "2"))
	old, new := tree(t, before), tree(t, after)
	run := func(dir string, fsys durable.FS) diag.List {
		_, list := Write(context.Background(), Seed(), []Host{seedHost("a", "2"), seedHost("b", "2"), seedHost("c", "2")}, Options{Dir: dir, FS: fsys, Whole: true})
		return list
	}
	for _, full := range []bool{false, true} {
		for at := 1; ; at++ {
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS(before)); err != nil {
				t.Fatal(err)
			}
			fsys := &durabletest.FS{KillAt: at}
			if full {
				fsys = &durabletest.FS{FullAt: at}
			}
			list := run(dir, fsys)
			finished := fsys.Changes() < at
			if !finished && full && list.HasErrors() && !strings.Contains(list[0].Message, "disk is full") {
				t.Errorf("change %d: %s", at, list[0].Message)
			}
			for name, text := range tree(t, dir) {
				if name == InventoryName || name == ".lock" || strings.HasPrefix(name, ".staging/") || strings.HasSuffix(name, ".tmp") {
					continue
				}
				if text != old[name] && text != new[name] {
					t.Errorf("change %d: %s is neither old nor new", at, name)
				}
			}
			if list := run(dir, &durabletest.FS{}); list.HasErrors() {
				t.Fatalf("change %d: %s", at, list[0].Message)
			}
			if got := tree(t, dir); !maps.Equal(got, new) {
				t.Fatalf("change %d: the next run left %v", at, slices.Sorted(maps.Keys(got)))
			}
			if finished {
				if at < 10 {
					t.Errorf("only %d changes: nothing was shown", at)
				}
				break
			}
		}
	}
}

// TestFullDiskLeavesNothing has no room for a first run.
func TestFullDiskLeavesNothing(t *testing.T) {
	for at := 1; at <= 4; at++ {
		dir := filepath.Join(t.TempDir(), "media")
		_, list := Write(context.Background(), Seed(), []Host{seedHost("a", "1")}, Options{Dir: dir, FS: &durabletest.FS{FullAt: at}, Whole: true})
		if !list.HasErrors() || list[0].Hint == "" {
			t.Errorf("change %d: %v", at, list)
		}
		if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("change %d left %v", at, tree(t, dir))
		}
	}
}

// TestOneOfSeveralMedia makes two kinds in one folder: neither removes the
// other's files.
func TestOneOfSeveralMedia(t *testing.T) {
	dir := t.TempDir()
	other := Seed()
	other.Name = "other"
	make := other.Make
	other.Make = func(h *Host) ([]File, error) {
		files, err := make(h)
		files[0].Path = "deep/down/" + h.Name
		return files, err
	}
	write(t, dir, Seed(), seedHost("a", "1"))
	write(t, dir, other, seedHost("a", "1"), seedHost("b", "1"))
	write(t, dir, other, seedHost("c", "1"))
	if names := slices.Sorted(maps.Keys(tree(t, dir))); !slices.Equal(names, []string{"a.iso", "deep/down/c", InventoryName}) {
		t.Errorf("there are %v", names)
	}
	write(t, dir, other)
	if _, err := os.Stat(filepath.Join(dir, "deep")); !errors.Is(err, fs.ErrNotExist) {
		t.Error("empty folders stay")
	}
}

func TestBusy(t *testing.T) {
	dir := t.TempDir()
	f, err := openFolder(dir, durable.OS{})
	if err != nil {
		t.Fatal(err)
	}
	defer f.close(false)
	_, list := Write(context.Background(), Seed(), []Host{seedHost("a", "1")}, Options{Dir: dir})
	if !list.HasErrors() || !strings.Contains(list[0].Message, "another kubespore is using") {
		t.Error(list)
	}
}

// TestEscape has a list of media that names a file outside the folder, which
// must not be removed.
func TestEscape(t *testing.T) {
	dir := t.TempDir()
	text, _ := json.Marshal(inventory{inventoryVersion, []entry{{"iso", Made{Path: "../victim"}}}})
	if err := os.WriteFile(filepath.Join(dir, InventoryName), text, 0o600); err != nil {
		t.Fatal(err)
	}
	_, list := Write(context.Background(), Seed(), nil, Options{Dir: dir, Whole: true})
	if !slices.Equal(codes(list), []string{"M005"}) {
		t.Error(list)
	}
}

func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	dir := filepath.Join(t.TempDir(), "media")
	_, list := Write(ctx, Seed(), []Host{seedHost("a", "1")}, Options{Dir: dir})
	if !slices.Equal(codes(list), []string{"M002"}) {
		t.Error(list)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("something was written")
	}
}

// TestSeedHolds looks for the whole text of each file on the volume.
func TestSeedHolds(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, Seed(), seedHost("a", "1"))
	image := []byte(tree(t, dir)["a.iso"])
	for _, want := range []string{"CIDATA  ", "#cloud-config\n# 1\n", "instance-id: a\n", "network: {config: disabled}\n"} {
		if !bytes.Contains(image, []byte(want)) {
			t.Errorf("%q is not on the volume", want)
		}
	}
}
