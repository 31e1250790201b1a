package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// qemu is a machine of the machine lane: a processor that is emulated, a kernel
// and an initramfs, disks, a port on the switch, and a serial line that is the
// console. It starts with the document and the payload on media, and nobody
// logs in.
type qemu struct {
	run     *run
	host    host
	number  int
	dir     string
	process *process
	booted  bool // its first boot is over, as a boot loader would know
}

func (q *qemu) on() bool                { return q.process != nil }
func (q *qemu) disk(name string) string { return filepath.Join(q.dir, name+".qcow2") }
func (q *qemu) seed() string            { return filepath.Join(q.dir, q.host.Name+".iso") }
func (q *qemu) button() string          { return filepath.Join(q.dir, "qmp") }

// assemble gives the machine a disk that begins as the base image, empty disks
// where the document wants some, and the medium with its document.
func (q *qemu) assemble(ctx context.Context) error {
	if err := os.MkdirAll(q.dir, 0o755); err != nil {
		return err
	}
	q.booted = false
	base := q.run.lab.bases[q.run.Format]
	if _, err := command(ctx, "qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", base.disk, q.disk("root")); err != nil {
		return err
	}
	for _, name := range q.host.Disks {
		if _, err := command(ctx, "qemu-img", "create", "-q", "-f", "qcow2", q.disk(name), "8G"); err != nil {
			return err
		}
	}
	if q.run.Format == cloudInit {
		_, err := command(ctx, q.run.lab.tools["kubespore"], "media", "iso", "--quiet", "--host", q.host.Name, "--media", q.dir, filepath.Join(q.run.dir, "out"))
		return err
	}
	return nil
}

func (q *qemu) start(ctx context.Context, console string) error {
	lan := q.run.lab.lan
	if err := lan.plugInTap(ctx, q.number); err != nil {
		return err
	}
	// An initramfs with Ignition applies the document as often as the boot loader
	// says that this is a first boot.
	if text, err := os.ReadFile(console); err == nil && strings.Contains(string(text), firstBootDone) {
		q.booted = true
	}
	if err := os.RemoveAll(q.button()); err != nil {
		return err
	}
	var err error
	q.process, err = launch(q.run.lab.name, q.host.Name, filepath.Join(q.dir, "qemu.log"), lan.from(q.command(console)...)...)
	return err
}

// processor is one without AVX: programs that find its instructions use them for
// sums and copies, and emulated they are ten times slower than what they replace.
const processor = "Westmere"

// command is how the machine is built.
func (q *qemu) command(console string) []string {
	base := q.run.lab.bases[q.run.Format]
	memory, processors := "2048", "1"
	if q.host.ControlPlane {
		memory, processors = "3072", "2"
	}
	args := []string{"qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none",
		"-accel", "tcg,thread=multi,tb-size=512", "-cpu", processor, "-smp", processors, "-m", memory,
		"-kernel", base.kernel, "-initrd", base.initrd, "-append", q.kernelArguments(),
		"-chardev", "file,id=console,append=on,path=" + console, "-serial", "chardev:console",
		"-qmp", "unix:" + q.button() + ",server=on,wait=off",
		"-device", "virtio-rng-pci",
		"-netdev", "tap,id=lan,script=no,downscript=no,ifname=" + tap(q.number), "-device", "virtio-net-pci,netdev=lan,mac=" + q.hardwareAddress(),
	}
	if q.run.Clock != "" {
		args = append(args, "-rtc", "base="+q.run.Clock)
	}
	for _, name := range append([]string{"root"}, q.host.Disks...) {
		args = append(args, "-drive", "if=none,cache=unsafe,discard=unmap,id="+name+",file="+q.disk(name), "-device", "virtio-blk-pci,drive="+name+",serial="+name)
	}
	media := map[string]string{}
	if q.run.Format == cloudInit {
		media["seed"] = q.seed()
	} else {
		args = append(args, "-fw_cfg", "name=opt/com.coreos/config,file="+q.run.document(q.host.Name))
	}
	if q.run.Payload == onVolume {
		media["payload"] = q.run.volume()
	}
	for name, file := range media {
		args = append(args, "-drive", "if=none,format=raw,readonly=on,id="+name+",file="+file, "-device", "virtio-blk-pci,drive="+name)
	}
	return args
}

func (q *qemu) kernelArguments() string {
	// Page tables that keep the kernel apart from programs cost an emulated
	// processor a flush of all it has translated, at every system call.
	args := "root=LABEL=root rw console=ttyS0 mitigations=off tsc=reliable"
	if q.run.Format == ignition {
		args += " ignition.platform.id=qemu rd.shell=0 rd.emergency=poweroff"
		if !q.booted {
			args += " ignition.firstboot"
		}
	}
	return args
}

// hardwareAddress is the one that the document looks for, if it does.
func (q *qemu) hardwareAddress() string {
	if q.host.Hardware != "" {
		return q.host.Hardware
	}
	return fmt.Sprintf("52:54:00:00:%02x:%02x", q.number/256, q.number%256)
}

func (q *qemu) cut() error {
	if !q.on() {
		return nil
	}
	err := q.process.kill()
	q.process = nil
	return err
}

func (q *qemu) shutDown(ctx context.Context) error {
	if !q.on() {
		return nil
	}
	if err := press(ctx, q.button()); err != nil {
		return err
	}
	err := q.process.await(ctx, 5*time.Minute)
	q.process = nil
	return err
}

// press presses the power button.
func press(ctx context.Context, button string) error {
	var d net.Dialer
	c, err := d.DialContext(ctx, "unix", button)
	if err != nil {
		return err
	}
	defer c.Close()
	if _, err := c.Write([]byte(`{"execute":"qmp_capabilities"}{"execute":"system_powerdown"}`)); err != nil {
		return err
	}
	if err := c.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return err
	}
	said := ""
	buffer := make([]byte, 4096)
	for !strings.Contains(said, `"POWERDOWN"`) {
		n, err := c.Read(buffer)
		if said += string(buffer[:n]); err != nil {
			return fmt.Errorf("the power button does nothing: %w: %s", err, said)
		}
	}
	return nil
}

func (q *qemu) discard() error { return os.RemoveAll(q.dir) }

// journals reads the disk from outside, whether the machine is on or not.
func (q *qemu) journals(ctx context.Context, dir string) error {
	raw := filepath.Join(q.dir, "root.raw")
	if _, err := command(ctx, "qemu-img", "convert", "-U", "-O", "raw", q.disk("root"), raw); err != nil {
		return err
	}
	root := filepath.Join(q.dir, "read")
	if err := os.MkdirAll(filepath.Join(root, "var"), 0o755); err != nil {
		return err
	}
	_, err := command(ctx, "debugfs", "-c", "-R", "rdump /var/log "+filepath.Join(root, "var"), raw)
	return errors.Join(err, collect(ctx, root, dir), os.RemoveAll(raw), os.RemoveAll(root))
}
