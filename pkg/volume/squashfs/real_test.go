//go:build real

package squashfs

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestUnsquashfs has the file system read by the program that everyone reads
// one with.
func TestUnsquashfs(t *testing.T) {
	files := sample()
	name := write(t, files)
	c := exec.Command("unsquashfs", "-s", name)
	c.Env = append(os.Environ(), "TZ=UTC")
	out, err := c.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "SQUASHFS 4:0") || !strings.Contains(string(out), "Sat Aug  1 12:30:15 2026") {
		t.Errorf("%v\n%s", err, out)
	}
	dir := filepath.Join(t.TempDir(), "root")
	if out, err := exec.Command("unsquashfs", "-no-xattrs", "-d", dir, name).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	compare(t, dir, files)
}

// TestMount has the kernel mount the file system and read all of it, with its
// labels.
func TestMount(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("a mount needs root")
	}
	files := sample()
	name, dir := write(t, files), t.TempDir()
	if out, err := exec.Command("mount", "-o", "loop,ro", "-t", "squashfs", name, dir).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	})
	compare(t, dir, files)
	for _, path := range []string{"", "binaries/amd64", files[0].Path} {
		value := make([]byte, 100)
		n, err := unix.Lgetxattr(filepath.Join(dir, path), "security.selinux", value)
		if want := label(path, path != files[0].Path) + "\x00"; err != nil || string(value[:n]) != want {
			t.Errorf("%q: the label is %q, want %q: %v", path, value[:max(n, 0)], want, err)
		}
	}
}

// compare compares a tree with the files that it was made of.
func compare(t *testing.T, dir string, files []File) {
	t.Helper()
	found := 0
	if err := filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		if !info.ModTime().Equal(when) || e.IsDir() && info.Mode().Perm() != 0o755 {
			t.Errorf("%s: %s %s", name, info.Mode(), info.ModTime())
		}
		if !e.IsDir() {
			found++
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if found != len(files) {
		t.Errorf("%d files, want %d", found, len(files))
	}
	for _, f := range files {
		text, err := os.ReadFile(filepath.Join(dir, f.Path))
		if err != nil || string(text) != contentOf(t, f) {
			t.Errorf("%s holds something else: %v", f.Path, err)
		}
		info, err := os.Stat(filepath.Join(dir, f.Path))
		if mode := info.Mode().Perm(); err != nil || mode != 0o644 && !f.Executable || mode != 0o755 && f.Executable {
			t.Errorf("%s: %s %v", f.Path, mode, err)
		}
	}
}
