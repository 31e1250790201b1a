//go:build oracle

package oracle

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const (
	etcdManifest = manifestDir + "etcd.yaml"
	heldManifest = "/etc/kubespore/etcd/held.yaml"
	etcdState    = "/run/kubespore/etcd-state.env"
	guardWaits   = "/run/kubespore/waiting/kubespore-etcd-guard.service"
)

// guard runs the guard of a machine's etcd as systemd does, and waits until it
// lets those units start that wait for it.
func (m *machine) guard(t *testing.T, environment ...string) *process {
	t.Helper()
	begin := time.Now()
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
	ready := make(chan struct{}, 100)
	go hear(conn, ready)
	c := m.script(t, "kubespore-etcd-guard", "/etc/kubespore/etcd/guard.env")
	c.Env = append(append(c.Env, "NOTIFY_SOCKET="+socket), environment...)
	p := start(t, c)
	select {
	case <-ready:
	case <-time.After(30 * time.Second):
		t.Fatalf("the guard does not say that it is ready: %s", tail(p.log.Bytes()))
	}
	t.Logf("the guard is ready after %s", time.Since(begin).Round(10*time.Millisecond))
	return p
}

// hear reads all that is said: who says something waits until it has been read.
func hear(conn *net.UnixConn, ready chan<- struct{}) {
	buffer := make([]byte, 4096)
	for {
		n, err := conn.Read(buffer)
		if err != nil {
			return // closed at the end of the test
		}
		if strings.Contains(string(buffer[:n]), "READY=1") {
			ready <- struct{}{}
		}
	}
}

// released holds that the guard lets etcd start with a state, and ends.
func (m *machine) released(t *testing.T, guard *process, state string) {
	t.Helper()
	select {
	case <-guard.ended:
	case <-time.After(30 * time.Second):
		t.Fatalf("the guard still holds etcd back: %s", tail(guard.log.Bytes()))
	}
	if got := m.variable(t, etcdState, "ETCD_INITIAL_CLUSTER_STATE"); got != state || !guard.ProcessState.Success() {
		t.Fatalf("etcd may start with the state %s, want %s: %s", got, state, tail(guard.log.Bytes()))
	}
	if !m.has(etcdManifest) || m.has(heldManifest) || m.has(guardWaits) {
		t.Fatal("the static pod is still held back")
	}
}

// held holds that the guard keeps etcd from starting, and says why.
func (m *machine) held(t *testing.T, guard *process, reasons ...string) string {
	t.Helper()
	var said string
	eventually(t, 30*time.Second, "the guard says why it waits", func() error {
		text, err := os.ReadFile(m.path(guardWaits))
		said = string(text)
		for _, reason := range reasons {
			if err == nil && !strings.Contains(said, reason) {
				err = fmt.Errorf("%q does not speak of %q", said, reason)
			}
		}
		return err
	})
	if m.has(etcdManifest) || !m.has(heldManifest) || !guard.running() {
		t.Fatal("the static pod is not held back")
	}
	return said
}

func (m *machine) has(path string) bool {
	_, err := os.Stat(m.path(path))
	return err == nil
}

// TestGuard walks a member through its life: first start, alone and late; lost
// data, until the operator has typed what the guard says; and a start in a
// cluster that is declared to have formed.
func TestGuard(t *testing.T) {
	needRoot(t)
	eachMinor(t, func(t *testing.T, minor string) {
		members := build(t, "ha", minor).machines(t, "cp1", "cp2", "cp3")
		late, peer := members[0], members[1]

		guard := late.guard(t)
		late.released(t, guard, "new")

		formed := late.guard(t, "FORMED=true")
		late.held(t, formed, "waiting for another member")

		for _, m := range members[1:] {
			start(t, m.pod(t, "etcd"))
		}
		eventually(t, 10*time.Second, "two members have quorum", peer.healthy)
		late.released(t, formed, "new") // nobody has ever seen it

		guard = late.guard(t)
		late.released(t, guard, "new")
		etcd := start(t, late.pod(t, "etcd"))
		eventually(t, 10*time.Second, "the late member is healthy", late.healthy)
		output(t, late.script(t, "kubespore-etcd-member", "/etc/kubespore/etcd/guard.env"))
		if got := output(t, peer.etcdctl("get", "/kubespore/members/cp1", "--print-value-only")); strings.TrimSpace(got) == "" {
			t.Error("the member left no record")
		}

		etcd.stop()
		guard = late.guard(t)
		late.released(t, guard, "existing") // it has its data

		late.wipe(t)
		guard = late.guard(t)
		said := late.held(t, guard, "etcdctl member remove ", "etcdctl member add cp1 ")
		peer.obey(t, said)
		late.released(t, guard, "existing")
		start(t, late.pod(t, "etcd"))
		eventually(t, 20*time.Second, "the new member is healthy", late.healthy)
	})
}

// obey types what the guard says is to be typed.
func (m *machine) obey(t *testing.T, said string) {
	t.Helper()
	_, commands, ok := strings.Cut(strings.TrimSpace(said), "On another member: ")
	if !ok {
		t.Fatalf("%q does not say what to type", said)
	}
	for command := range strings.SplitSeq(commands, "; ") {
		words := strings.Fields(command)
		eventually(t, 10*time.Second, command, func() error {
			out, err := m.etcdctl(words[1:]...).CombinedOutput()
			if err != nil {
				return fmt.Errorf("%w: %s", err, out)
			}
			return nil
		})
	}
}
