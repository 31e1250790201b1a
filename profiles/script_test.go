package profiles_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/kubespore/kubespore/pkg/kit"
	"github.com/kubespore/kubespore/profiles"
)

// machine is one that a script runs on: this one, with programs of other systems in
// place of its own where it imitates such a system.
type machine struct {
	name     string
	programs string // a folder that goes before all others in PATH
}

// eachMachine runs a test on each machine there is.
func eachMachine(t *testing.T, test func(t *testing.T, m machine)) {
	t.Helper()
	for _, m := range append([]machine{{name: "own programs"}}, imitations(t)...) {
		t.Run(m.name, func(t *testing.T) { test(t, m) })
	}
}

// path is PATH there, with folders that go before all programs of the machine.
func (m machine) path(folders ...string) string {
	if m.programs != "" {
		folders = append(folders, m.programs)
	}
	return "PATH=" + strings.Join(append(folders, "/usr/sbin", "/usr/bin", "/sbin", "/bin"), ":")
}

// bash is a command for the shell there.
func (m machine) bash(args ...string) *exec.Cmd {
	shell := filepath.Join(m.programs, "bash")
	if _, err := os.Stat(shell); m.programs == "" || err != nil {
		shell = "bash"
	}
	c := exec.Command(shell, args...)
	c.Env = append(os.Environ(), m.path())
	return c
}

// runScript runs a script of a machine whose files lie in a folder, with programs
// that stand for those it starts, and gives what it prints. How it ends is not
// asked: one that waits without end is killed by its sleep.
func (m machine) runScript(t *testing.T, dir, name string, programs map[string]string, env ...string) string {
	t.Helper()
	for file, from := range map[string]string{"script": name, "waiting": "base/files/waiting.bash.raw"} {
		text, err := profiles.FS.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		writeFile(t, dir, file, strings.NewReplacer("/run/kubespore", dir+"/run", "/var/lib/kubespore", dir+"/lib",
			"/opt/kubespore/lib", dir, "/opt/cni", dir+"/cni", "/etc/", dir+"/etc/", "/dev/console", dir+"/console", "/proc/cmdline", dir+"/cmdline", "PATH=/usr/local/sbin:", "PATH="+dir+":"+dir+"/bin:/usr/local/sbin:").Replace(string(text)))
	}
	for program, text := range programs {
		writeFile(t, dir, program, "#!/bin/bash\n"+text)
	}
	c := m.bash(filepath.Join(dir, "script"))
	c.Env = append([]string{m.path(dir)}, env...)
	out, _ := c.CombinedOutput()
	hear(t, name, string(out), dir+"/run/notice", dir+"/run/waiting", dir+"/etc/issue.d")
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

// TestTimeIsUptime: SECONDS of bash follows the clock, which is set while a machine boots, so
// that what waits by it would give up at once, or wait for hours. The console looks at
// certificates each day, and when the clock was set.
func TestTimeIsUptime(t *testing.T) {
	scripts := 0
	see := func(name, text string) {
		scripts++
		if clock := regexp.MustCompile(`\bSECONDS *[-+><=)]`).FindString(text); clock != "" && !strings.HasSuffix(name, "/kubespore-console") {
			t.Errorf("%s asks the clock how much time has passed: %s; read_uptime tells", name, clock)
		}
	}
	if err := fs.WalkDir(profiles.FS, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.Contains(name, "/files/") {
			return err
		}
		text, err := profiles.FS.ReadFile(name)
		if strings.Contains(string(text), "bash") {
			see(name, string(text))
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	see("the program of kits", kit.Program())
	if scripts < 20 {
		t.Errorf("only %d scripts were found", scripts)
	}
}
