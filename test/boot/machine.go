package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// machine is one host in the container lane: systemd-nspawn, with a real
// systemd as its first process.
type machine struct {
	host
	number  int
	dir     string
	groups  []string
	process *exec.Cmd
	done    chan struct{}
	since   time.Time // when it was last powered on
	binds   []string  // folders of the lab that its image has: nspawn's --bind
}

func (m *machine) root() string    { return filepath.Join(m.dir, "root") }
func (m *machine) disk() string    { return filepath.Join(m.dir, "upper") } // what the machine wrote itself
func (m *machine) console() string { return filepath.Join(m.dir, "console.log") }
func (m *machine) on() bool        { return m.process != nil }

// newMachine makes a machine with a port to the switch.
func (r *run) newMachine(ctx context.Context, h host) error {
	m := &machine{host: h, number: len(r.machines), dir: filepath.Join(r.dir, "machines", h.Name)}
	if r.Payload == inFolder {
		m.binds = append(m.binds, "--bind-ro="+r.bundle()+":"+bakedPayload)
	}
	if err := r.lab.lan.plugIn(ctx, h.Name, m.number); err != nil {
		return err
	}
	r.machines[h.Name] = m
	return r.makeMachine(ctx, m)
}

// makeMachine lays a machine's own writable layer over the base image and lets
// the real Ignition apply the document to it, as its initramfs would.
func (r *run) makeMachine(ctx context.Context, m *machine) error {
	upper, work, images := m.disk(), filepath.Join(m.dir, "work"), filepath.Join(m.dir, "containerd")
	for _, d := range []string{upper, work, images, m.root()} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return err
		}
	}
	lower := r.lab.debian
	if !r.locked() {
		lower = r.lab.programs + ":" + lower
	}
	options := fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s", lower, upper, work)
	if err := syscall.Mount("overlay", m.root(), "overlay", 0, options); err != nil {
		return fmt.Errorf("overlay on %s: %w", m.root(), err)
	}
	if !r.locked() {
		if err := r.lab.copyStore(ctx, images); err != nil {
			return err
		}
	}
	document, err := r.giveDocument(m)
	if err != nil {
		return err
	}
	for _, stage := range []string{"fetch", "files"} {
		c := exec.CommandContext(ctx, r.lab.tools["ignition"], "--root="+m.root(), "--platform=file", "--stage="+stage, "--log-to-stdout",
			"--config-cache="+filepath.Join(m.dir, "ignition.json"), "--state-file="+filepath.Join(m.dir, "state"), "--neednet="+filepath.Join(m.dir, "neednet"))
		c.Env = append(os.Environ(), "IGNITION_CONFIG_FILE="+document)
		if out, err := c.CombinedOutput(); err != nil {
			return fmt.Errorf("ignition %s: %w\n%s", stage, err, lastLines(string(out), 20))
		}
	}
	return nil
}

// giveDocument lays the document where an installer puts it: on the machine's
// own disk, from where the machine has to remove it.
func (r *run) giveDocument(m *machine) (string, error) {
	at := filepath.Join(m.root(), "boot/ignition/config.ign")
	if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
		return "", err
	}
	text, err := os.ReadFile(r.document(m.Name))
	if err != nil {
		return "", err
	}
	return at, os.WriteFile(at, text, 0o600)
}

// remove takes a machine's disk away.
func (m *machine) remove() error {
	if m.on() {
		return fmt.Errorf("%s is on", m.Name)
	}
	if err := unmount(m.root()); err != nil {
		return err
	}
	return os.RemoveAll(m.dir)
}

// said is all that the console has shown so far.
func (m *machine) said() string {
	text, err := os.ReadFile(m.console())
	if err != nil {
		return "" // it has not been powered on
	}
	return strings.ReplaceAll(string(text), "\r", "")
}

// powerOn starts the machine's first process, in control groups and a network
// namespace of its own. It outlives the lab, for -keep.
func (m *machine) powerOn(ctx context.Context, l *lab) error {
	if m.on() {
		return fmt.Errorf("%s is on", m.Name)
	}
	if !m.since.IsZero() {
		if err := l.lan.unplug(ctx, m.Name, m.number); err != nil {
			return err
		}
	}
	var err error
	if m.groups, err = makeGroups(l.name, m.Name); err != nil {
		return err
	}
	log, err := os.OpenFile(m.console(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	// A shell enters the groups and becomes nspawn, which makes them the
	// machine's view of the whole.
	args := []string{"-c", `while [ "$1" != -- ]; do echo $$ >"$1/cgroup.procs"; shift; done; shift; exec "$@"`, "enter"}
	args = append(args, m.groups...)
	args = append(args, "--", "systemd-nspawn", "--quiet", "--directory="+m.root(), "--machine="+m.Name, "--boot", "--settings=no",
		"--register=no", "--keep-unit", "--network-namespace-path=/run/netns/"+l.lan.of(m.Name),
		"--capability=all", "--system-call-filter=@known", "--resolv-conf=off", "--timezone=off", "--link-journal=no",
		"--bind=/dev/kmsg", "--bind="+filepath.Join(m.dir, "containerd")+":/var/lib/containerd", "--console=read-only")
	process := exec.Command("/bin/sh", append(args, m.binds...)...)
	process.Stdout, process.Stderr = log, log
	process.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := process.Start(); err != nil {
		return err
	}
	done := make(chan struct{})
	go func() {
		_ = process.Wait() // a machine that is cut off always ends in an error
		close(done)
	}()
	m.process, m.done, m.since = process, done, time.Now()
	return nil
}

// cut is the power cut: everything ends at once.
func (m *machine) cut() error {
	if !m.on() {
		return nil
	}
	err := killGroups(m.groups)
	<-m.done
	m.process = nil
	return err
}

// shutDown is what a press of the power button does.
func (m *machine) shutDown(ctx context.Context) error {
	if !m.on() {
		return nil
	}
	if err := m.process.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-m.done:
	case <-time.After(2 * time.Minute):
		return errors.Join(fmt.Errorf("%s does not shut down", m.Name), m.cut())
	case <-ctx.Done():
		return ctx.Err()
	}
	m.process = nil
	return killGroups(m.groups)
}
