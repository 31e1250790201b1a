package input_test

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/kubespore/kubespore/pkg/input"
)

// TestReadFile hands over everything that a name may lead to.
func TestReadFile(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.WriteFile(at("good"), []byte("text"), 0o644))
	must(os.Symlink("good", at("link")))
	must(syscall.Mkfifo(at("fifo"), 0o644))
	socket, err := net.Listen("unix", at("socket"))
	must(err)
	defer socket.Close()
	big, err := os.Create(at("big"))
	must(err)
	must(big.Truncate(input.Most + 1))
	must(big.Close())
	for name, want := range map[string]string{
		at("good"): "", at("link"): "",
		at("fifo"): "a FIFO", at("big"): "more than the 32 MiB", dir: "a folder",
		"/dev/zero": "a device", "/dev/null": "a device",
	} {
		text, err := input.ReadFile(name)
		if want == "" && (err != nil || string(text) != "text") || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %q, %v, want %q", name, text, err, want)
		}
	}
	if _, err := input.ReadFile(at("socket")); err == nil {
		t.Error("a socket was read")
	}
	if _, err := input.ReadFile(at("none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
}

// TestFolder leads out of a folder in every way.
func TestFolder(t *testing.T) {
	dir := t.TempDir()
	inside := filepath.Join(dir, "in")
	if err := os.MkdirAll(filepath.Join(inside, "sub"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"secret": "secret", "in/good": "good", "in/sub/deep": "deep"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for link, to := range map[string]string{"out": "../secret", "absolute": filepath.Join(dir, "secret"), "parent": "..", "within": "sub/deep"} {
		if err := os.Symlink(to, filepath.Join(inside, link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(inside, "fifo"), 0o644); err != nil {
		t.Fatal(err)
	}
	folder, err := input.OpenFolder(inside)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"good": "good", "sub/deep": "deep", "within": "deep"} {
		if text, err := fs.ReadFile(folder, name); err != nil || string(text) != want {
			t.Errorf("%s: %q, %v", name, text, err)
		}
	}
	for _, name := range []string{"out", "absolute", "parent/secret", "../secret", "/etc/passwd", "fifo", "sub", "none"} {
		if text, err := fs.ReadFile(folder, name); err == nil {
			t.Errorf("%s: %q", name, text)
		}
	}
	var seen []string
	if err := fs.WalkDir(folder, ".", func(name string, _ fs.DirEntry, err error) error {
		seen = append(seen, name)
		return err
	}); err != nil || len(seen) != 9 {
		t.Errorf("%v: %v", seen, err)
	}
}

// TestGuarded looks at modes and owners.
func TestGuarded(t *testing.T) {
	for _, c := range []struct {
		mode  fs.FileMode
		group bool
		want  string
	}{
		{0o755, true, ""}, {0o700, true, ""}, {0o775, false, ""}, {0o775, true, "may change it"},
		{0o777, false, "may change it"}, {fs.ModeSticky | 0o777, false, ""},
	} {
		dir := t.TempDir()
		if err := os.Chmod(dir, c.mode); err != nil {
			t.Fatal(err)
		}
		err := input.Guarded(dir, c.group)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%v: %v, want %q", c, err, c.want)
		}
	}
	if err := input.Guarded(filepath.Join(t.TempDir(), "none"), true); err != nil {
		t.Error(err)
	}
	if os.Getuid() == 0 {
		dir := t.TempDir()
		if err := os.Chown(dir, 12345, -1); err != nil {
			t.Fatal(err)
		}
		if err := input.Guarded(dir, false); err == nil || !strings.Contains(err.Error(), "belongs to the user 12345") {
			t.Error(err)
		}
		if err := input.Guarded(dir, false, 12345); err != nil {
			t.Error(err)
		}
	}
}
