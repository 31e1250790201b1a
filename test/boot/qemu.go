package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
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
	board
}

// board is how the machine is built, as far as that depends on how its document
// comes.
type board struct {
	root           string            // the disk with its system
	kernel, initrd string            // that QEMU loads; "" leaves it to the firmware
	volumes        map[string]string // read-only ones, by their names for QEMU
	more           []string          // arguments of QEMU
}

func (q *qemu) on() bool                { return q.process != nil }
func (q *qemu) disk(name string) string { return filepath.Join(q.dir, name+".qcow2") }
func (q *qemu) button() string          { return filepath.Join(q.dir, "qmp") }

// assemble gives the machine a disk that begins as the base image, empty disks
// where the document wants some, and the medium with its document.
func (q *qemu) assemble(ctx context.Context) error {
	if err := os.MkdirAll(q.dir, 0o755); err != nil {
		return err
	}
	q.booted = false
	base := q.run.base()
	q.board = board{root: q.disk("root"), kernel: base.kernel, initrd: base.initrd, volumes: map[string]string{}}
	if q.run.Payload == onVolume {
		q.volumes["payload"] = q.run.volume()
	}
	image := base.disk
	if q.run.bakes() {
		image = q.run.golden()
	}
	if _, err := command(ctx, "qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", image, q.disk("root")); err != nil {
		return err
	}
	for _, name := range q.host.Disks {
		if _, err := command(ctx, "qemu-img", "create", "-q", "-f", "qcow2", q.disk(name), "8G"); err != nil {
			return err
		}
	}
	if q.firmware() == uefi {
		if err := q.giveUEFI(); err != nil {
			return err
		}
	}
	return q.deliver(ctx)
}

// Firmware that finds by itself what it boots. SeaBIOS is what QEMU has when
// nothing is said.
const bios, uefi = "bios", "uefi"

func (q *qemu) firmware() string { return q.run.Firmware[q.host.Name] }

// giveUEFI puts firmware for UEFI in SeaBIOS's place, with memory of its own for
// settings.
func (q *qemu) giveUEFI() error {
	const code, settings = "/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"
	own := filepath.Join(q.dir, "settings.fd")
	q.more = append(q.more, "-drive", "if=pflash,unit=0,format=raw,readonly=on,file="+code, "-drive", "if=pflash,unit=1,format=raw,file="+own)
	return copyFile(settings, own)
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

// slowClock has the kernel believe that its processor counts 8 GHz. It counts what
// the test machine's does, so that the machine's time goes by about three times
// slower than ours: what it waits for at most, and how often it looks, keep some
// proportion to how slow it is.
const slowClock = "tsc_early_khz=8000000"

// command is how the machine is built.
func (q *qemu) command(console string) []string {
	memory, processors := "2048", "1"
	if q.host.ControlPlane {
		memory, processors = "3072", "2"
	}
	args := []string{"qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none",
		"-accel", "tcg,thread=multi,tb-size=2047", "-cpu", processor, "-smp", processors, "-m", memory,
		"-chardev", "file,id=console,append=on,path=" + console, "-serial", "chardev:console",
		"-qmp", "unix:" + q.button() + ",server=on,wait=off",
		"-device", "virtio-rng-pci",
		"-netdev", "tap,id=lan,script=no,downscript=no,ifname=" + tap(q.number),
	}
	port, system := "virtio-net-pci,netdev=lan,mac="+q.hardwareAddress(), ""
	switch {
	case q.kernel != "":
		args = append(args, "-kernel", q.kernel, "-initrd", q.initrd, "-append", q.kernelArguments())
	case q.run.deliveryTo(q.host.Name).serve == nil:
		system = ",bootindex=1"
	case q.firmware() == uefi:
		port += ",bootindex=1,romfile=" // its own driver, not the iPXE that QEMU's card brings
	default:
		port += ",bootindex=1"
	}
	if q.kernel == "" {
		args = append(args, "-machine", "graphics=off") // what firmware and iPXE say goes to the console too
	}
	args = append(args, "-device", port)
	if q.run.Clock != "" {
		args = append(args, "-rtc", "base="+q.run.Clock)
	}
	disks := map[string]string{"root": q.root}
	for _, name := range q.host.Disks {
		disks[name] = q.disk(name)
	}
	for _, name := range slices.Sorted(maps.Keys(disks)) {
		device := "virtio-blk-pci,drive=" + name + ",serial=" + name
		if name == "root" {
			device += system
		}
		args = append(args, "-drive", "if=none,format=qcow2,cache=unsafe,discard=unmap,id="+name+",file="+disks[name], "-device", device)
	}
	for _, name := range slices.Sorted(maps.Keys(q.volumes)) {
		args = append(args, "-drive", "if=none,format=raw,readonly=on,id="+name+",file="+q.volumes[name], "-device", "virtio-blk-pci,drive="+name)
	}
	return append(args, q.more...)
}

// kernelArguments are the kernel's on every machine. Page tables that keep the
// kernel apart from programs cost an emulated processor a flush of all it has
// translated, at every system call. And what it translated it can use for a
// program that is started again only where that lies at the same address.
const kernelArguments = "root=LABEL=root rw console=ttyS0 mitigations=off norandmaps tsc=reliable " + slowClock

// systemArguments are the kernel's, besides those for Ignition.
func (q *qemu) systemArguments() string {
	args := strings.TrimSpace(kernelArguments + " " + q.run.Kernel)
	if q.run.Format == ignition {
		args += " rd.shell=0 rd.emergency=poweroff"
	}
	return args
}

func (q *qemu) kernelArguments() string {
	args := q.systemArguments()
	if q.run.Format == ignition {
		args += " ignition.platform.id=" + q.run.deliveryTo(q.host.Name).platform
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
	ended := make(chan struct{})
	go q.pressAgain(ctx, ended)
	err := q.process.await(ctx, 5*time.Minute)
	close(ended)
	q.process = nil
	return err
}

// pressAgain presses the power button again and again, since a system that is not yet
// that far in its boot does not listen to it.
func (q *qemu) pressAgain(ctx context.Context, ended <-chan struct{}) {
	for {
		select {
		case <-ended:
			return
		case <-time.After(30 * time.Second):
			_ = press(ctx, q.button())
		}
	}
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
	if _, err := command(ctx, "qemu-img", "convert", "-U", "-O", "raw", q.root, raw); err != nil {
		return err
	}
	root := filepath.Join(q.dir, "read")
	if err := os.MkdirAll(filepath.Join(root, "var"), 0o755); err != nil {
		return err
	}
	_, err := command(ctx, "debugfs", "-c", "-R", "rdump /var/log "+filepath.Join(root, "var"), raw)
	return errors.Join(err, collect(ctx, root, dir), os.RemoveAll(raw), os.RemoveAll(root))
}
