//go:build real

package media

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// extract has xorriso read a volume, without a complaint about its form, and
// gives the content of its files.
func extract(t *testing.T, image string) map[string]string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "out")
	out, err := exec.Command("xorriso", "-abort_on", "WARNING", "-indev", image, "-osirrox", "on", "-extract", "/", to).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	files := tree(t, to)
	// xorriso keeps modes: folders without w could not be removed.
	_ = exec.Command("chmod", "-R", "u+w", to).Run()
	return files
}

// program runs a reader and gives what it prints.
func program(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
	return string(out)
}

// TestSeedRead has three programs of others read the seed.
func TestSeedRead(t *testing.T) {
	dir := t.TempDir()
	h := seedHost("a", strings.Repeat("long ", 10000))
	write(t, dir, Seed(), h)
	image := filepath.Join(dir, "a.iso")
	files := extract(t, image)
	for _, name := range []string{"user-data", "meta-data", "network-config"} {
		want, err := h.Read(name)
		if err != nil || files[name] != string(want) || len(files) != 3 {
			t.Errorf("%s is not what the build wrote (%d files)", name, len(files))
		}
	}
	probe := program(t, "blkid", "-p", "-o", "export", image)
	if !strings.Contains(probe, "LABEL=CIDATA\n") || !strings.Contains(probe, "TYPE=iso9660\n") {
		t.Error(probe)
	}
	if list := program(t, "isoinfo", "-R", "-f", "-i", image); !strings.Contains(list, "/user-data\n") {
		t.Error(list)
	}
}
