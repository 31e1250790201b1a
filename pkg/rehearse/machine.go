package rehearse

import (
	"fmt"
	"hash/fnv"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// Machine is a machine to be.
type Machine struct {
	Name  string
	Level string   // of x86-64 that its system demands, as in x86-64-v3
	Ports []string // hardware addresses; one is made up where there is none
	Disks []string // device names of the disks that it has besides the one with its system
	// How its document comes: a read-only volume, or a file of QEMU's firmware
	// device by its name there.
	Volume                     string
	FirmwareName, FirmwareFile string
	Door                       *Door // nil for none; at most one machine has one
}

// Options say what all machines have in common.
type Options struct {
	Programs               Programs
	Image                  Image
	Kernel, Initrd, Append string // in place of what the image boots; "" for the image's own
	Payload                string // a read-only volume; "" for none
	Memory                 int64  // bytes
	Processors             int
	Disk                   int64  // bytes of the disk with the system, at least the image's
	KVM                    bool   // the processor runs them, not a program
	Dir                    string // for layers
}

// virtio finds the disks that can be had: by serial number, or by their order.
var virtio = regexp.MustCompile(`^/dev/(?:disk/by-id/virtio-([A-Za-z0-9_-]{1,20})|vd[b-z])$`)

// Foreign gives the disks of a machine that are on no bus that it has here.
func (m *Machine) Foreign() []string {
	var out []string
	for _, d := range m.Disks {
		if !virtio.MatchString(d) {
			out = append(out, d)
		}
	}
	return out
}

// layer is the file that a disk is written to.
func (o *Options) layer(m *Machine, number int) string {
	return filepath.Join(o.Dir, fmt.Sprintf("%s.%d.qcow2", m.Name, number))
}

// arguments are QEMU's for a machine, with a cable's option for each of its ports and
// that of the door's cable.
func (o *Options) arguments(m *Machine, cables []string, door string) []string {
	args := []string{
		"-name", m.Name, "-nodefaults", "-no-user-config", "-display", "none", "-machine", "graphics=off",
		"-m", strconv.FormatInt(o.Memory>>20, 10) + "M", "-smp", strconv.Itoa(o.Processors),
		"-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console", "-device", "virtio-rng-pci",
	}
	args = append(args, o.processor(m)...)
	if o.Kernel != "" {
		args = append(args, "-kernel", o.Kernel, "-append", o.Append)
		if o.Initrd != "" {
			args = append(args, "-initrd", o.Initrd)
		}
	}
	for i, mac := range m.ports() {
		id := fmt.Sprintf("net%d", i)
		args = append(args, "-netdev", cables[i]+",id="+id, "-device", fmt.Sprintf("virtio-net-pci,netdev=%s,mac=%s", id, mac))
	}
	if m.Door != nil {
		args = append(args, m.Door.arguments(door)...)
	}
	disk := func(file, device string) {
		id := fmt.Sprintf("disk%d", len(args))
		args = append(args, "-drive", "if=none,id="+id+","+file, "-device", "virtio-blk-pci,drive="+id+device)
	}
	disk("format=qcow2,cache=unsafe,file="+escaped(o.layer(m, 0)), ",bootindex=1") // 0 is that of --kernel
	for i, name := range m.Disks {
		if found := virtio.FindStringSubmatch(name); found != nil {
			serial := ""
			if found[1] != "" {
				serial = ",serial=" + found[1]
			}
			disk("format=qcow2,cache=unsafe,file="+escaped(o.layer(m, i+1)), serial)
		}
	}
	for _, volume := range []string{m.Volume, o.Payload} {
		if volume != "" {
			disk("format=raw,readonly=on,file="+escaped(volume), "")
		}
	}
	if m.FirmwareFile != "" {
		args = append(args, "-fw_cfg", "name="+m.FirmwareName+",file="+escaped(m.FirmwareFile))
	}
	return args
}

// processor chooses one. Emulated, instructions for vectors are ten times slower
// than what programs do without them; x86-64-v3 has them.
func (o *Options) processor(m *Machine) []string {
	switch {
	case o.KVM:
		return []string{"-accel", "kvm", "-cpu", "host"}
	case m.Level == "x86-64-v3":
		return []string{"-accel", "tcg,thread=multi", "-cpu", "max"}
	}
	return []string{"-accel", "tcg,thread=multi", "-cpu", "Westmere"}
}

// ports gives the hardware addresses. There is at least one.
func (m *Machine) ports() []string {
	if len(m.Ports) > 0 {
		return m.Ports
	}
	sum := fnv.New32a()
	_, _ = sum.Write([]byte(m.Name)) // never fails
	n := sum.Sum32()
	return []string{fmt.Sprintf("52:54:00:%02x:%02x:%02x", byte(n>>16), byte(n>>8), byte(n))}
}

// escaped is a file name in an option of QEMU's, where a comma ends a value.
func escaped(name string) string { return strings.ReplaceAll(name, ",", ",,") }
