package hardware

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

	"github.com/kubespore/kubespore/test/boot/documents"
	"github.com/kubespore/kubespore/test/boot/lab"
	"github.com/kubespore/kubespore/test/boot/network"
	"github.com/kubespore/kubespore/test/boot/osfile"
	"github.com/kubespore/kubespore/test/boot/process"
)

// QEMU is a machine of the machine lane: a processor that is emulated, a kernel
// and an initramfs, disks, a port on the switch, and a serial line that is the
// console. It starts with the document and the payload on media, and no one
// logs in.
type QEMU struct {
	Run     *lab.Run
	host    documents.Host
	number  int
	Dir     string
	process *process.Process
	booted  bool // its first boot is over, as a boot loader would know
	board
}

// board is how the machine is built, as far as that depends on how its document
// comes.
type board struct {
	Root           string            // the disk with its system
	Kernel, Initrd string            // that QEMU loads; "" leaves it to the firmware
	Volumes        map[string]string // read-only ones, by their names for QEMU
	more           []string          // arguments of QEMU
}

func (q *QEMU) On() bool { return q.process != nil }

func (q *QEMU) Disk(name string) string { return filepath.Join(q.Dir, name+".qcow2") }

func (q *QEMU) button() string { return filepath.Join(q.Dir, "qmp") }

// Assemble gives the machine a disk that begins as the base image, empty disks
// where the document wants some, and the medium with its document.
func (q *QEMU) Assemble(ctx context.Context) error {
	if err := os.MkdirAll(q.Dir, 0o755); err != nil {
		return err
	}
	q.booted = false
	base := q.Run.Base()
	q.board = board{Root: q.Disk("root"), Kernel: base.Kernel, Initrd: base.Initrd, Volumes: map[string]string{}}
	if q.Run.Payload == lab.OnVolume {
		q.Volumes["payload"] = q.Run.Volume()
	}
	image := base.Disk
	if q.Run.Bakes() {
		image = q.Run.Golden()
	}
	if _, err := process.Run(ctx, "qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", image, q.Disk("root")); err != nil {
		return err
	}
	for _, name := range q.host.Disks {
		if _, err := process.Run(ctx, "qemu-img", "create", "-q", "-f", "qcow2", q.Disk(name), "8G"); err != nil {
			return err
		}
	}
	if q.firmware() == lab.UEFI {
		if err := q.giveUEFI(); err != nil {
			return err
		}
	}
	return q.deliver(ctx)
}

func (q *QEMU) firmware() string { return q.Run.Firmware[q.host.Name] }

// giveUEFI puts firmware for UEFI in SeaBIOS's place, with memory of its own for
// settings.
func (q *QEMU) giveUEFI() error {
	const code, settings = "/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"
	own := filepath.Join(q.Dir, "settings.fd")
	q.more = append(q.more, "-drive", "if=pflash,unit=0,format=raw,readonly=on,file="+code, "-drive", "if=pflash,unit=1,format=raw,file="+own)
	return osfile.Copy(settings, own)
}

func (q *QEMU) Start(ctx context.Context, console string) error {
	lan := q.Run.Lab.Lan
	if err := lan.PlugInTap(ctx, q.number); err != nil {
		return err
	}
	// An initramfs with Ignition applies the document as often as the boot loader
	// says that this is a first boot.
	if text, err := os.ReadFile(console); err == nil && strings.Contains(string(text), lab.FirstBootDone) {
		q.booted = true
	}
	if err := os.RemoveAll(q.button()); err != nil {
		return err
	}
	var err error
	q.process, err = process.Launch(q.Run.Lab.Name, q.host.Name, filepath.Join(q.Dir, "qemu.log"), lan.From(q.command(console)...)...)
	return err
}

// processor is one without AVX: programs that find its instructions use them for
// sums and copies, and emulated they are ten times slower than what they replace.
const processor = "Westmere"

// command is how the machine is built.
func (q *QEMU) command(console string) []string {
	memory, processors := "2048", "1"
	if q.host.ControlPlane {
		memory, processors = "3072", "2"
	}
	args := []string{"qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none",
		"-accel", "tcg,thread=multi,tb-size=2047", "-cpu", processor, "-smp", processors, "-m", memory,
		"-chardev", "file,id=console,append=on,path=" + console, "-serial", "chardev:console",
		"-qmp", "unix:" + q.button() + ",server=on,wait=off",
		"-device", "virtio-rng-pci",
		"-netdev", "tap,id=lan,script=no,downscript=no,ifname=" + network.Tap(q.number),
	}
	port, system := "virtio-net-pci,netdev=lan,mac="+q.hardwareAddress(), ""
	switch {
	case q.Kernel != "":
		args = append(args, "-kernel", q.Kernel, "-initrd", q.Initrd, "-append", q.kernelArguments())
	case deliveryTo(q.Run.Scenario, q.host.Name).serve == nil:
		system = ",bootindex=1"
	case q.firmware() == lab.UEFI:
		port += ",bootindex=1,romfile=" // its own driver, not the iPXE that QEMU's card brings
	default:
		port += ",bootindex=1"
	}
	if q.Kernel == "" {
		args = append(args, "-machine", "graphics=off") // what firmware and iPXE say goes to the console too
	}
	args = append(args, "-device", port)
	if q.Run.Clock != "" {
		args = append(args, "-rtc", "base="+q.Run.Clock)
	}
	disks := map[string]string{"root": q.Root}
	for _, name := range q.host.Disks {
		disks[name] = q.Disk(name)
	}
	for _, name := range slices.Sorted(maps.Keys(disks)) {
		device := "virtio-blk-pci,drive=" + name + ",serial=" + name
		if name == "root" {
			device += system
		}
		args = append(args, "-drive", "if=none,format=qcow2,cache=unsafe,discard=unmap,id="+name+",file="+disks[name], "-device", device)
	}
	for _, name := range slices.Sorted(maps.Keys(q.Volumes)) {
		args = append(args, "-drive", "if=none,format=raw,readonly=on,id="+name+",file="+q.Volumes[name], "-device", "virtio-blk-pci,drive="+name)
	}
	return append(args, q.more...)
}

// systemArguments are the kernel's, besides those for Ignition.
func (q *QEMU) systemArguments() string {
	args := strings.TrimSpace(lab.KernelArguments + " " + q.Run.Kernel)
	if q.Run.Format == documents.Ignition {
		args += " rd.shell=0 rd.emergency=poweroff"
	}
	return args
}

func (q *QEMU) kernelArguments() string {
	args := q.systemArguments()
	if q.Run.Format == documents.Ignition {
		args += " ignition.platform.id=" + deliveryTo(q.Run.Scenario, q.host.Name).platform
		if !q.booted {
			args += " ignition.firstboot"
		}
	}
	return args
}

// hardwareAddress is the one that the document looks for, if it does.
func (q *QEMU) hardwareAddress() string {
	if q.host.Hardware != "" {
		return q.host.Hardware
	}
	return fmt.Sprintf("52:54:00:00:%02x:%02x", q.number/256, q.number%256)
}

func (q *QEMU) Cut() error {
	if !q.On() {
		return nil
	}
	err := q.process.Kill()
	q.process = nil
	return err
}

func (q *QEMU) ShutDown(ctx context.Context) error {
	if !q.On() {
		return nil
	}
	if err := press(ctx, q.button()); err != nil {
		return err
	}
	ended := make(chan struct{})
	go q.pressAgain(ctx, ended)
	err := q.process.Await(ctx, 5*time.Minute)
	close(ended)
	q.process = nil
	return err
}

// pressAgain presses the power button again and again, since a system that is not yet
// that far in its boot does not listen to it.
func (q *QEMU) pressAgain(ctx context.Context, ended <-chan struct{}) {
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

func (q *QEMU) Discard() error { return os.RemoveAll(q.Dir) }

// Journals reads the disk from outside, whether the machine is on or not.
func (q *QEMU) Journals(ctx context.Context, dir string) error {
	raw := filepath.Join(q.Dir, "root.raw")
	if _, err := process.Run(ctx, "qemu-img", "convert", "-U", "-O", "raw", q.Root, raw); err != nil {
		return err
	}
	root := filepath.Join(q.Dir, "read")
	if err := os.MkdirAll(filepath.Join(root, "var"), 0o755); err != nil {
		return err
	}
	_, err := process.Run(ctx, "debugfs", "-c", "-R", "rdump /var/log "+filepath.Join(root, "var"), raw)
	return errors.Join(err, collect(ctx, root, dir), os.RemoveAll(raw), os.RemoveAll(root))
}
