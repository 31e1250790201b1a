package profiles_test

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/kubespore/kubespore/profiles"
)

// A script that waits for an answer rests where asking keeps the machine busy,
// and asks again soon where the answer only takes its time.
func TestWaitingRests(t *testing.T) {
	for _, name := range []string{"kubelet/files/kubespore-node.raw", "objects/files/kubespore-objects.raw", "selftest/files/kubespore-selftest.raw"} {
		for kind, asking := range map[string]string{"busy": "for ((i = 0; i < 1000000; i++)); do :; done", "idle": "/bin/sleep 1.2"} {
			t.Run(filepath.Base(name)+"/"+kind, func(t *testing.T) {
				t.Parallel()
				got := firstRest(t, name, asking)
				if (got >= 1.5) != (kind == "busy") {
					t.Errorf("rests %v seconds", got)
				}
			})
		}
	}
}

// firstRest runs a script with a kubectl that has no answer, and gives for how
// long it rests after the first question.
func firstRest(t *testing.T, name, asking string) float64 {
	t.Helper()
	dir := t.TempDir()
	script, err := profiles.FS.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	library, err := profiles.FS.ReadFile("base/files/waiting.bash.raw")
	if err != nil {
		t.Fatal(err)
	}
	for file, text := range map[string]string{
		"script":  strings.NewReplacer("/run/kubespore", dir+"/run", "/var/lib/kubespore", dir+"/lib", "/opt/kubespore/lib", dir).Replace(string(script)),
		"waiting": string(library),
		"kubectl": "#!/bin/bash\n" + asking + "\nexit 1\n",
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
	seconds, err := strconv.ParseFloat(strings.TrimSpace(string(rested)), 64)
	if err != nil {
		t.Fatal(err)
	}
	return seconds
}

// TestListens: a server that waits for its client to speak listens; a balancer
// with nobody behind it, which hangs up, does not, and neither does a closed port.
// What cannot be read is left for kubectl to explain.
func TestListens(t *testing.T) {
	library, err := profiles.FS.ReadFile("base/files/waiting.bash.raw")
	if err != nil {
		t.Fatal(err)
	}
	for _, address := range []string{"127.0.0.1:0", "[::1]:0"} {
		server, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		balancer, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			for {
				c, err := balancer.Accept()
				if err != nil {
					return
				}
				c.Close()
			}
		}()
		closed, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		closed.Close()
		for _, c := range []struct {
			what, config string
			want         bool
		}{
			{"server", "    server: https://" + server.Addr().String() + "\n", true},
			{"balancer", "    server: https://" + balancer.Addr().String() + "\n", false},
			{"closed port", "    server: https://" + closed.Addr().String() + "\n", false},
			{"no server", "kind: Config\n", true},
		} {
			config := filepath.Join(t.TempDir(), "config")
			if err := os.WriteFile(config, []byte(c.config), 0o600); err != nil {
				t.Fatal(err)
			}
			out, err := exec.Command("bash", "-euc", string(library)+"\nlistens "+config).CombinedOutput()
			if (err == nil) != c.want || len(out) > 0 {
				t.Errorf("%s at %s: %v %s", c.what, address, err, out)
			}
		}
		server.Close()
		balancer.Close()
	}
}
