package profiles_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCleanupWaits: documents stay until systemd says that every unit which the
// machine has is at work, or was before.
func TestCleanupWaits(t *testing.T) { eachMachine(t, testCleanupWaits) }

func testCleanupWaits(t *testing.T, m machine) {
	const (
		absent  = "LoadState=not-found\nActiveState=inactive\nConditionResult=no\nConditionTimestampMonotonic=0\n"
		active  = "LoadState=loaded\nActiveState=active\nConditionResult=yes\nConditionTimestampMonotonic=5\n"
		starts  = "LoadState=loaded\nActiveState=activating\nConditionResult=yes\nConditionTimestampMonotonic=5\n"
		queued  = "LoadState=loaded\nActiveState=inactive\nConditionResult=no\nConditionTimestampMonotonic=0\n"
		earlier = "LoadState=loaded\nActiveState=inactive\nConditionResult=no\nConditionTimestampMonotonic=5\n"
	)
	for what, c := range map[string]struct {
		units   []string
		removed bool
	}{
		"no answer":       {nil, false},
		"all at work":     {[]string{active, active}, true},
		"one is absent":   {[]string{absent, active}, true},
		"done before":     {[]string{active, earlier}, true},
		"the last starts": {[]string{active, starts}, false},
		"the first":       {[]string{queued, active}, false},
	} {
		t.Run(what, func(t *testing.T) {
			dir := t.TempDir()
			answer := "exit 1\n"
			if c.units != nil {
				answer = "cat <<'end'\n" + strings.Join(c.units, "\n") + "end\n"
			}
			writeFile(t, dir, "etc/kubespore/cleanup", dir+"/document\n")
			writeFile(t, dir, "document", "key")
			out := m.runScript(t, dir, "cleanup/files/kubespore-cleanup", map[string]string{"systemctl": answer, "sleep": "[[ ! -e " + dir + "/slept ]] || kill $PPID\n>" + dir + "/slept\n", "sync": ""})
			if _, err := os.Stat(filepath.Join(dir, "document")); (err != nil) != c.removed {
				t.Errorf("removed: %v\n%s", err != nil, out)
			}
		})
	}
}
