package profiles_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A script that waits for an answer rests where asking keeps the machine busy,
// and asks again soon where the answer only takes its time.
func TestWaitingRests(t *testing.T) { eachMachine(t, testWaitingRests) }

func testWaitingRests(t *testing.T, m machine) {
	for _, name := range []string{"kubelet/files/kubespore-node.raw", "objects/files/kubespore-objects.raw", "selftest/files/kubespore-selftest.raw"} {
		for kind, asking := range map[string]string{"busy": "for ((i = 0; i < 1000000; i++)); do :; done", "idle": "/bin/sleep 1.2"} {
			t.Run(filepath.Base(name)+"/"+kind, func(t *testing.T) {
				t.Parallel()
				got := m.firstRest(t, name, asking)
				if (got >= 1.5) != (kind == "busy") {
					t.Errorf("rests %v seconds", got)
				}
			})
		}
	}
}

// firstRest runs a script with a kubectl that has no answer, and gives for how
// long it rests after the first question.
func (m machine) firstRest(t *testing.T, name, asking string) float64 {
	t.Helper()
	dir := t.TempDir()
	out := m.askAPI(t, dir, name, asking+"\nexit 1\n", "echo \"$1\" >"+dir+"/rested\nkill $PPID\n") // it is killed
	rested, err := os.ReadFile(filepath.Join(dir, "rested"))
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	seconds, err := strconv.ParseFloat(strings.TrimSpace(string(rested)), 64)
	if err != nil {
		t.Fatal(err)
	}
	return seconds
}

// askAPI runs a script that asks the API server, with what kubectl and sleep do
// there.
func (m machine) askAPI(t *testing.T, dir, name, kubectl, sleep string, env ...string) string {
	t.Helper()
	return m.runScript(t, dir, name, map[string]string{"kubectl": kubectl, "sleep": sleep}, append([]string{"NODE_NAME=n", "POD_CIDRS=p", "GENERATION=1", "TURN=0", "KEEP_SUPER_ADMIN=false",
		"CLUSTER_DOMAIN=d", "NODE_ADDRESS=a", "API_SERVICE=a", "DNS_SERVICE=a", "CONTROL_PLANE=false", "PATIENCE=60", "PAUSE_IMAGE=pause"}, env...)...)
}

// TestTurns: a control plane applies the objects in its turn, after ten seconds for
// each one before it, and not at all if one of those has done so meanwhile.
func TestTurns(t *testing.T) { eachMachine(t, testTurns) }

func testTurns(t *testing.T, m machine) {
	const applies = "--filename=-" // the generation, after the objects
	for _, c := range []struct {
		turn   string
		held   int // looks at the cluster until the generation is there
		rests  int
		itself bool
	}{
		{"0", 99, 0, true},
		{"0", 0, 0, false},
		{"1", 99, 2, true},
		{"2", 99, 4, true},
		{"2", 3, 3, false},
	} {
		dir := t.TempDir()
		out := m.askAPI(t, dir, "objects/files/kubespore-objects.raw", `
echo "$*" >>`+dir+`/asked
case $* in
*"get configmap"*)
	echo look >>`+dir+`/looks
	if (($(wc -l <`+dir+`/looks) > `+strconv.Itoa(c.held)+`)); then echo 1; fi ;;
esac
`, "echo $1 >>"+dir+"/rests\n", "TURN="+c.turn)
		asked, err := os.ReadFile(filepath.Join(dir, "asked"))
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		rests, _ := os.ReadFile(filepath.Join(dir, "rests"))
		if got := strings.Count(string(rests), "5\n"); got != c.rests || len(rests) != 2*c.rests {
			t.Errorf("turn %s, held after %d: rests %q, not %d times\n%s", c.turn, c.held, rests, c.rests, out)
		}
		if got := strings.Contains(string(asked), applies); got != c.itself {
			t.Errorf("turn %s, held after %d: applied: %v\n%s", c.turn, c.held, got, asked)
		}
		if _, err := os.Stat(filepath.Join(dir, "lib/objects")); err != nil {
			t.Errorf("turn %s, held after %d: %v\n%s", c.turn, c.held, err, out)
		}
	}
}

// TestPodCIDRs: a machine writes the planned pod CIDRs to its Node as it was read,
// at once or after it was registered while the machine watched; reads it again where
// someone was faster, and leaves other pod CIDRs alone.
func TestPodCIDRs(t *testing.T) { eachMachine(t, testPodCIDRs) }

func testPodCIDRs(t *testing.T, m machine) {
	const planned = `"podCIDR":"10.1.0.0/24","podCIDRs":["10.1.0.0/24","fd00::/64"]`
	for what, c := range map[string]struct{ held, event, put, says string }{
		"none":       {`{"m":[{"f:spec":{}}],"spec":{},"status":{}}`, "", `{"m":[{"f:spec":{}}],"spec":{` + planned + `},"status":{}}`, "Node n has the pod CIDRs"},
		"no spec":    {`{"status":{}}`, "", `{"spec":{` + planned + `},"status":{}}`, "Node n has the pod CIDRs"},
		"spaces":     {`{ "spec" : { "podCIDRs" : [ "10.2.0.0/24" ] } }`, "", "", "holds the pod CIDRs 10.2.0.0/24, not the planned"},
		"taints":     {`{"spec":{"taints":[]}}`, "", `{"spec":{` + planned + `,"taints":[]}}`, "Node n has the pod CIDRs"},
		"these":      {`{"spec":{` + planned + `}}`, "", "", ""},
		"others":     {`{"spec":{"podCIDR":"10.2.0.0/24","podCIDRs":["10.2.0.0/24"]}}`, "", "", "kubectl delete node n"},
		"registered": {"", `{"type":"ADDED","object":{}}`, `{"spec":{` + planned + `},"status":{}}`, "Node n has the pod CIDRs"},
		"refused":    {"", `{"type":"ERROR","object":{"kind":"Status"}}`, "", ""},
		"unanswered": {"", "", "", ""},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			answered := c.held != "" || c.put != ""
			start := time.Now()
			out := m.askAPI(t, dir, "kubelet/files/kubespore-node.raw", `
case $* in
*" replace "*)
	if [ ! -e `+dir+`/conflict ]; then touch `+dir+`/conflict; exit 1; fi
	cat >`+dir+`/put ;;
*"/nodes?watch=1&fieldSelector=metadata.name%3Dn"*)
	case '`+c.event+`' in *ADDED*) touch `+dir+`/watched ;; esac
	echo '`+c.event+`'
	[ -z '`+c.event+`' ] || exec /bin/sleep 60 ;; # as a watch goes on
*/nodes/n)
	if [ -e `+dir+`/watched ]; then echo '{"spec":{},"status":{}}'; else echo '`+c.held+`'; [ -n '`+c.held+`' ]; fi ;;
`+patchLocal(t)+`
esac
`, "if ! "+strconv.FormatBool(answered)+"; then kill $PPID; fi\n", "POD_CIDRS=10.1.0.0/24 fd00::/64")
			put, _ := os.ReadFile(filepath.Join(dir, "put"))
			if strings.TrimSpace(string(put)) != c.put || !strings.Contains(out, c.says) {
				t.Errorf("put %s, not %s; says %s", put, c.put, out)
			}
			if took := time.Since(start); took > 30*time.Second {
				t.Errorf("a watch was left to go on: %v", took)
			}
		})
	}
}
