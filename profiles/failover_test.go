package profiles_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestFailover: a machine lets go of the virtual address only while its own API server
// is not ready and that of a peer is.
func TestFailover(t *testing.T) { eachMachine(t, testFailover) }

func testFailover(t *testing.T, m machine) {
	for name, c := range map[string]struct{ ready, want string }{
		"own is ready":          {"own peer", "0"},
		"own alone is ready":    {"own", "0"},
		"the second peer alone": {"peer", "-254"},
		"nobody is ready":       {"", "0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			out := m.runScript(t, dir, "keepalived/files/kubespore-failover.raw", map[string]string{
				"kubectl": `case "$*" in
*--server=https://own*) [[ "` + c.ready + `" == *own* ]] ;;
*--server=https://second*) [[ "` + c.ready + `" == *peer* ]] ;;
*) exit 1 ;;
esac
`,
				"sleep": "echo $1 >>" + dir + "/rests\nif (($(wc -l <" + dir + "/rests) >= 4)); then kill $PPID; fi\n",
			}, "INTERVAL=5", "SERVER=https://own:6443", "PEERS=https://first:6443 https://second:6443 ")
			told, err := os.ReadFile(filepath.Join(dir, "run/keepalived/failover"))
			if err != nil || strings.TrimSpace(string(told)) != c.want {
				t.Errorf("tells %q, not %q (%v)\n%s", told, c.want, err, out)
			}
		})
	}
}
