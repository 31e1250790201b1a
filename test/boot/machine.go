package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// switchNamespace is the network namespace with the bridge that all machines
// hang on; the lab looks at them from there.
const switchNamespace = "kubespore-lab"

// machine is one host in the container lane.
type machine struct {
	host
	dir     string // upper, work, root, containerd
	console string
	process *exec.Cmd
	done    chan struct{}
}

// machines makes the network and, for each host, a root to which the real
// Ignition has applied its document.
func (l *lab) machines(ctx context.Context) error {
	if err := l.network(ctx); err != nil {
		return err
	}
	for _, h := range l.hosts {
		m := &machine{host: h, dir: filepath.Join(l.run, "machines", h.Name)}
		m.console = filepath.Join(m.dir, "console.log")
		if err := l.root(ctx, m); err != nil {
			return fmt.Errorf("%s: %w", h.Name, err)
		}
		l.running[h.Name] = m
	}
	return nil
}

// network makes the switch and a namespace with one port for each machine.
func (l *lab) network(ctx context.Context) error {
	steps := [][]string{{"netns", "add", switchNamespace},
		{"-n", switchNamespace, "link", "add", "lan", "type", "bridge"},
		{"-n", switchNamespace, "link", "set", "lo", "up"}}
	l.cleanup(func() error { return ignore(command(context.Background(), "ip", "netns", "del", switchNamespace)) })
	for i, h := range l.hosts {
		name, port := namespace(h.Name), fmt.Sprintf("port%d", i)
		l.cleanup(func() error { return ignore(command(context.Background(), "ip", "netns", "del", name)) })
		steps = append(steps, []string{"netns", "add", name},
			[]string{"-n", name, "link", "add", "eth0", "address", fmt.Sprintf("52:54:00:00:%02x:%02x", i/256, i%256), "type", "veth", "peer", "name", port, "netns", switchNamespace},
			[]string{"-n", switchNamespace, "link", "set", port, "master", "lan", "up"})
	}
	steps = append(steps, []string{"-n", switchNamespace, "link", "set", "lan", "up"},
		[]string{"-n", switchNamespace, "addr", "add", l.driverAddress(), "dev", "lan"})
	for _, s := range steps {
		if _, err := command(ctx, "ip", s...); err != nil {
			return err
		}
	}
	return nil
}

func namespace(name string) string { return switchNamespace + "-" + name }

func ignore(_ string, _ error) error { return nil }

// root lays a machine's own writable layer over the base image and lets
// Ignition apply the document to it, as its initramfs would.
func (l *lab) root(ctx context.Context, m *machine) error {
	upper, work, root := filepath.Join(m.dir, "upper"), filepath.Join(m.dir, "work"), filepath.Join(m.dir, "root")
	for _, d := range []string{upper, work, root, filepath.Join(m.dir, "containerd")} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return err
		}
	}
	options := fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s", filepath.Join(l.cache, "base"), upper, work)
	if err := syscall.Mount("overlay", root, "overlay", 0, options); err != nil {
		return err
	}
	l.cleanup(func() error { return syscall.Unmount(root, syscall.MNT_DETACH) })
	for _, stage := range []string{"fetch", "files"} {
		c := exec.CommandContext(ctx, l.tools["ignition"], "--root="+root, "--platform=file", "--stage="+stage, "--log-to-stdout",
			"--config-cache="+filepath.Join(m.dir, "ignition.json"), "--state-file="+filepath.Join(m.dir, "state"), "--neednet="+filepath.Join(m.dir, "neednet"))
		c.Env = append(os.Environ(), "IGNITION_CONFIG_FILE="+filepath.Join(l.out, "hosts", m.Name, "config.ign"))
		if out, err := c.CombinedOutput(); err != nil {
			return fmt.Errorf("ignition %s: %w\n%s", stage, err, lastLines(string(out), 20))
		}
	}
	return nil
}

// powerOn starts the machine's first process.
func (m *machine) powerOn(l *lab) error {
	log, err := os.OpenFile(m.console, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	// The end of this process is the power cut; so it must not be a child of
	// a shell, and dies with the lab.
	m.process = exec.Command("systemd-nspawn", "--quiet", "--directory="+filepath.Join(m.dir, "root"), "--machine="+m.Name, "--boot", "--register=no", "--keep-unit",
		"--network-namespace-path=/run/netns/"+namespace(m.Name), "--capability=all", "--system-call-filter=@known", "--bind=/dev/kmsg", "--console=pipe",
		"--bind="+filepath.Join(m.dir, "containerd")+":/var/lib/containerd", "--bind-ro="+filepath.Join(l.cache, "images")+":/var/lib/kubespore/images")
	m.process.Stdout, m.process.Stderr = log, log
	m.process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	if err := m.process.Start(); err != nil {
		return err
	}
	m.done = make(chan struct{})
	go func() {
		_ = m.process.Wait() // a machine that is cut off always ends in an error
		log.Close()
		close(m.done)
	}()
	return nil
}

// powerOff is the power cut.
func (m *machine) powerOff() error {
	if m.process == nil {
		return nil
	}
	if err := m.process.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-m.done:
	case <-time.After(20 * time.Second):
		return fmt.Errorf("%s: its first process does not end", m.Name)
	}
	m.process = nil
	return nil
}
