package profiles_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kubespore/kubespore/profiles"
)

// Where an answer is slow to come, a script that waits for it does not keep the
// machine busy with asking.
func TestWaitingRests(t *testing.T) {
	for _, name := range []string{"kubelet/files/kubespore-node.raw", "objects/files/kubespore-objects.raw", "selftest/files/kubespore-selftest.raw"} {
		t.Run(filepath.Base(name), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			script, err := profiles.FS.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			for file, text := range map[string]string{
				"script": strings.NewReplacer("/run/kubespore", dir+"/run", "/var/lib/kubespore", dir+"/lib").Replace(string(script)),
				// No answer, after more than a second; the first rest ends the script.
				"kubectl": "#!/bin/bash\n/bin/sleep 1.2\nexit 1\n",
				"sleep":   "#!/bin/bash\necho \"$1\" >" + dir + "/rested\nkill $PPID\n",
			} {
				if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			c := exec.Command("bash", filepath.Join(dir, "script"))
			c.Env = []string{"PATH=" + dir + ":/usr/bin:/bin", "NODE_NAME=n", "POD_CIDRS=p", "GENERATION=1", "CLUSTER_DOMAIN=d",
				"NODE_ADDRESS=a", "API_SERVICE=a", "DNS_SERVICE=a", "RECORD_TYPE=A", "CONTROL_PLANE=false", "PATIENCE=60"}
			out, _ := c.CombinedOutput() // it is killed
			rested, err := os.ReadFile(filepath.Join(dir, "rested"))
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			if got := strings.TrimSpace(string(rested)); got == "3" {
				t.Errorf("rests %s seconds after an answer that took more than one", got)
			}
		})
	}
}
