//go:build real

package iso9660

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestXorriso has another program read a volume: every file with its content
// and mode, and no complaint about the form.
func TestXorriso(t *testing.T) {
	dir := t.TempDir()
	image := filepath.Join(dir, "volume.iso")
	if err := os.WriteFile(image, write(t, sample()), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("xorriso", "-abort_on", "WARNING", "-indev", image, "-osirrox", "on", "-extract", "/", filepath.Join(dir, "out")).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if !strings.Contains(string(out), "'KUBESPORE'") {
		t.Errorf("no label:\n%s", out)
	}
	for _, f := range sample() {
		name := filepath.Join(dir, "out", f.Path)
		got, err := os.ReadFile(name)
		if err != nil {
			t.Error(err)
			continue
		}
		r, _ := f.Open()
		want, _ := io.ReadAll(r)
		if string(got) != string(want) {
			t.Errorf("%s has another content", f.Path)
		}
		info, err := os.Stat(name)
		if err != nil || info.Mode().Perm()&0o111 != 0 != f.Executable || !info.ModTime().Equal(when) {
			t.Errorf("%s: %v, %v", f.Path, info, err)
		}
	}
}

// TestIsoinfo has the oldest reader list the names.
func TestIsoinfo(t *testing.T) {
	image := filepath.Join(t.TempDir(), "volume.iso")
	if err := os.WriteFile(image, write(t, sample()), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("isoinfo", "-R", "-f", "-i", image).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	listed := strings.Split(string(out), "\n")
	for _, f := range sample() {
		found := false
		for _, line := range listed {
			found = found || line == "/"+f.Path
		}
		if !found {
			t.Errorf("%s is not listed:\n%s", f.Path, out)
		}
	}
}

// TestReadOthers reads a volume that xorriso wrote, whose records continue
// elsewhere.
func TestReadOthers(t *testing.T) {
	dir := t.TempDir()
	for _, f := range sample() {
		name := filepath.Join(dir, "tree", f.Path)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		mode := os.FileMode(0o644)
		if f.Executable {
			mode = 0o755
		}
		if err := os.WriteFile(name, []byte(contentOf(t, f)), mode); err != nil {
			t.Fatal(err)
		}
	}
	image := filepath.Join(dir, "volume.iso")
	if out, err := exec.Command("xorriso", "-as", "mkisofs", "-quiet", "-rock", "-volid", "KUBESPORE", "-output", image, filepath.Join(dir, "tree")).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	volume, err := os.ReadFile(image)
	if err != nil {
		t.Fatal(err)
	}
	checkRead(t, volume)
}
