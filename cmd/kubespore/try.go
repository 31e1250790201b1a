package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/kubespore/kubespore/pkg/compile"
	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/input"
	"github.com/kubespore/kubespore/pkg/media"
	"github.com/kubespore/kubespore/pkg/rehearse"
	"github.com/kubespore/kubespore/pkg/topology"
)

// tryCommand is the row of the command table for dress rehearsals.
func tryCommand() command {
	return command{
		name: "try", group: mediaGroup, args: "TOPOLOGY", min: 1, max: 1, run: runTry,
		summary: "power the machines on as virtual machines here, with QEMU",
		detail: `A dress rehearsal: each machine of the last build starts from --image, with its
document and the payload, on a network that has no way out. What the consoles say is
printed with the machine's name before each line. Once the machines are Nodes that
are ready, it prints the kubeconfig by which you reach them, from this machine alone.
Ctrl-C ends the machines, and nothing is left: image and payload are only read.
Without --image it says which image to download, and what it must have. --kernel
boots that kernel in place of the image's own boot loader.`,
		examples: []string{
			"kubespore try prod.yaml", "kubespore try --image debian-12-generic-amd64.qcow2 --memory 4G prod.yaml",
			"kubespore try --image fedora-coreos-qemu.x86_64.qcow2 --host cp1 --memory 4G prod.yaml",
			`kubespore try --image root.raw --kernel vmlinuz --initrd initrd.img --append "root=LABEL=root console=ttyS0" prod.yaml`,
		},
		flags: append([]string{"build", "image", "payload", "host", "memory", "cpus", "disk-size", "kernel", "initrd", "append", "emulate"}, loading...),
	}
}

func runTry(c *call) int {
	if c.options.image == "" {
		return whichImage(c)
	}
	o, err := rehearsalOf(&c.options)
	if err != nil {
		return c.answer.misused(err)
	}
	now, err := c.now()
	if err != nil {
		return c.answer.misused(err)
	}
	var list diag.List
	o.Programs, list = rehearse.Find(exec.LookPath)
	built, more := openBuilt(c, now)
	list.Append(more)
	list.Append(openRehearsed(&c.options, &o))
	if list.HasErrors() {
		return c.answer.finish(list, nil, nil)
	}
	hosts, more := built.Hosts(c.options.hosts)
	list.Append(more)
	machines, more := rehearsed(built, hosts)
	list.Append(more)
	if list.HasErrors() || c.options.strict && len(list) > 0 {
		return c.answer.finish(list, nil, nil)
	}
	c.answer.diagnostics(list)
	return c.answer.finish(powerOn(c, built, hosts, machines, o, now), nil, nil)
}

// rehearsalOf reads the flags.
func rehearsalOf(given *options) (o rehearse.Options, err error) {
	o = rehearse.Options{Kernel: given.kernel, Initrd: given.initrd, Append: given.append}
	if o.Kernel == "" && o.Initrd+o.Append != "" {
		return o, &usageError{message: "--initrd and --append are for the kernel that --kernel names", hint: "add --kernel FILE, or leave them out: the image has a boot loader"}
	}
	if o.Memory, err = sizeOf("memory", given.memory); err != nil {
		return o, err
	}
	if o.Disk, err = sizeOf("disk-size", given.diskSize); err != nil {
		return o, err
	}
	if o.Disk == 0 {
		o.Disk = 20 << 30
	}
	if o.Processors, err = strconv.Atoi(given.cpus); err != nil || o.Processors < 1 {
		return o, &usageError{message: "--cpus " + given.cpus + " is not a number of processors", hint: "write --cpus 2"}
	}
	o.KVM = !given.emulate && hasKVM()
	return o, nil
}

// hasKVM says whether the user may use the processor's own virtual machines.
func hasKVM() bool {
	f, err := os.OpenFile("/dev/kvm", os.O_RDWR, 0)
	return err == nil && f.Close() == nil
}

// openRehearsed looks at the files that the flags name.
func openRehearsed(given *options, o *rehearse.Options) diag.List {
	var list diag.List
	var err error
	var unfit *diag.Failure
	if o.Image, err = rehearse.OpenImage(given.image, o.Kernel == ""); errors.As(err, &unfit) {
		list.AddError("", err)
	} else if err != nil {
		list.Append(cannotRead("--image "+given.image, err))
	}
	for _, file := range []struct{ flag, name string }{{"--kernel", o.Kernel}, {"--initrd", o.Initrd}, {"--payload", given.payload}} {
		if file.name == "" || isFolder(file.name) {
			continue
		}
		f, err := input.Open(file.name)
		if err != nil {
			list.Append(cannotRead(file.flag+" "+file.name, err))
			continue
		}
		_ = f.Close() // it was only opened to be read
	}
	return list
}

// rehearsed describes the virtual machines of hosts, but for their documents.
func rehearsed(built *compile.Built, hosts []media.Host) ([]rehearse.Machine, diag.List) {
	var list diag.List
	if built.Project == nil {
		list.Errorf("Q004", diag.Position{File: built.Out}, "", "a build does not say which ports, disks and systems its machines have").
			WithHint("name the topology in place of the build's folder, and the folder with --build")
		return nil, list
	}
	t := built.Project.Topology
	var out []rehearse.Machine
	for _, h := range hosts {
		m := rehearse.Machine{Name: h.Name, Level: level(&h), Ports: h.MACs}
		if h.Arch != "amd64" {
			list.Errorf("Q005", h.Position, "", "%s is %s, and machines are rehearsed as amd64", h.Name, h.Arch).WithHint("choose others with --host")
		}
		if i := slices.IndexFunc(t.Hosts, func(o topology.Host) bool { return o.Name == h.Name }); i >= 0 {
			m.Disks = t.Hosts[i].Devices()
		}
		for _, device := range m.Foreign() {
			list.Warnf("Q006", h.Position, "", "%s has no disk %s here, and will wait for it", h.Name, device).
				WithHint("rehearse with a topology that says /dev/disk/by-id/virtio-NAME or /dev/vdb")
		}
		out = append(out, m)
	}
	return out, list
}

// level is what the machine's system demands of its processor.
func level(h *media.Host) string {
	if h.System == nil {
		return ""
	}
	return h.System.Boot.Processor
}

// powerOn runs the machines until the user ends it. What they write is gone
// afterwards.
func powerOn(c *call, built *compile.Built, hosts []media.Host, machines []rehearse.Machine, o rehearse.Options, now time.Time) (list diag.List) {
	c.tidying.Add(1) // the folder holds keys
	defer c.tidying.Done()
	dir, err := os.MkdirTemp("", "kubespore-try-")
	if err != nil {
		list.Append(cannotRead("a temporary folder", err))
		return list
	}
	defer func() { list.AddError("Q003", os.RemoveAll(dir)) }()
	o.Dir = dir
	for i := range hosts {
		list.Append(handOver(c.ctx, &hosts[i], &machines[i], dir))
	}
	var more diag.List
	o.Payload, more = payloadVolume(c.options.payload, built.Project, dir, now)
	list.Append(more)
	if list.HasErrors() {
		return list
	}
	how := "by the processor"
	if !o.KVM {
		how = "emulated, ten times slower than with KVM"
	}
	if !c.options.quiet {
		fmt.Fprintf(c.stderr, "%s, each with %s and %d MiB, %s; ctrl-C ends them\n", diag.Counted(len(machines), "machine"), diag.Counted(o.Processors, "processor"), o.Memory>>20, how)
	}
	watching, stop := context.WithCancel(c.ctx)
	watched := watchCluster(c, watching, built, machines, dir)
	list.AddError("Q003", rehearse.Run(c.ctx, machines, o, c.stdout))
	stop()
	<-watched
	return list
}

// handOver puts the document of a host where its machine will find it.
func handOver(ctx context.Context, h *media.Host, m *rehearse.Machine, dir string) (list diag.List) {
	if h.Format != "ignition" {
		_, list = media.Write(ctx, media.Seed(), []media.Host{*h}, media.Options{Dir: filepath.Join(dir, "seeds")})
		m.Volume = filepath.Join(dir, "seeds", h.Name+".iso")
		return list
	}
	document, err := h.Read("config.ign")
	if err == nil {
		m.FirmwareName, m.FirmwareFile = h.Firmware(), filepath.Join(dir, h.Name+".ign")
		err = os.WriteFile(m.FirmwareFile, document, 0o600)
	}
	list.AddError("Q003", err)
	return list
}
