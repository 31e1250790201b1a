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

// container is a machine of the container lane: systemd-nspawn, with a real
// systemd as its first process.
type container struct {
	run     *run
	host    host
	name    string
	number  int
	dir     string
	process *process
	plugged bool
}

func (c *container) root() string { return filepath.Join(c.dir, "root") }
func (c *container) disk() string { return filepath.Join(c.dir, "upper") } // what the machine wrote itself
func (c *container) on() bool     { return c.process != nil }

// store is where a folder of images really lies: runtimes keep them in overlays,
// and none lies on another.
func (c *container) store(folder string) string { return filepath.Join(c.dir, "images", folder) }

// groups are the control groups of what runs in it; none when it is off.
func (c *container) groups() []string {
	if !c.on() {
		return nil
	}
	return c.process.groups
}

// assemble lays a machine's own writable layer over the base image and lets
// the real Ignition apply the document to it, as its initramfs would.
func (c *container) assemble(ctx context.Context) error {
	upper, work, images := c.disk(), filepath.Join(c.dir, "work"), c.store(containerdFolder)
	folders := []string{upper, work, c.root()}
	for _, f := range c.host.Images {
		folders = append(folders, c.store(f))
	}
	for _, d := range folders {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return err
		}
	}
	lab := c.run.lab
	lower := c.run.debian()
	if !c.run.locked() {
		minor, err := c.run.minor()
		if err != nil {
			return err
		}
		lower = lab.programs[minor] + ":" + lower
	}
	options := fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s", lower, upper, work)
	if err := syscall.Mount("overlay", c.root(), "overlay", 0, options); err != nil {
		return fmt.Errorf("overlay on %s: %w", c.root(), err)
	}
	if !c.run.locked() {
		if err := lab.copyStore(ctx, images); err != nil {
			return err
		}
	}
	if err := remove(c.root(), c.run.debian(), c.run.Lacks); err != nil {
		return err
	}
	if err := c.purge(ctx); err != nil {
		return err
	}
	return c.ignite(ctx)
}

// purge takes packages away as an administrator would, with what came with them.
func (c *container) purge(ctx context.Context) error {
	if len(c.run.Purged) == 0 {
		return nil
	}
	args := append([]string{c.root(), "dpkg", "--purge"}, c.run.Purged...)
	_, err := command(ctx, "chroot", args...)
	return err
}

// ignite applies the document to the disk, as Ignition does at a first boot.
func (c *container) ignite(ctx context.Context) error {
	lab := c.run.lab
	document, err := c.giveDocument()
	if err != nil {
		return err
	}
	for _, stage := range []string{"fetch", "files"} {
		ignition := exec.CommandContext(ctx, lab.tools["ignition"], "--root="+c.root(), "--platform=file", "--stage="+stage, "--log-to-stdout",
			"--config-cache="+filepath.Join(c.dir, "ignition.json"), "--state-file="+filepath.Join(c.dir, "state"), "--neednet="+filepath.Join(c.dir, "neednet"))
		ignition.Env = append(os.Environ(), "IGNITION_CONFIG_FILE="+document)
		if out, err := ignition.CombinedOutput(); err != nil {
			return fmt.Errorf("ignition %s: %w\n%s", stage, err, lastLines(string(out), 20))
		}
	}
	return nil
}

// giveDocument lays the document where an installer puts it: on the machine's
// own disk, from where the machine has to remove it.
func (c *container) giveDocument() (string, error) {
	at := filepath.Join(c.root(), "boot/ignition/config.ign")
	if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
		return "", err
	}
	text, err := os.ReadFile(c.run.document(c.name))
	if err != nil {
		return "", err
	}
	return at, os.WriteFile(at, text, 0o600)
}

// start begins the machine's first process, in control groups and a network
// namespace of its own; nspawn makes the groups the machine's view of the whole.
func (c *container) start(ctx context.Context, console string) error {
	lab := c.run.lab
	if c.plugged {
		if err := lab.lan.unplug(ctx, c.name, c.number); err != nil {
			return err
		}
	}
	if err := lab.lan.plugIn(ctx, c.name, c.number); err != nil {
		return err
	}
	c.plugged = true
	args := []string{"systemd-nspawn", "--quiet", "--directory=" + c.root(), "--machine=" + c.name, "--boot", "--settings=no",
		"--register=no", "--keep-unit", "--network-namespace-path=/run/netns/" + lab.lan.of(c.name),
		"--capability=all", "--system-call-filter=@known", "--resolv-conf=off", "--timezone=off", "--link-journal=no",
		"--bind=/dev/kmsg", "--console=read-only"}
	for _, f := range c.host.Images {
		args = append(args, "--bind="+c.store(f)+":"+f)
	}
	if c.run.Payload == inFolder {
		args = append(args, "--bind-ro="+c.run.bundle()+":"+bakedPayload)
	}
	if c.run.device != "" {
		args = append(args, "--bind="+c.run.device)
	}
	if next := c.run.next; next != nil {
		args = append(args, "--bind-ro="+next.bundle()+":"+newBundle)
	}
	var err error
	c.process, err = launch(lab.name, c.name, console, args...)
	return err
}

func (c *container) cut() error {
	if !c.on() {
		return nil
	}
	err := c.process.kill()
	c.process = nil
	return err
}

func (c *container) shutDown(ctx context.Context) error {
	if !c.on() {
		return nil
	}
	if err := c.process.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	err := c.process.await(ctx, 2*time.Minute)
	c.process = nil
	return err
}

func (c *container) discard() error {
	if err := unmount(c.root()); err != nil {
		return err
	}
	return os.RemoveAll(c.dir)
}

func (c *container) journals(ctx context.Context, dir string) error {
	return collect(ctx, c.root(), dir)
}
