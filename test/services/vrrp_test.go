//go:build oracle

package services

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// holder is a control plane with a real keepalived in a network namespace.
type holder struct {
	name, space, file string
}

// TestFailoverWithoutPreemption: with nopreempt two real keepalived leave the address
// where it is although its holder's check fails; the file of kubespore-failover makes
// the holder let go of it, and it does not go back.
func TestFailoverWithoutPreemption(t *testing.T) {
	text, err := os.ReadFile("../../examples/ha.yaml")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "ha.yaml")
	if err := os.WriteFile(file, bytes.Replace(text, []byte("keepalived: {}"), []byte("keepalived: {nopreempt: true}"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	w := buildFile(t, file)
	keepalived := deb(t, "keepalived", "usr/sbin/keepalived")
	w.network(t, "vrrp-lan", "")
	run(t, "ip", "-n", w.space, "link", "add", "lan", "type", "bridge")
	run(t, "ip", "-n", w.space, "link", "set", "lan", "up")
	var holders []*holder
	for name, address := range map[string]string{"cp1": "192.168.200.21/22", "cp2": "192.168.200.22/22"} {
		holders = append(holders, w.hold(t, keepalived, name, address))
	}
	first := holding(t, holders, nil)
	t.Logf("%s holds the address", first.name)

	// Its check fails, and the other's does not.
	if err := os.WriteFile(filepath.Join(w.dir, first.name+".dead"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	time.Sleep(6 * time.Second)
	if still := holding(t, holders, nil); still != first {
		t.Fatalf("the address moved by the check alone: the file is not needed")
	}
	start := time.Now()
	tell(t, first, "-254")
	second := holding(t, holders, first)
	t.Logf("%s holds it %s after the file of %s said so", second.name, time.Since(start).Round(100*time.Millisecond), first.name)

	// Alive again, with any priority: nothing moves.
	if err := os.Remove(filepath.Join(w.dir, first.name+".dead")); err != nil {
		t.Fatal(err)
	}
	tell(t, first, "0")
	time.Sleep(6 * time.Second)
	if now := holding(t, holders, nil); now != second {
		t.Errorf("the address went back to %s", now.name)
	}
	tell(t, second, "-254")
	if now := holding(t, holders, second); now != first {
		t.Errorf("%s holds it", now.name)
	}
}

func tell(t *testing.T, h *holder, value string) {
	t.Helper()
	if err := os.WriteFile(h.file, []byte(value+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}

// holding waits until one machine, and not the one that is told to let go, holds the
// address.
func holding(t *testing.T, holders []*holder, not *holder) *holder {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		var now []*holder
		for _, h := range holders {
			out, err := exec.Command("ip", "-n", h.space, "-o", "address", "show", "dev", "eth0").Output()
			if err == nil && bytes.Contains(out, []byte("192.168.200.240/32")) {
				now = append(now, h)
			}
		}
		if len(now) == 1 && now[0] != not {
			return now[0]
		}
	}
	t.Fatal("after 30 s not one machine holds the address")
	return nil
}

// hold starts keepalived on the file that the machine would have.
func (w *world) hold(t *testing.T, keepalived, name, address string) *holder {
	t.Helper()
	h := &holder{name: name, space: "kubespore-" + name, file: filepath.Join(w.dir, name+".failover")}
	_ = exec.Command("ip", "netns", "delete", h.space).Run() // of a test that was killed
	run(t, "ip", "netns", "add", h.space)
	t.Cleanup(func() { run(t, "ip", "netns", "delete", h.space) })
	run(t, "ip", "-n", w.space, "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", h.space)
	run(t, "ip", "-n", w.space, "link", "set", name, "master", "lan", "up")
	run(t, "ip", "-n", h.space, "address", "add", address, "dev", "eth0")
	run(t, "ip", "-n", h.space, "link", "set", "eth0", "up")
	run(t, "ip", "-n", h.space, "link", "set", "lo", "up")
	tell(t, h, "0")
	check := filepath.Join(w.dir, name+".check")
	w.write(t, name+".check", "#!/bin/sh\n[ ! -e "+filepath.Join(w.dir, name+".dead")+" ]\n")
	for path, mode := range map[string]os.FileMode{check: 0o755, w.dir: 0o755} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	text := strings.NewReplacer("@INTERFACE@", "eth0", "/opt/bin/kubectl", check, "/run/kubespore/keepalived/failover", h.file,
		"enable_script_security\n", "\n", "interval 5", "interval 1").Replace(w.file(t, name, "/etc/kubespore/keepalived/keepalived.conf.in"))
	w.write(t, name+".conf", text)
	if err := os.Chmod(filepath.Join(w.dir, name+".conf"), 0o600); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	c := exec.Command("ip", "netns", "exec", h.space, keepalived, "--dont-fork", "--log-console", "--vrrp", "--pid="+filepath.Join(w.dir, name+".pid"),
		"--vrrp_pid="+filepath.Join(w.dir, name+".vrrp.pid"), "--use-file="+filepath.Join(w.dir, name+".conf"))
	c.Stdout, c.Stderr = &log, &log
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Process.Signal(os.Interrupt) // it may have ended by itself
		_ = c.Wait()
		if t.Failed() {
			t.Logf("keepalived of %s:\n%s", name, log.String())
		}
	})
	return h
}
