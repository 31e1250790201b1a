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

// programIn finds where a root has a program, in the folders of the packages.
func programIn(root, program string) (string, error) {
	for _, folder := range []string{"usr/sbin", "usr/bin"} {
		at := filepath.Join(folder, program)
		if exists(filepath.Join(root, at)) {
			return at, nil
		}
	}
	return "", fmt.Errorf("the base image has no %s", program)
}

// remove takes programs out of a root that were found in an image.
func remove(root, image string, programs []string) error {
	for _, program := range programs {
		at, err := programIn(image, program)
		if err != nil {
			return err
		}
		if err := os.Remove(filepath.Join(root, at)); err != nil {
			return err
		}
	}
	return nil
}

// bring puts programs that the scenario's machines lack into one that runs, where
// a package would put them.
func bring(ctx context.Context, r *run, words []string) (string, error) {
	return r.each(ctx, words[:1], func(m *machine) error {
		inside, err := m.inside()
		if err != nil {
			return err
		}
		for _, program := range words[1:] {
			from := r.lab.debian
			at, err := programIn(from, program)
			if err != nil {
				return err
			}
			if err := install(filepath.Join(from, at), filepath.Join(inside.root(), at)); err != nil {
				return err
			}
		}
		return nil
	})
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
