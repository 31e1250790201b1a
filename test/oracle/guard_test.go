//go:build oracle

package oracle

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	etcdManifest = manifestDir + "etcd.yaml"
	heldManifest = "/etc/kubespore/etcd/held.yaml"
	etcdState    = "/run/kubespore/etcd-state.env"
	guardWaits   = "/run/kubespore/waiting/kubespore-etcd-guard.service"
)

// guard runs the guard of a machine's etcd as systemd does.
func (m *machine) guard(t *testing.T, environment ...string) *guard {
	t.Helper()
	const socket = "/run/notify"
	_ = os.Remove(m.path(socket)) // of an earlier run
	// The full path is longer than the address of a socket may be.
	dir, err := os.Open(filepath.Dir(m.path(socket)))
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: fmt.Sprintf("/proc/self/fd/%d/notify", dir.Fd()), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	g := &guard{machine: m, begin: time.Now(), ready: make(chan struct{})}
	go hear(conn, sync.OnceFunc(func() { close(g.ready) }))
	c := m.script(t, "kubespore-etcd-guard", "/etc/kubespore/etcd/guard.env")
	c.Env = append(append(c.Env, "NOTIFY_SOCKET="+socket), environment...)
	g.process = start(t, c)
	return g
}

// guard is one at work.
type guard struct {
	*machine
	*process
	begin time.Time
	ready chan struct{} // closed when it lets those units start that wait for it
}

// hear reads all that is said: who says something waits until it has been read.
func hear(conn *net.UnixConn, ready func()) {
	buffer := make([]byte, 4096)
	for {
		n, err := conn.Read(buffer)
		if err != nil {
			return // closed at the end of the test
		}
		if strings.Contains(string(buffer[:n]), "READY=1") {
			ready()
		}
	}
}

// isReady says whether units that wait for the guard may start.
func (g *guard) isReady() bool {
	select {
	case <-g.ready:
		return true
	default:
		return false
	}
}

// releases holds that the guard lets etcd start with a state, and ends.
func (g *guard) releases(t *testing.T, state string) {
	t.Helper()
	eventually(t, 90*time.Second, "the guard ends", func() error {
		if g.running() || !g.isReady() {
			return fmt.Errorf("still at work: %s", g.log.tail())
		}
		return nil
	})
	t.Logf("%s: %s, after %s", g.host.Name, state, time.Since(g.begin).Round(10*time.Millisecond))
	if got := g.variable(t, etcdState, "ETCD_INITIAL_CLUSTER_STATE"); got != state || !g.ProcessState.Success() {
		t.Fatalf("etcd may start with the state %s, want %s: %s", got, state, g.log.tail())
	}
	if g.exists(heldManifest) || g.exists(guardWaits) {
		t.Fatal("etcd is still held back")
	}
}

// holds holds that the guard keeps etcd from starting, and gives what it says
// on the console. A static pod is out of the kubelet's sight; a unit waits for
// the guard to be ready.
func (g *guard) holds(t *testing.T, reasons ...string) string {
	t.Helper()
	var said string
	eventually(t, 30*time.Second, "the guard says why it waits", func() error {
		text, err := os.ReadFile(g.path(guardWaits))
		said = string(text)
		for _, reason := range reasons {
			if err == nil && !strings.Contains(said, reason) {
				err = fmt.Errorf("%q does not speak of %q", said, reason)
			}
		}
		return err
	})
	static := g.variable(t, "/etc/kubespore/etcd/guard.env", "STATIC_POD") == "true"
	if !g.running() || g.exists(etcdManifest) || g.exists(heldManifest) != static {
		t.Fatal("etcd is not held back")
	}
	if static {
		eventually(t, 10*time.Second, "the kubelet may start", func() error {
			if !g.isReady() {
				return fmt.Errorf("the guard is not ready")
			}
			return nil
		})
	} else if g.isReady() {
		t.Fatal("the unit of etcd may start")
	}
	return said
}

func (m *machine) exists(path string) bool {
	_, err := os.Stat(m.path(path))
	return err == nil
}

// TestGuard walks a member through its life: first start, alone and late; lost
// data, after which it replaces itself; removal by an operator, until the operator has
// typed what the guard says; and a start in a cluster that formed without it.
func TestGuard(t *testing.T) {
	needRoot(t)
	eachMinor(t, func(t *testing.T, minor string) {
		members := build(t, "ha", minor).machines(t, "cp1", "cp2", "cp3")
		late, peer := members[0], members[1]
		late.guard(t).releases(t, "new") // no one answers, as on the first day

		formed := late.guard(t, "FORMED=true")
		formed.holds(t, "waiting for another member")
		for _, m := range members[1:] {
			start(t, m.pod(t, "etcd"))
		}
		eventually(t, 10*time.Second, "two members have quorum", peer.healthy)
		formed.releases(t, "new") // no one has ever seen it
		late.guard(t).releases(t, "new")

		etcd := start(t, late.pod(t, "etcd"))
		eventually(t, 10*time.Second, "the late member is healthy", late.healthy)
		output(t, late.script(t, "kubespore-etcd-member", "/etc/kubespore/etcd/guard.env"))
		if got := output(t, peer.etcdctl("get", "/kubespore/members/cp1", "--print-value-only")); strings.TrimSpace(got) == "" {
			t.Error("the member left no record")
		}
		etcd.stop()
		late.guard(t).releases(t, "existing") // it has its data

		late.wipe(t)
		late.guard(t).releases(t, "existing") // it has replaced itself
		if env := late.pod(t, "etcd").Env; !slices.Contains(env, "ETCD_INITIAL_CLUSTER_STATE=existing") {
			t.Errorf("the static pod starts with %q", env)
		}
		etcd = late.joins(t, late.pod(t, "etcd"))

		remove := func() {
			peer.eventually(t, "member", "remove", late.id(t, peer))
			etcd.stop()
			late.wipe(t)
		}
		remove()
		g := late.guard(t)
		peer.obey(t, g.holds(t, "it was removed from the cluster", "etcdctl member add cp1 "))
		g.releases(t, "existing")
		etcd = start(t, late.pod(t, "etcd"))
		eventually(t, 20*time.Second, "the member that was added by hand is healthy", late.healthy)

		remove()
		peer.eventually(t, "del", "/kubespore/members/cp1")
		late.guard(t, "FORMED=true").releases(t, "existing") // as a machine that is new to the topology
		late.joins(t, late.pod(t, "etcd"))
	})
}

// joins starts etcd where the guard has made this machine a learner, and has it
// promoted.
func (m *machine) joins(t *testing.T, etcd *exec.Cmd) *process {
	t.Helper()
	p := start(t, etcd)
	output(t, m.script(t, "kubespore-etcd-member", "/etc/kubespore/etcd/guard.env"))
	eventually(t, 20*time.Second, "the new member is healthy", m.healthy)
	if list := output(t, m.etcdctl("member", "list")); strings.Contains(list, ", true\n") || strings.Count(list, ", started, ") != 3 {
		t.Errorf("members:\n%s", list)
	}
	return p
}

// id gives the id of a machine's member as another one lists it.
func (m *machine) id(t *testing.T, peer *machine) string {
	t.Helper()
	for line := range strings.Lines(output(t, peer.etcdctl("member", "list"))) {
		if fields := strings.Split(line, ", "); fields[2] == m.host.Name {
			return fields[0]
		}
	}
	t.Fatalf("%s is not listed", m.host.Name)
	return ""
}

// eventually types a command until the cluster takes it.
func (m *machine) eventually(t *testing.T, args ...string) {
	t.Helper()
	eventually(t, 20*time.Second, strings.Join(args, " "), func() error {
		out, err := m.etcdctl(args...).CombinedOutput()
		if err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		return nil
	})
}

// TestGuardOfUnit: where etcd is a unit, it is not started at all.
func TestGuardOfUnit(t *testing.T) {
	needRoot(t)
	eachMinor(t, func(t *testing.T, minor string) {
		members := build(t, "external-etcd", minor).machines(t, "etcd1", "etcd2", "etcd3")
		var etcds []*process
		for _, m := range members {
			etcds = append(etcds, start(t, m.service(t, "new")))
		}
		for _, m := range members {
			eventually(t, 10*time.Second, m.host.Name+" is healthy", m.healthy)
		}
		output(t, members[0].script(t, "kubespore-etcd-member", "/etc/kubespore/etcd/guard.env"))
		etcds[0].stop()
		members[0].wipe(t)
		members[0].guard(t).releases(t, "existing")
		members[0].joins(t, members[0].service(t, "existing"))
	})
}

// obey types what the guard says is to be typed.
func (m *machine) obey(t *testing.T, said string) {
	t.Helper()
	_, commands, ok := strings.Cut(strings.TrimSpace(said), "on another member: ")
	if !ok {
		t.Fatalf("%q does not say what to type", said)
	}
	for command := range strings.SplitSeq(commands, "; ") {
		words := strings.Fields(command)
		m.eventually(t, words[1:]...)
	}
}
