//go:build real

package applied

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// earlyBoot are pairs of units: the first must be at work before the
// second is, at the very first boot too, however long it takes.
var earlyBoot = [][2]string{
	{"cloud-init-local.service", "network-pre.target"},
	{"kubespore-firewall.service", "network-pre.target"},
	{"network-pre.target", "network.target"},
	{"kubespore-clock.service", "sysinit.target"},
}

// TestCloudInitBoots powers a machine on whose clock and firewall take their
// time.
func TestCloudInitBoots(t *testing.T) {
	needRoot(t)
	_, hosts := both(t, "../../examples/ha.yaml", "debian")
	l := newLayer(t)
	seed(t, l, filepath.Join(hosts, "cp1"))
	dropIn(t, l, "kubespore-clock.service", "ExecStartPre=/bin/sleep 4")
	dropIn(t, l, "kubespore-firewall.service", "ExecStartPre=/bin/sleep 2")
	// The machine has no port that could come up.
	dropIn(t, l, "systemd-networkd-wait-online.service", "ExecStart=\nExecStart=/bin/true")
	m := powerOn(t, l)
	var units []string
	for _, pair := range earlyBoot {
		units = append(units, pair[:]...)
	}
	var at map[string]int
	for range 240 {
		at = m.reached(units)
		if at["network.target"] > 0 && at["sysinit.target"] > 0 && at["kubespore-clock.service"] > 0 {
			break
		}
		time.Sleep(250 * time.Millisecond)
	}
	m.cut(t)
	for _, pair := range earlyBoot {
		if before, after := at[pair[0]], at[pair[1]]; before == 0 || after < before {
			t.Errorf("%s was reached at %d us, %s at %d us (0 is never); console:\n%s", pair[0], before, pair[1], after, tail(m.console.Bytes()))
		}
	}
}

// dropIn adds to what a unit of a layer does.
func dropIn(t *testing.T, l layer, unit, service string) {
	t.Helper()
	folder := filepath.Join(l.root, "etc/systemd/system", unit+".d")
	err := os.MkdirAll(folder, 0o755)
	if err == nil {
		err = os.WriteFile(filepath.Join(folder, "test.conf"), []byte("[Service]\n"+service+"\n"), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// powered is a machine that is on: a systemd of its own on a layer.
type powered struct {
	nspawn  *exec.Cmd
	console bytes.Buffer
}

// powerOn starts a machine. It is off again when the test ends.
func powerOn(t *testing.T, l layer) *powered {
	t.Helper()
	m := &powered{nspawn: exec.Command("systemd-nspawn", "--quiet", "--directory="+l.root, "--machine=kubespore-"+filepath.Base(l.dir), "--boot", "--register=no", "--keep-unit",
		"--private-network", "--capability=all", "--console=pipe")}
	m.nspawn.Stdout, m.nspawn.Stderr = &m.console, &m.console
	if err := m.nspawn.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.cut(t) })
	return m
}

// leader is the first process in the machine, or 0.
func (m *powered) leader() int {
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", m.nspawn.Process.Pid))
	if err != nil {
		return 0
	}
	for _, child := range strings.Fields(string(children)) {
		status, err := os.ReadFile("/proc/" + child + "/status")
		// Its number outside, and its number inside.
		if err == nil && strings.Contains(string(status), "\nNSpid:\t"+child+"\t1\n") {
			pid, _ := strconv.Atoi(child)
			return pid
		}
	}
	return 0
}

// cut ends every process of the machine: the kernel does that when the first of
// them ends. The end of nspawn alone would leave them at work.
func (m *powered) cut(t *testing.T) {
	t.Helper()
	if m.nspawn.ProcessState != nil {
		return
	}
	pid := m.leader()
	if pid == 0 {
		pid = m.nspawn.Process.Pid
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Error(err)
	}
	_ = m.nspawn.Wait() // it tells how its machine ended
}

// reached asks the machine's systemd when units came to be at work, in
// microseconds of the monotonic clock; those that are not are left out. Its
// journal is not a witness: the first boot restarts it, and in a container what
// systemd says meanwhile is lost.
func (m *powered) reached(units []string) map[string]int {
	at := map[string]int{}
	leader := m.leader()
	if leader == 0 {
		return at
	}
	args := []string{"--target", strconv.Itoa(leader), "--all", "systemctl", "show", "--property=Id,ActiveEnterTimestampMonotonic"}
	out, err := exec.Command("nsenter", append(args, units...)...).Output()
	if err != nil {
		return at // systemd is not there yet
	}
	for unit := range strings.SplitSeq(string(out), "\n\n") {
		name, when := "", 0
		for line := range strings.SplitSeq(unit, "\n") {
			switch key, value, _ := strings.Cut(line, "="); key {
			case "Id":
				name = value
			case "ActiveEnterTimestampMonotonic":
				when, _ = strconv.Atoi(value)
			}
		}
		if when > 0 {
			at[name] = when
		}
	}
	return at
}
