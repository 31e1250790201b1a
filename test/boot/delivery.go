package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// delivery is a way of a document to a machine of the machine lane: the medium
// that kubespore makes of it, and how that is plugged in.
type delivery struct {
	formats  []string                                          // that it carries
	medium   func(q *qemu) []string                            // arguments of kubespore media; nil where the document itself is handed over
	forAll   bool                                              // one medium serves all hosts
	platform string                                            // where the kernel's arguments tell Ignition that it is
	plug     func(ctx context.Context, q *qemu) error          // changes the board
	serve    func(ctx context.Context, r *run) (string, error) // for what comes over the network: serves the medium, and says from where iPXE goes on
}

// deliveries are all there are, by the names that scenarios give them.
func deliveries() map[string]delivery {
	both := []string{ignition, cloudInit}
	return map[string]delivery{
		"seed":         {formats: both[1:], medium: words("iso"), plug: volume("%s.iso")},
		"fw-cfg":       {formats: both[:1], platform: "qemu", plug: firmwareDevice},
		"config-drive": {formats: both, medium: words("config-drive"), platform: "nutanix", plug: volume("%s.config-2.iso")},
		"initrd":       {formats: both[:1], medium: words("initrd"), platform: "metal", plug: secondInitrd("%s.initrd")},
		"stick":        {formats: both, medium: sealedStick, forAll: true, platform: "metal", plug: stickAndKey},
		"disk":         {formats: both[1:], medium: intoImage, plug: ownDisk},
		"pxe":          {formats: both, medium: fromNetwork("pxe"), plug: noKernel, serve: servePXE},
		"pxe-https":    {formats: both[:1], medium: fromNetwork("pxe-https"), plug: noKernel, serve: servePXEByHTTPS},
		"matchbox":     {formats: both[:1], medium: fromNetwork("matchbox"), plug: noKernel, serve: serveMatchbox},
	}
}

// usual is how a document comes where the scenario does not say.
var usual = map[string]string{cloudInit: "seed", ignition: "fw-cfg"}

// deliveryTo says how the document of a host comes.
func (s scenario) deliveryTo(host string) delivery {
	name, ok := s.Deliver[host]
	if !ok {
		name = usual[s.Format]
	}
	return deliveries()[name]
}

// checkDelivery refuses ways that are not there, or not for the format.
func (s scenario) checkDelivery() error {
	if s.Lane != machineLane && len(s.Deliver) > 0 {
		return errors.New("only machines proper have media")
	}
	for host, name := range s.Deliver {
		way, ok := deliveries()[name]
		if !ok {
			return fmt.Errorf("%s: there is no way %s: %s", host, name, strings.Join(slices.Sorted(maps.Keys(deliveries())), ", "))
		}
		if !slices.Contains(way.formats, s.Format) {
			return fmt.Errorf("%s: %s carries no document for %s", host, name, s.Format)
		}
	}
	for host, name := range s.Firmware {
		if name != bios && name != uefi {
			return fmt.Errorf("%s: there is no firmware %s: %s and %s are those there are", host, name, bios, uefi)
		}
		if way := s.Deliver[host]; way != "disk" && s.deliveryTo(host).serve == nil {
			return fmt.Errorf("%s: QEMU itself loads the kernel of a machine whose document comes by %q", host, way)
		}
	}
	return nil
}

// comesBy says whether a document of the scenario comes that way.
func (s scenario) comesBy(way string) bool {
	return slices.Contains(slices.Collect(maps.Values(s.Deliver)), way)
}

// deliveryPrograms are those of test/tools that a way takes.
var deliveryPrograms = map[string]string{"stick": "age", "matchbox": "matchbox"}

// otherPrograms are what the scenario takes of test/tools besides programs of its
// machines: what deliveries need, and steps.
func (s scenario) otherPrograms() []string {
	var programs []string
	for _, name := range slices.Sorted(maps.Values(s.Deliver)) {
		if program, ok := deliveryPrograms[name]; ok {
			programs = append(programs, program)
		}
	}
	if s.takes("kube-bench") {
		programs = append(programs, "kube-bench")
	}
	if s.Lane == machineLane && s.Format == ignition {
		programs = append(programs, s.ignition())
	}
	return slices.Compact(programs)
}

// media is the folder that kubespore media writes to.
func (r *run) media() string { return filepath.Join(r.dir, "media") }

// deliver makes the medium of a machine and plugs it in.
func (q *qemu) deliver(ctx context.Context) error {
	way := q.run.deliveryTo(q.host.Name)
	if err := q.makeMedium(ctx, way); err != nil {
		return err
	}
	return way.plug(ctx, q)
}

func (q *qemu) makeMedium(ctx context.Context, way delivery) error {
	if way.medium == nil || way.forAll && q.run.hasMedia || q.run.Page != "" {
		return nil
	}
	args := append([]string{"media"}, way.medium(q)...)
	args = append(args, "--quiet", "--output", q.run.media(), "--build", filepath.Join(q.run.dir, "out"))
	if !way.forAll {
		args = append(args, "--host", q.host.Name)
	}
	_, err := command(ctx, q.run.lab.tools["kubespore"], append(args, q.run.adapted())...)
	q.run.hasMedia = err == nil
	return err
}

func words(w ...string) func(*qemu) []string { return func(*qemu) []string { return w } }

// volume plugs in a read-only volume.
func volume(name string) func(context.Context, *qemu) error {
	return func(_ context.Context, q *qemu) error {
		q.volumes["document"] = q.medium(name)
		return nil
	}
}

// medium is what kubespore media made under a name, in which %s is the host.
func (q *qemu) medium(name string) string {
	return filepath.Join(q.run.media(), strings.ReplaceAll(name, "%s", q.host.Name))
}

// firmwareDevice hands the document over as QEMU does it for Fedora CoreOS.
func firmwareDevice(_ context.Context, q *qemu) error {
	q.more = append(q.more, "-fw_cfg", "name=opt/com.coreos/config,file="+q.run.document(q.host.Name))
	return nil
}

// secondInitrd does what a boot loader does with a second initrd: the kernel
// finds it behind the first, where a multiple of four bytes begins.
func secondInitrd(name string) func(context.Context, *qemu) error {
	return func(_ context.Context, q *qemu) error {
		first, err := os.ReadFile(q.initrd)
		if err != nil {
			return err
		}
		second, err := os.ReadFile(q.medium(name))
		if err != nil {
			return err
		}
		both := append(append(first, make([]byte, -len(first)&3)...), second...)
		q.initrd = filepath.Join(q.dir, "initrd")
		return os.WriteFile(q.initrd, both, 0o600)
	}
}

// sealedStick is made once, with all hosts on it.
func sealedStick(q *qemu) []string {
	return []string{"stick", "--pki", q.run.store(), "--age", q.run.lab.tools["age"]}
}

// stickAndKey plugs in what is the same for all machines, and the machine's own
// key.
func stickAndKey(ctx context.Context, q *qemu) error {
	q.putInKey(q.host.Name)
	if q.run.Format == ignition {
		return secondInitrd("stick.initrd")(ctx, q)
	}
	return volume("stick.iso")(ctx, q)
}

// putInKey plugs in the key to a host's part of a sealed stick.
func (q *qemu) putInKey(host string) {
	q.volumes["key"] = filepath.Join(q.run.media(), "keys", host+".iso")
}

// turnKey has a machine that is off find the key of a host, its own or another's,
// when it is powered on.
func turnKey(ctx context.Context, r *run, words []string) (string, error) {
	return r.each(ctx, words[:1], func(m *machine) error {
		q, ok := m.hardware.(*qemu)
		if !ok || q.volumes["key"] == "" {
			return errors.New("it has no sealed stick")
		}
		q.putInKey(words[1])
		return nil
	})
}

// intoImage has the document put into the lab's Debian, partitioned as cloud
// images are.
func intoImage(q *qemu) []string { return []string{"disk", "--image", q.run.lab.cloudImage} }

// ownDisk makes the image with the document in it the disk of the machine, which
// its firmware boots from where the machine has one.
func ownDisk(ctx context.Context, q *qemu) error {
	q.root = filepath.Join(q.run.media(), q.host.Name+".qcow2")
	if q.firmware() != "" {
		return noKernel(ctx, q)
	}
	return nil
}
