package durable_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/kubespore/kubespore/pkg/durable"
	"github.com/kubespore/kubespore/pkg/durable/durabletest"
)

func change(content string) []durable.File {
	return []durable.File{
		{Name: "allocations.json", Data: []byte(content), Mode: 0o600},
		{Name: "hosts/cp1/etcd.crt", Data: []byte(content), Mode: 0o600},
		{Name: "hosts/cp1/etcd.key", Data: []byte(content), Mode: 0o600},
		{Name: "ca/etcd.key", Data: []byte(content), Mode: 0o600},
	}
}

// state gives the content that every file of the change has, as a reader
// sees it; it fails when they differ.
func state(t *testing.T, j durable.Journal) string {
	t.Helper()
	seen := map[string]bool{}
	for _, f := range change("") {
		data, err := j.ReadFile(f.Name)
		if errors.Is(err, fs.ErrNotExist) {
			data = []byte("nothing")
		} else if err != nil {
			t.Fatal(err)
		}
		seen[string(data)] = true
	}
	if len(seen) != 1 {
		t.Fatalf("a reader sees half of a change: %v", seen)
	}
	for content := range seen {
		return content
	}
	return ""
}

// A process killed in any change leaves all of the old or all of the new, and
// the next process finds the same.
func TestJournalKilledAnywhere(t *testing.T) {
	for _, before := range []string{"nothing", "the old content"} {
		after := map[string]int{}
		for n := 1; ; n++ {
			dir := t.TempDir()
			real := durable.Journal{FS: durable.OS{}, Dir: dir}
			if before != "nothing" {
				if err := real.Commit(change(before)); err != nil {
					t.Fatal(err)
				}
			}
			dying := &durabletest.FS{KillAt: n}
			err := durable.Journal{FS: dying, Dir: dir}.Commit(change("the new content"))
			seen := state(t, real)
			if err := real.Recover(); err != nil {
				t.Fatalf("change %d: recover: %v", n, err)
			}
			if now := state(t, real); now != seen {
				t.Fatalf("change %d: a reader saw %q, recovery made %q", n, seen, now)
			}
			if left, _ := filepath.Glob(filepath.Join(dir, ".journal*")); left != nil {
				t.Fatalf("change %d: recovery left %v", n, left)
			}
			after[seen]++
			if err == nil {
				break
			}
		}
		if after[before] < 4 || after["the new content"] < 4 {
			t.Errorf("the kills did not hit both sides of the moment: %v", after)
		}
	}
}

// Recovery that is killed itself is recovered from.
func TestRecoverKilledAnywhere(t *testing.T) {
	for n := 1; ; n++ {
		dir := t.TempDir()
		dying := &durabletest.FS{KillAt: 14} // between validity and the last file
		if err := (durable.Journal{FS: dying, Dir: dir}).Commit(change("new")); err == nil {
			t.Fatal("the first commit was to be killed")
		}
		again := &durabletest.FS{KillAt: n}
		err := durable.Journal{FS: again, Dir: dir}.Recover()
		real := durable.Journal{FS: durable.OS{}, Dir: dir}
		if got := state(t, real); got != "new" {
			t.Fatalf("change %d: %q", n, got)
		}
		if err == nil {
			break
		}
		if err := real.Recover(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestJournalFullDisk(t *testing.T) {
	for n := 1; ; n++ {
		dir := t.TempDir()
		real := durable.Journal{FS: durable.OS{}, Dir: dir}
		if err := real.Commit(change("old")); err != nil {
			t.Fatal(err)
		}
		err := durable.Journal{FS: &durabletest.FS{FullAt: n}, Dir: dir}.Commit(change("new"))
		if err == nil {
			break
		}
		if !strings.Contains(err.Error(), "the disk is full") || durable.Hint(err) == "" {
			t.Fatalf("change %d: %v", n, err)
		}
		before := state(t, real)
		if err := real.Recover(); err != nil {
			t.Fatal(err)
		}
		if got := state(t, real); got != before {
			t.Fatalf("change %d: %q became %q", n, before, got)
		}
	}
}

func TestCommitNothing(t *testing.T) {
	fsys := &durabletest.FS{}
	if err := (durable.Journal{FS: fsys, Dir: t.TempDir()}).Commit(nil); err != nil || fsys.Changes() != 0 {
		t.Errorf("%d changes, %v", fsys.Changes(), err)
	}
}

func TestReplace(t *testing.T) {
	for _, exchange := range []bool{true, false} {
		for _, first := range []bool{true, false} {
			t.Run(fmt.Sprintf("exchange=%t/first=%t", exchange, first), func(t *testing.T) {
				for n := 1; ; n++ {
					if !replaceKilled(t, n, exchange, first) {
						break
					}
				}
			})
		}
	}
}

func replaceKilled(t *testing.T, n int, exchange, first bool) (killed bool) {
	t.Helper()
	dir := t.TempDir()
	current, next := filepath.Join(dir, "out"), filepath.Join(dir, ".out.next")
	write := func(folder, content string) {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, "a"), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if !first {
		write(current, "old")
	}
	write(next, "new")
	err := durable.Replace(&durabletest.FS{KillAt: n, NoExchange: !exchange}, current, next)
	if recovery := durable.RecoverReplace(durable.OS{}, current, next); recovery != nil {
		t.Fatal(recovery)
	}
	got, _ := os.ReadFile(filepath.Join(current, "a"))
	switch {
	case err == nil && string(got) != "new":
		t.Fatalf("after success out holds %q", got)
	case err != nil && !first && string(got) != "old" && string(got) != "new":
		t.Fatalf("change %d: out holds %q", n, got)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".out*")); left != nil {
		t.Fatalf("change %d: %v left", n, left)
	}
	return err != nil
}

func TestWriteFile(t *testing.T) {
	for n := 1; ; n++ {
		name := filepath.Join(t.TempDir(), "f")
		if err := durable.WriteFile(durable.OS{}, name, []byte("old"), 0o600); err != nil {
			t.Fatal(err)
		}
		err := durable.WriteFile(&durabletest.FS{KillAt: n}, name, []byte("new"), 0o600)
		got, _ := durable.ReadFile(name)
		if string(got) != "old" && string(got) != "new" {
			t.Fatalf("change %d: %q", n, got)
		}
		if err == nil {
			break
		}
	}
}

// The lock holds against another process and says which one has it.
func TestLock(t *testing.T) {
	if name := os.Getenv("DURABLE_TEST_LOCK"); name != "" {
		_, err := durable.Acquire("the store", name)
		fmt.Print(err)
		os.Exit(0)
	}
	name := filepath.Join(t.TempDir(), ".lock")
	lock, err := durable.Acquire("the store", name)
	if err != nil {
		t.Fatal(err)
	}
	other := func() string {
		cmd := exec.Command(os.Args[0], "-test.run=^TestLock$")
		cmd.Env = append(os.Environ(), "DURABLE_TEST_LOCK="+name)
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	want := fmt.Sprintf("another kubespore is using the store (process %d)", os.Getpid())
	if got := other(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if err := lock.Release(); err != nil {
		t.Fatal(err)
	}
	if got := other(); got != "<nil>" {
		t.Errorf("after release: %q", got)
	}
	// The other process ended without releasing: its file is not a lock.
	again, err := durable.Acquire("the store", name)
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Release(); err != nil {
		t.Fatal(err)
	}
}

func TestErrorsInPlainWords(t *testing.T) {
	for number, want := range map[syscall.Errno]string{
		syscall.ENOSPC: "cannot write /x: the disk is full",
		syscall.EROFS:  "cannot write /x: the file system is read-only",
		syscall.EACCES: "cannot write /x: permission denied",
		syscall.ELOOP:  "cannot write /x: too many levels of symbolic links",
	} {
		err := &durable.Error{Op: "write", Path: "/x", Err: &fs.PathError{Op: "open", Path: "/x", Err: number}}
		if err.Error() != want {
			t.Errorf("got %q, want %q", err.Error(), want)
		}
		if !errors.Is(err, number) {
			t.Errorf("%v does not give its cause", err)
		}
	}
}
