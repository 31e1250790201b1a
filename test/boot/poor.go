package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// partIn finds where a root has a part: a program in the folders of packages, or a
// module of its kernel, which is called NAME.ko and may be compressed.
func partIn(root, name string) (string, error) {
	patterns := []string{"usr/sbin/" + name, "usr/bin/" + name}
	if strings.HasSuffix(name, ".ko") {
		patterns = nil
		for depth := range 8 {
			patterns = append(patterns, "usr/lib/modules/*/kernel/"+strings.Repeat("*/", depth)+name+"*")
		}
	}
	for _, pattern := range patterns {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			return "", err
		}
		if len(found) == 1 {
			return filepath.Rel(root, found[0])
		}
	}
	return "", fmt.Errorf("the base image has no %s", name)
}

// remove takes parts out of a root that were found in an image.
func remove(root, image string, parts []string) error {
	for _, part := range parts {
		at, err := partIn(image, part)
		if err != nil {
			return err
		}
		if err := os.Remove(filepath.Join(root, at)); err != nil {
			return err
		}
	}
	return nil
}

// copyParts copies parts of a root to where bring finds them.
func copyParts(root, folder string, parts []string) error {
	for _, part := range parts {
		at, err := partIn(root, part)
		if err != nil {
			return err
		}
		if err := install(filepath.Join(root, at), filepath.Join(folder, at)); err != nil {
			return err
		}
	}
	return nil
}

// bring puts parts that the scenario's machines lack where a package would put them:
// into a container that runs, or onto the disk of a machine that is off.
func bring(ctx context.Context, r *run, words []string) (string, error) {
	return r.each(ctx, words[:1], func(m *machine) error {
		switch h := m.hardware.(type) {
		case *container:
			for _, part := range words[1:] {
				at, err := partIn(r.debian(), part)
				if err != nil {
					return err
				}
				if err := install(filepath.Join(r.debian(), at), filepath.Join(h.root(), at)); err != nil {
					return err
				}
			}
			return nil
		case *qemu:
			return h.bring(ctx, words[1:])
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
func (q *qemu) bring(ctx context.Context, parts []string) error {
	if q.on() {
		return errors.New("the disk of a machine that is on cannot be written from outside")
	}
	raw, files := filepath.Join(q.dir, "rescue.raw"), filepath.Join(q.dir, "brought")
	if err := copyParts(q.run.base().lacking, files, parts); err != nil {
		return err
	}
	for _, step := range [][]string{
		{"qemu-img", "convert", "-O", "raw", q.root, raw},
		{"unshare", "--mount", "--propagation=private", "bash", "-euc", onDisk, "bring", raw, filepath.Join(q.dir, "rescue"), files},
		{"qemu-img", "convert", "-O", "qcow2", raw, q.root},
		{"rm", "-r", raw, files},
	} {
		if _, err := command(ctx, step[0], step[1:]...); err != nil {
			return err
		}
	}
	return nil
}

// clusterPrograms are what makes a machine a part of a cluster.
var clusterPrograms = []string{"containerd", "dockerd", "kubelet", "etcd", "kube-apiserver", "kube-proxy", "flanneld", "keepalived"}

// stayShut looks for some seconds that nothing of a cluster runs on a machine, as far
// as that can be seen, and that no TCP port of it is open but that of ssh.
func stayShut(ctx context.Context, r *run, words []string) (string, error) {
	var sources []netip.Addr
	for _, p := range labAddresses(r.hosts) {
		sources = append(sources, p.Addr())
	}
	return r.each(ctx, words, func(m *machine) error {
		for end := time.Now().Add(10 * time.Second); time.Now().Before(end); {
			if err := r.shut(m, sources); err != nil {
				return err
			}
			if err := pause(ctx, time.Second); err != nil {
				return err
			}
		}
		return nil
	})
}

func (r *run) shut(m *machine, sources []netip.Addr) error {
	if inside, err := m.inside(); err == nil {
		for _, program := range inside.programs() {
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
		var got *outcome
		err := within(r.lab.lan.path(), func() (err error) {
			got, err = scanTCP(sources[at], to, &portSet{})
			return err
		})
		if err != nil {
			return err
		}
		var open []string
		for port := 1; port < 1<<16; port++ {
			heard = heard || got.answered(port)
			if got.open[port] && port != 22 {
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
