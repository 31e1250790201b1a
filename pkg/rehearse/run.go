package rehearse

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/kubespore/kubespore/pkg/diag"
)

// furtherDisk is the size of each disk besides that of the system.
const furtherDisk = "16G"

// Run powers all machines on and writes what they say to console. It returns
// when the context ends, which ends the machines, or when all have switched
// themselves off. Nothing of it runs any more then.
func Run(ctx context.Context, machines []Machine, o Options, console io.Writer) error {
	for i := range machines {
		if err := o.layers(ctx, &machines[i]); err != nil {
			return err
		}
	}
	network, err := openEthernet(portsOf(machines))
	if err != nil {
		return err
	}
	defer network.Close()
	running, end := context.WithCancelCause(ctx)
	defer end(nil)
	var all sync.WaitGroup
	turn := &sync.Mutex{}
	free := network.machines()
	for i := range machines {
		m := &machines[i]
		var cables []string
		for range m.ports() {
			cables = append(cables, free[0].option())
			free = free[1:]
		}
		all.Go(func() {
			out := &lines{name: m.Name, out: console, turn: turn}
			if err := power(running, m, o, o.arguments(m, cables, network.door().option()), out); err != nil {
				end(err)
			}
		})
	}
	all.Wait()
	if ctx.Err() != nil {
		return nil // that is how rehearsals end
	}
	return context.Cause(running)
}

// portsOf counts the ports of all machines.
func portsOf(machines []Machine) (n int) {
	for i := range machines {
		n += len(machines[i].ports())
	}
	return n
}

// layers makes the disks of a machine: one over the image, and empty ones.
func (o *Options) layers(ctx context.Context, m *Machine) error {
	image, err := filepath.Abs(o.Image.Path)
	if err != nil {
		return err
	}
	create := func(args ...string) error {
		said, err := exec.CommandContext(ctx, o.Programs.Image, append([]string{"create", "-q", "-f", "qcow2"}, args...)...).CombinedOutput()
		if err != nil {
			return failed(m, "qemu-img", string(said), err)
		}
		return nil
	}
	if err := create("-F", o.Image.Format, "-b", image, o.layer(m, 0), fmt.Sprint(max(o.Disk, o.Image.Size))); err != nil {
		return err
	}
	for i, name := range m.Disks {
		if !virtio.MatchString(name) {
			continue
		}
		if err := create(o.layer(m, i+1), furtherDisk); err != nil {
			return err
		}
	}
	return nil
}

// grace is how long QEMU may take to end.
const grace = 5 * time.Second

// power runs a machine until it switches itself off or the context ends.
func power(ctx context.Context, m *Machine, o Options, args []string, out *lines) error {
	var complaints tail
	c := exec.CommandContext(ctx, o.Programs.System, args...)
	c.Stdout, c.Stderr = out, &complaints
	c.Cancel = func() error { return c.Process.Signal(syscall.SIGTERM) }
	c.WaitDelay = grace
	err := c.Run()
	out.flush()
	if ctx.Err() != nil {
		return nil
	}
	if err != nil {
		return failed(m, "QEMU", string(complaints), err)
	}
	out.say("has switched itself off")
	return nil
}

// failed says what a program of QEMU's complained of.
func failed(m *Machine, program, said string, err error) error {
	reason := err.Error()
	if said = strings.TrimSpace(said); said != "" {
		reason = said[strings.LastIndex(said, "\n")+1:]
	}
	return diag.Failf("Q003", diag.Position{}, "%s ended for %s: %s", program, m.Name, reason).
		WithHint("see that there is memory and disk space for all machines, or choose some with --host; --emulate does without /dev/kvm")
}
