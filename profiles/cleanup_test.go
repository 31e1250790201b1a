package profiles_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kubespore/kubespore/profiles"
)

// TestCleanupWaits: documents stay until systemd says that every unit which the
// machine has is at work, or was before.
func TestCleanupWaits(t *testing.T) {
	const (
		absent  = "LoadState=not-found\nActiveState=inactive\nConditionResult=no\nConditionTimestampMonotonic=0\n"
		active  = "LoadState=loaded\nActiveState=active\nConditionResult=yes\nConditionTimestampMonotonic=5\n"
		starts  = "LoadState=loaded\nActiveState=activating\nConditionResult=yes\nConditionTimestampMonotonic=5\n"
		queued  = "LoadState=loaded\nActiveState=inactive\nConditionResult=no\nConditionTimestampMonotonic=0\n"
		earlier = "LoadState=loaded\nActiveState=inactive\nConditionResult=no\nConditionTimestampMonotonic=5\n"
	)
	script, err := profiles.FS.ReadFile("cleanup/files/kubespore-cleanup")
	if err != nil {
		t.Fatal(err)
	}
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
			for name, text := range map[string]string{
				"script":    strings.NewReplacer("/etc/kubespore/cleanup", dir+"/patterns", "/run/kubespore", dir+"/run", "/var/lib/kubespore", dir+"/lib", "/etc/cloud", dir+"/cloud").Replace(string(script)),
				"patterns":  dir + "/document\n",
				"document":  "key",
				"systemctl": "#!/bin/bash\n" + answer,
				"sleep":     "#!/bin/bash\nkill $PPID\n",
				"sync":      "#!/bin/bash\n",
			} {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			run := exec.Command("bash", filepath.Join(dir, "script"))
			run.Env = []string{"PATH=" + dir + ":/usr/bin:/bin"}
			out, _ := run.CombinedOutput() // it is killed where it would wait
			if _, err := os.Stat(filepath.Join(dir, "document")); (err != nil) != c.removed {
				t.Errorf("removed: %v\n%s", err != nil, out)
			}
		})
	}
}
