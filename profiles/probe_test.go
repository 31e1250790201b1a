package profiles_test

import (
	"bytes"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kubespore/kubespore/profiles"
)

// ports are one of each kind that a probe can meet, on a loopback address.
type ports struct{ server, silent, balancer, closed string }

func listen(t *testing.T, address string, accept func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			accept(c)
		}
	}()
	return l.Addr().String()
}

// serve answers as a server of HTTPS does that is asked for HTTP.
func serve(c net.Conn) {
	go func() {
		defer c.Close()
		if n, err := c.Read(make([]byte, 512)); n > 0 && err == nil {
			_, _ = c.Write([]byte("HTTP/1.0 400 Bad Request\r\n\r\n"))
		}
	}()
}

func newPorts(t *testing.T, address string) ports {
	t.Helper()
	closed, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	return ports{
		server:   listen(t, address, serve),
		silent:   listen(t, address, func(c net.Conn) { t.Cleanup(func() { c.Close() }) }),
		balancer: listen(t, address, func(c net.Conn) { c.Close() }),
		closed:   closed.Addr().String(),
	}
}

// library is what scripts read, as an argument of bash -c.
func library(t *testing.T) string {
	t.Helper()
	text, err := profiles.FS.ReadFile("base/files/waiting.bash.raw")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestProbe: each kind of port is told apart, whatever the machine asks with, and a
// machine that has nothing to ask with says so.
func TestProbe(t *testing.T) { eachMachine(t, testProbe) }

func testProbe(t *testing.T, m machine) {
	silent := newPorts(t, "127.0.0.1:0").silent
	host, number, _ := net.SplitHostPort(silent)
	if out, err := m.bash("-uc", library(t)+noRedirections+"probe "+host+" "+number).CombinedOutput(); err != nil {
		t.Errorf("a silent server: %v %s", err, out)
	}
	for _, address := range []string{"127.0.0.1:0", "[::1]:0"} {
		p := newPorts(t, address)
		for port, want := range map[string]string{p.server: "0", p.closed: "1", p.balancer: "2"} {
			host, number, _ := net.SplitHostPort(port)
			for without, want := range map[string]string{
				"":                      want,
				noRedirections:          want,
				noRedirections + noCurl: "3",
				noProcess + noCurl:      "3",
			} {
				out, err := m.bash("-uc", library(t)+without+"probe "+host+" "+number+"; echo $?").CombinedOutput()
				if got := strings.TrimSpace(string(out)); err != nil || got != want {
					t.Errorf("%s with %q: %s, not %s: %v", port, without, got, want, err)
				}
			}
		}
	}
}

// What a machine can be without, as functions of its shell.
const (
	noRedirections = "timeout() { echo \"bash: line 1: /dev/tcp/x/1: No such file or directory\" >&2; return 1; }\n"
	noProcess      = "timeout() { return 254; }\n"
	noCurl         = "curl() { return 127; }\n"
)

// TestListens: a server that waits for its client to speak listens; a balancer
// with no server behind it, which hangs up, does not, and neither does a closed port.
// What cannot be read or asked is left for kubectl to explain.
func TestListens(t *testing.T) { eachMachine(t, testListens) }

func testListens(t *testing.T, m machine) {
	p := newPorts(t, "127.0.0.1:0")
	for _, c := range []struct {
		what, config, without string
		want                  bool
	}{
		{"server", "    server: https://" + p.server + "\n", "", true},
		{"balancer", "    server: https://" + p.balancer + "\n", "", false},
		{"closed port", "    server: https://" + p.closed + "\n", "", false},
		{"no server", "kind: Config\n", "", true},
		{"nothing to ask with", "    server: https://" + p.closed + "\n", noRedirections + noCurl, true},
	} {
		config := filepath.Join(t.TempDir(), "config")
		if err := os.WriteFile(config, []byte(c.config), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := m.bash("-euc", library(t)+c.without+"listens "+config).CombinedOutput()
		if (err == nil) != c.want || len(out) > 0 {
			t.Errorf("%s: %v %s", c.what, err, out)
		}
	}
}

// TestGuardAsks: the guard takes only a port that nothing listens at for a silent
// peer; in every other case etcdctl asks.
func TestGuardAsks(t *testing.T) { eachMachine(t, testGuardAsks) }

func testGuardAsks(t *testing.T, m machine) {
	p := newPorts(t, "127.0.0.1:0")
	const cannot = "echo 'bash: line 1: /dev/tcp/x/1: No such file or directory' >&2; exit 1"
	for _, c := range []struct {
		what, peer string
		programs   map[string]string
		state      string // what etcd may start as; empty: it is held back
	}{
		{"nothing listens", p.closed, nil, "new"},
		{"a member", p.server, nil, ""},
		{"something that hangs up", p.balancer, nil, ""},
		{"nothing to ask with", p.closed, map[string]string{"bash": cannot, "curl": "exit 127"}, ""},
	} {
		dir := t.TempDir()
		programs := map[string]string{
			"etcdctl":        "case $* in *'member list'*) echo '1, started, a, https://192.0.2.1:2380, https://192.0.2.1:2379, false' ;; *'member add'*) echo 'Error: etcdserver: unhealthy cluster' >&2; exit 1 ;; esac\n",
			"systemd-notify": "",
			"sleep":          "kill $PPID\n",
		}
		for name, text := range c.programs {
			programs[name] = text
		}
		out := m.runScript(t, dir, "etcd/files/kubespore-etcd-guard.raw", programs, "MEMBER=b", "PEER_URL=https://192.0.2.2:2380",
			"DATA_DIR="+dir+"/data", "FORMED=false", "STATIC_POD=false", "OTHER_MEMBERS=https://"+c.peer)
		state, _ := os.ReadFile(filepath.Join(dir, "run/etcd-state.env"))
		if got := strings.TrimPrefix(strings.TrimSpace(string(state)), "ETCD_INITIAL_CLUSTER_STATE="); got != c.state {
			t.Errorf("%s: state %q, not %q\n%s", c.what, got, c.state, out)
		}
		if held := strings.Contains(out, "the other members do not let it join yet: unhealthy cluster"); held != (c.state == "") {
			t.Errorf("%s: says %s", c.what, out)
		}
	}
}

// TestOneProbe: only the one function opens connections by the shell, and no script
// takes a failure to ask as an answer.
func TestOneProbe(t *testing.T) {
	err := fs.WalkDir(profiles.FS, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) == ".go" {
			return err
		}
		text, err := profiles.FS.ReadFile(path)
		if err != nil {
			return err
		}
		want := 0
		if path == "base/files/waiting.bash.raw" {
			want = 1
		}
		if n := bytes.Count(text, []byte("/dev/tcp")) + bytes.Count(text, []byte("/dev/udp")); n != want {
			t.Errorf("%s opens %d connections by the shell, not %d", path, n, want)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
