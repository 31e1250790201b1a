package hardware

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kubespore/kubespore/test/boot/documents"
	"github.com/kubespore/kubespore/test/boot/lab"
	"github.com/kubespore/kubespore/test/boot/process"
)

// delivery is a way of a document to a machine of the machine lane: the medium
// that kubespore makes of it, and how that is plugged in.
type delivery struct {
	formats  []string                                              // that it carries
	medium   func(q *QEMU) []string                                // arguments of kubespore media; nil where the document itself is handed over
	forAll   bool                                                  // one medium serves all hosts
	platform string                                                // where the kernel's arguments tell Ignition that it is
	plug     func(ctx context.Context, q *QEMU) error              // changes the board
	serve    func(ctx context.Context, r *lab.Run) (string, error) // for what comes over the network: serves the medium, and says from where iPXE goes on
}

// deliveries are all there are, by the names that scenarios give them.
func deliveries() map[string]delivery {
	both := []string{documents.Ignition, documents.CloudInit}
	return map[string]delivery{
		"seed":         {formats: both[1:], medium: options("iso"), plug: volume("%s.iso")},
		"fw-cfg":       {formats: both[:1], platform: "qemu", plug: firmwareDevice},
		"config-drive": {formats: both, medium: options("config-drive"), platform: "nutanix", plug: volume("%s.config-2.iso")},
		"initrd":       {formats: both[:1], medium: options("initrd"), platform: "metal", plug: secondInitrd("%s.initrd")},
		"stick":        {formats: both, medium: sealedStick, forAll: true, platform: "metal", plug: stickAndKey},
		"disk":         {formats: both[1:], medium: intoImage, plug: ownDisk},
		"pxe":          {formats: both, medium: fromNetwork("pxe"), plug: noKernel, serve: servePXE},
		"pxe-https":    {formats: both[:1], medium: fromNetwork("pxe-https"), plug: noKernel, serve: servePXEByHTTPS},
		"matchbox":     {formats: both[:1], medium: fromNetwork("matchbox"), plug: noKernel, serve: serveMatchbox},
	}
}

// usual is how a document comes where the scenario does not say.
var usual = map[string]string{documents.CloudInit: "seed", documents.Ignition: "fw-cfg"}

// deliveryTo says how the document of a host comes.
func deliveryTo(s lab.Scenario, host string) delivery {
	name, ok := s.Deliver[host]
	if !ok {
		name = usual[s.Format]
	}
	return deliveries()[name]
}

// CheckDelivery refuses ways that are not there, or not for the format.
func CheckDelivery(s lab.Scenario) error {
	if s.Lane != lab.MachineLane && len(s.Deliver) > 0 {
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
		if name != lab.BIOS && name != lab.UEFI {
			return fmt.Errorf("%s: there is no firmware %s: %s and %s are those there are", host, name, lab.BIOS, lab.UEFI)
		}
		if way := s.Deliver[host]; way != "disk" && deliveryTo(s, host).serve == nil {
			return fmt.Errorf("%s: QEMU itself loads the kernel of a machine whose document comes by %q", host, way)
		}
	}
	return nil
}

// deliver makes the medium of a machine and plugs it in.
func (q *QEMU) deliver(ctx context.Context) error {
	way := deliveryTo(q.Run.Scenario, q.host.Name)
	if err := q.makeMedium(ctx, way); err != nil {
		return err
	}
	return way.plug(ctx, q)
}

func (q *QEMU) makeMedium(ctx context.Context, way delivery) error {
	if way.medium == nil || way.forAll && q.Run.HasMedia || q.Run.Page != "" {
		return nil
	}
	args := append([]string{"media"}, way.medium(q)...)
	args = append(args, "--quiet", "--output", q.Run.Media(), "--build", filepath.Join(q.Run.Dir, "out"))
	if !way.forAll {
		args = append(args, "--host", q.host.Name)
	}
	_, err := process.Run(ctx, q.Run.Lab.Tools["kubespore"], append(args, q.Run.Adapted())...)
	q.Run.HasMedia = err == nil
	return err
}

func options(w ...string) func(*QEMU) []string { return func(*QEMU) []string { return w } }

// volume plugs in a read-only volume.
func volume(name string) func(context.Context, *QEMU) error {
	return func(_ context.Context, q *QEMU) error {
		q.Volumes["document"] = q.medium(name)
		return nil
	}
}

// medium is what kubespore media made under a name, in which %s is the host.
func (q *QEMU) medium(name string) string {
	return filepath.Join(q.Run.Media(), strings.ReplaceAll(name, "%s", q.host.Name))
}

// firmwareDevice hands the document over as QEMU does it for Fedora CoreOS.
func firmwareDevice(_ context.Context, q *QEMU) error {
	q.more = append(q.more, "-fw_cfg", "name=opt/com.coreos/config,file="+q.Run.Document(q.host.Name))
	return nil
}

// secondInitrd does what a boot loader does with a second initrd: the kernel
// finds it behind the first, where a multiple of four bytes begins.
func secondInitrd(name string) func(context.Context, *QEMU) error {
	return func(_ context.Context, q *QEMU) error {
		first, err := os.ReadFile(q.Initrd)
		if err != nil {
			return err
		}
		second, err := os.ReadFile(q.medium(name))
		if err != nil {
			return err
		}
		both := append(append(first, make([]byte, -len(first)&3)...), second...)
		q.Initrd = filepath.Join(q.Dir, "initrd")
		return os.WriteFile(q.Initrd, both, 0o600)
	}
}

// sealedStick is made once, with all hosts on it.
func sealedStick(q *QEMU) []string {
	return []string{"stick", "--pki", q.Run.Store(), "--age", q.Run.Lab.Tools["age"]}
}

// stickAndKey plugs in what is the same for all machines, and the machine's own
// key.
func stickAndKey(ctx context.Context, q *QEMU) error {
	q.PutInKey(q.host.Name)
	if q.Run.Format == documents.Ignition {
		return secondInitrd("stick.initrd")(ctx, q)
	}
	return volume("stick.iso")(ctx, q)
}

// PutInKey plugs in the key to a host's part of a sealed stick.
func (q *QEMU) PutInKey(host string) {
	q.Volumes["key"] = filepath.Join(q.Run.Media(), "keys", host+".iso")
}

// intoImage has the document put into the lab's Debian, partitioned as cloud
// images are.
func intoImage(q *QEMU) []string { return []string{"disk", "--image", q.Run.Base().CloudImage} }

// ownDisk makes the image with the document in it the disk of the machine, which
// its firmware boots from where the machine has one.
func ownDisk(ctx context.Context, q *QEMU) error {
	q.Root = filepath.Join(q.Run.Media(), q.host.Name+".qcow2")
	if q.firmware() != "" {
		return noKernel(ctx, q)
	}
	return nil
}
