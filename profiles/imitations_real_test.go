//go:build real

package profiles_test

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// imitations are the machines whose programs differ in what our scripts ask of them.
func imitations(t *testing.T) []machine {
	t.Helper()
	tool := func(name string) string {
		out, err := exec.Command("../test/tools/" + name).Output()
		if err != nil {
			t.Fatalf("test/tools/%s: %v", name, err)
		}
		return strings.TrimSpace(string(out))
	}
	return []machine{
		{name: "Flatcar's bash", programs: filepath.Dir(tool("bash"))}, // no net redirections
		{name: "Ubuntu's coreutils", programs: tool("uutils")},
	}
}

// TestImitations: each imitation has what makes it one.
func TestImitations(t *testing.T) {
	for _, m := range imitations(t) {
		out, _ := m.bash("-c", `sha256sum --version; : </dev/tcp/127.0.0.1/1`).CombinedOutput()
		uutils := !strings.Contains(string(out), "GNU coreutils")
		files := strings.Contains(string(out), "/dev/tcp/127.0.0.1/1: No such file or directory")
		if uutils != (m.name == "Ubuntu's coreutils") || files != (m.name == "Flatcar's bash") {
			t.Errorf("%s: %s", m.name, out)
		}
	}
}
