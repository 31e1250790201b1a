package security

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/kubespore/kubespore/test/boot/hardware"
	"github.com/kubespore/kubespore/test/boot/imaging"
	"github.com/kubespore/kubespore/test/boot/lab"
	"github.com/kubespore/kubespore/test/boot/network"
	"github.com/kubespore/kubespore/test/boot/osfile"
	"github.com/kubespore/kubespore/test/boot/process"
	"github.com/kubespore/kubespore/test/boot/steps/payload"
)

// Supply puts parts that the scenario's machines lack where a package would put them:
// into a container that runs, or onto the disk of a machine that is off.
func Supply(ctx context.Context, r *lab.Run, words []string) (string, error) {
	return r.Each(ctx, words[:1], func(m *lab.Machine) error {
		switch h := m.Hardware.(type) {
		case *hardware.Container:
			for _, part := range words[1:] {
				at, err := imaging.PartIn(r.Debian(), part)
				if err != nil {
					return err
				}
				if err := osfile.Install(filepath.Join(r.Debian(), at), filepath.Join(h.Root(), at)); err != nil {
					return err
				}
			}
			return nil
		case *hardware.QEMU:
			return bring(ctx, h, words[1:])
		}
		return fmt.Errorf("nothing can be brought to %s", m.Name)
	})
}

// onDisk copies files into the file system of a disk. What is mounted goes with the
// namespace.
const onDisk = `
mkdir -p "$2"
mount -o loop "$1" "$2"
cp -R --no-target-directory "$3" "$2"
umount "$2"
`

// bring puts parts onto the machine's disk, as an administrator with a rescue system
// would.
func bring(ctx context.Context, q *hardware.QEMU, parts []string) error {
	if q.On() {
		return errors.New("the disk of a machine that is on cannot be written from outside")
	}
	raw, files := filepath.Join(q.Dir, "rescue.raw"), filepath.Join(q.Dir, "brought")
	if err := imaging.CopyParts(q.Run.Base().Lacking, files, parts); err != nil {
		return err
	}
	for _, step := range [][]string{
		{"qemu-img", "convert", "-O", "raw", q.Root, raw},
		{"unshare", "--mount", "--propagation=private", "bash", "-euc", onDisk, "bring", raw, filepath.Join(q.Dir, "rescue"), files},
		{"qemu-img", "convert", "-O", "qcow2", raw, q.Root},
		{"rm", "-r", raw, files},
	} {
		if _, err := process.Run(ctx, step[0], step[1:]...); err != nil {
			return err
		}
	}
	return nil
}

// clusterPrograms are what makes a machine a part of a cluster.
var clusterPrograms = []string{"containerd", "dockerd", "crio", "kubelet", "etcd", "kube-apiserver", "kube-proxy", "flanneld", "keepalived"}

// StaysClosed looks for some seconds that nothing of a cluster runs on a machine, as far
// as that can be seen, and that no TCP port of it is open but that of ssh.
func StaysClosed(ctx context.Context, r *lab.Run, words []string) (string, error) {
	var sources []netip.Addr
	for _, p := range network.LabAddresses(r.Hosts) {
		sources = append(sources, p.Addr())
	}
	return r.Each(ctx, words, func(m *lab.Machine) error {
		for end := time.Now().Add(10 * time.Second); time.Now().Before(end); {
			if err := shut(r, m, sources); err != nil {
				return err
			}
			if err := process.Pause(ctx, time.Second); err != nil {
				return err
			}
		}
		return nil
	})
}

func shut(r *lab.Run, m *lab.Machine, sources []netip.Addr) error {
	if inside, err := hardware.Inside(m); err == nil {
		for _, program := range payload.Programs(inside) {
			if slices.Contains(clusterPrograms, program) {
				return fmt.Errorf("%s runs", program)
			}
		}
	}
	heard := false
	for _, to := range addressesOf(m) {
		at := slices.IndexFunc(sources, func(a netip.Addr) bool { return a.Is4() == to.Is4() })
		if at < 0 {
			continue
		}
		var got *network.Outcome
		err := network.Within(r.Lab.Lan.Path(), func() (err error) {
			got, err = network.ScanTCP(sources[at], to, &network.PortSet{})
			return err
		})
		if err != nil {
			return err
		}
		var open []string
		for port := 1; port < 1<<16; port++ {
			heard = heard || got.Answered(port)
			if got.Open[port] && port != 22 {
				open = append(open, fmt.Sprint(port))
			}
		}
		if len(open) > 0 {
			return fmt.Errorf("TCP ports %s of %s are open", strings.Join(few(open), ", "), to)
		}
	}
	// Without its table the kernel refuses calls itself: silence is a machine that is
	// not on the network.
	if !heard {
		return errors.New("no port of the machine answers, so it may not be on the network yet")
	}
	return nil
}
