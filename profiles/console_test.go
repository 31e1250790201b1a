package profiles_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestConsole shows the console's program what systemd would say, look by look,
// and reads what it writes above the login prompt.
func TestConsole(t *testing.T) { eachMachine(t, testConsole) }

func testConsole(t *testing.T, m machine) {
	const (
		waits    = "ActiveState=activating SubState=start"
		lives    = "ActiveState=active SubState=running"
		again    = "ActiveState=active SubState=running NRestarts=1"
		restarts = "ActiveState=activating SubState=auto-restart NRestarts=1"
		failed   = "ActiveState=failed SubState=failed Result=exit-code"
		done     = "ActiveState=inactive SubState=dead Result=success InactiveEnterTimestampMonotonic=5"
	)
	looks := []struct {
		kubelet, cleanup, want string
		rest                   string // seconds until the next look
	}{
		{"", "", "to do:    clock, kubelet, clean-up\n", "3"}, // systemd does not answer
		{waits, waits, "done:     clock\n  to do:    kubelet, clean-up\n", "3"},
		{lives, waits, "done:     clock, kubelet\n  to do:    clean-up\n", "3"},
		{lives, failed, "to do:    clean-up (failed: journalctl -u kubespore-cleanup.service)\n", "3"},
		{lives, done, "  ready\n", "60"},
		{restarts, done, "to do:    kubelet (fails and is started again: journalctl -u kubelet.service)\n", "60"},
		{again, done, "  ready\n", "60"},
		{failed, done, "to do:    kubelet (failed: journalctl -u kubelet.service)\n", "60"},
		{"", "", "to do:    kubelet (failed: journalctl -u kubelet.service)\n", "60"}, // what was known stays
	}
	dir := t.TempDir()
	for i, l := range looks {
		var units []string
		for _, u := range [][2]string{{"kubespore-clock.service", lives}, {"kubelet.service", l.kubelet}, {"kubespore-cleanup.service", l.cleanup}} {
			if l.kubelet != "" {
				units = append(units, "Id="+u[0]+"\nLoadState=loaded\nConditionResult=yes\n"+strings.ReplaceAll(u[1], " ", "\n")+"\n")
			}
		}
		writeFile(t, dir, fmt.Sprintf("systemd.%d", i), strings.Join(units, "\n"))
	}
	writeFile(t, dir, "etc/kubespore/console", "cluster c, machine m\n")
	writeFile(t, dir, "etc/kubespore/console-steps", "kubespore-clock.service clock\nkubelet.service kubelet\nkubespore-cleanup.service clean-up\n")
	writeFile(t, dir, "look", "0")
	out := m.runScript(t, dir, "console/files/kubespore-console", map[string]string{
		"systemctl": "cat " + dir + "/systemd.$(<" + dir + "/look)\n[[ -s " + dir + "/systemd.$(<" + dir + "/look) ]]\n",
		"agetty":    "",
		"sleep":     fmt.Sprintf("cd %s\n[[ -e etc/issue.d/kubespore.issue ]] || exit 0 # before the first look\nn=$(<look)\necho \"$1\" >rest.$n\ncp etc/issue.d/kubespore.issue said.$n\necho $((n + 1)) >look\n((n + 1 < %d)) || kill $PPID\n", dir, len(looks)),
	})
	for i, l := range looks {
		said, err := os.ReadFile(filepath.Join(dir, fmt.Sprintf("said.%d", i)))
		if err != nil {
			t.Fatalf("look %d: %v\n%s", i, err, out)
		}
		if !strings.Contains(string(said), l.want) {
			t.Errorf("look %d says\n%swant\n%s", i, said, l.want)
		}
		if rest, _ := os.ReadFile(filepath.Join(dir, fmt.Sprintf("rest.%d", i))); strings.TrimSpace(string(rest)) != l.rest {
			t.Errorf("look %d: the next is in %s seconds, want %s", i, rest, l.rest)
		}
	}
}
