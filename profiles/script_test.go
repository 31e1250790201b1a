package profiles_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kubespore/kubespore/profiles"
)

// runScript runs a script of a machine whose files lie in a folder, with programs
// that stand for those it starts, and gives what it prints. How it ends is not
// asked: one that waits for ever is killed by its sleep.
func runScript(t *testing.T, dir, name string, programs map[string]string, env ...string) string {
	t.Helper()
	for file, from := range map[string]string{"script": name, "waiting": "base/files/waiting.bash.raw"} {
		text, err := profiles.FS.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		writeFile(t, dir, file, strings.NewReplacer("/run/kubespore", dir+"/run", "/var/lib/kubespore", dir+"/lib",
			"/opt/kubespore/lib", dir, "/etc/", dir+"/etc/", "/dev/console", dir+"/console").Replace(string(text)))
	}
	for program, text := range programs {
		writeFile(t, dir, program, "#!/bin/bash\n"+text)
	}
	c := exec.Command("bash", filepath.Join(dir, "script"))
	c.Env = append([]string{"PATH=" + dir + ":/usr/bin:/bin"}, env...)
	out, _ := c.CombinedOutput()
	return string(out)
}

func writeFile(t *testing.T, dir, name, text string) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
}
