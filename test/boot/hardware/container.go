package hardware

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/kubespore/kubespore/test/boot/documents"
	"github.com/kubespore/kubespore/test/boot/imaging"
	"github.com/kubespore/kubespore/test/boot/lab"
	"github.com/kubespore/kubespore/test/boot/osfile"
	"github.com/kubespore/kubespore/test/boot/process"
)

// Container is a machine of the container lane: systemd-nspawn, with a real
// systemd as its first process.
type Container struct {
	Run     *lab.Run
	host    documents.Host
	Name    string
	number  int
	Dir     string
	process *process.Process
	plugged bool
}

// Root is the file system as the machine sees it.
func (c *Container) Root() string { return filepath.Join(c.Dir, "root") }

// Disk is what the machine wrote itself.
func (c *Container) Disk() string { return filepath.Join(c.Dir, "upper") }

func (c *Container) On() bool { return c.process != nil }

// Store is where a folder of images really lies: runtimes keep them in overlays,
// and none lies on another.
func (c *Container) Store(folder string) string { return filepath.Join(c.Dir, "images", folder) }

// Groups are the control groups of what runs in it; none when it is off.
func (c *Container) Groups() []string {
	if !c.On() {
		return nil
	}
	return c.process.Groups
}

// Assemble lays a machine's own writable layer over the base image and lets
// the real Ignition apply the document to it, as its initramfs would.
func (c *Container) Assemble(ctx context.Context) error {
	upper, work, images := c.Disk(), filepath.Join(c.Dir, "work"), c.Store(documents.ContainerdFolder)
	folders := []string{upper, work, c.Root()}
	for _, f := range c.host.Images {
		folders = append(folders, c.Store(f))
	}
	for _, d := range folders {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return err
		}
	}
	l := c.Run.Lab
	lower := c.Run.Debian()
	if !c.Run.Locked() {
		minor, err := c.Run.Minor()
		if err != nil {
			return err
		}
		lower = l.Programs[minor] + ":" + lower
	}
	options := fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s", lower, upper, work)
	if err := syscall.Mount("overlay", c.Root(), "overlay", 0, options); err != nil {
		return fmt.Errorf("overlay on %s: %w", c.Root(), err)
	}
	if !c.Run.Locked() {
		if err := imaging.CopyStore(ctx, l, images); err != nil {
			return err
		}
	}
	if err := imaging.Remove(c.Root(), c.Run.Debian(), c.Run.Lacks); err != nil {
		return err
	}
	if err := c.purge(ctx); err != nil {
		return err
	}
	return c.Ignite(ctx)
}

// purge takes packages away as an administrator would, with what came with them.
func (c *Container) purge(ctx context.Context) error {
	if len(c.Run.Purged) == 0 {
		return nil
	}
	args := append([]string{c.Root(), "dpkg", "--purge"}, c.Run.Purged...)
	_, err := process.Run(ctx, "chroot", args...)
	return err
}

// Ignite applies the document to the disk, as Ignition does at a first boot.
func (c *Container) Ignite(ctx context.Context) error {
	l := c.Run.Lab
	document, err := c.giveDocument()
	if err != nil {
		return err
	}
	for _, stage := range []string{"fetch", "files"} {
		ignition := exec.CommandContext(ctx, l.Tools["ignition"], "--root="+c.Root(), "--platform=file", "--stage="+stage, "--log-to-stdout",
			"--config-cache="+filepath.Join(c.Dir, "ignition.json"), "--state-file="+filepath.Join(c.Dir, "state"), "--neednet="+filepath.Join(c.Dir, "neednet"))
		ignition.Env = append(os.Environ(), "IGNITION_CONFIG_FILE="+document)
		if out, err := ignition.CombinedOutput(); err != nil {
			return fmt.Errorf("ignition %s: %w\n%s", stage, err, process.LastLines(string(out), 20))
		}
	}
	return nil
}

// giveDocument lays the document where an installer puts it: on the machine's
// own disk, from where the machine has to remove it.
func (c *Container) giveDocument() (string, error) {
	at := filepath.Join(c.Root(), "boot/ignition/config.ign")
	if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
		return "", err
	}
	text, err := os.ReadFile(c.Run.Document(c.Name))
	if err != nil {
		return "", err
	}
	return at, os.WriteFile(at, text, 0o600)
}

// Start begins the machine's first process, in control groups and a network
// namespace of its own; nspawn makes the groups the machine's view of the whole.
func (c *Container) Start(ctx context.Context, console string) error {
	l := c.Run.Lab
	if c.plugged {
		if err := l.Lan.Unplug(ctx, c.Name, c.number); err != nil {
			return err
		}
	}
	if err := l.Lan.PlugIn(ctx, c.Name, c.number); err != nil {
		return err
	}
	c.plugged = true
	args := []string{"systemd-nspawn", "--quiet", "--directory=" + c.Root(), "--machine=" + c.Name, "--boot", "--settings=no",
		"--register=no", "--keep-unit", "--network-namespace-path=/run/netns/" + l.Lan.Of(c.Name),
		// All have the test machine's clock, which none may set.
		"--capability=all", "--drop-capability=CAP_SYS_TIME", "--system-call-filter=@known", "--resolv-conf=off", "--timezone=off", "--link-journal=no",
		"--bind=/dev/kmsg", "--console=read-only"}
	for _, f := range c.host.Images {
		args = append(args, "--bind="+c.Store(f)+":"+f)
	}
	if c.Run.Payload == lab.InFolder {
		args = append(args, "--bind-ro="+c.Run.Bundle()+":"+lab.BakedPayload)
	}
	if c.Run.Device != "" {
		args = append(args, "--bind="+c.Run.Device)
	}
	if next := c.Run.Next; next != nil {
		args = append(args, "--bind-ro="+next.Bundle()+":"+lab.NewBundle)
	}
	var err error
	c.process, err = process.Launch(l.Name, c.Name, console, args...)
	return err
}

func (c *Container) Cut() error {
	if !c.On() {
		return nil
	}
	err := c.process.Kill()
	c.process = nil
	return err
}

func (c *Container) ShutDown(ctx context.Context) error {
	if !c.On() {
		return nil
	}
	if err := c.process.Cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	err := c.process.Await(ctx, 2*time.Minute)
	c.process = nil
	return err
}

func (c *Container) Discard() error {
	if err := osfile.Unmount(c.Root()); err != nil {
		return err
	}
	return os.RemoveAll(c.Dir)
}

func (c *Container) Journals(ctx context.Context, dir string) error {
	return collect(ctx, c.Root(), dir)
}
