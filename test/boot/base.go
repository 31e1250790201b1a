package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// packages is the base image: what a Debian image for Kubernetes would have
// besides the payload. Raise baseFormat when baseImage makes it differently.
var packages = []string{"systemd", "systemd-sysv", "systemd-timesyncd", "udev", "dbus", "iproute2", "nftables", "iptables", "ipset", "kmod", "procps", "conntrack", "ethtool", "socat", "util-linux", "ca-certificates", "curl", "login", "passwd", "sudo"}

const baseFormat = "2"

// baseImage makes what machines are made of: Debian and, to be laid over it, the
// programs of the bill of materials, as if baked in. Both are folders that
// machines share and never write to.
func (l *lab) baseImage(ctx context.Context, runs []*run) (string, error) {
	var err error
	l.debian, err = l.cached("debian", append([]string{baseFormat}, packages...), func(root string) error {
		if err := mmdebstrap(ctx, root, packages); err != nil {
			return err
		}
		return firstBoot(root)
	})
	if err != nil {
		return "", err
	}
	minors, err := minorsOf(runs)
	if err != nil {
		return "", err
	}
	l.programs = map[string]string{}
	for _, minor := range minors {
		if l.programs[minor], err = l.programsOf(ctx, minor); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("Debian with %d packages", len(packages)), nil
}

// programsOf lays out the programs for machines with a minor of Kubernetes.
func (l *lab) programsOf(ctx context.Context, minor string) (string, error) {
	at, err := l.programsAt(ctx, minor)
	if err != nil {
		return "", err
	}
	var sources []string
	for _, path := range slices.Sorted(maps.Keys(at)) {
		sources = append(sources, path, at[path])
	}
	return l.cached("programs", sources, func(root string) error {
		for path, program := range at {
			if err := install(program, filepath.Join(root, path)); err != nil {
				return err
			}
		}
		return nil
	})
}

// firstBoot makes a root one that has never been booted: no identity, nothing
// switched on, and nothing that waits for a key to be pressed.
func firstBoot(root string) error {
	for _, name := range []string{"etc/machine-id", "etc/hostname"} {
		if err := os.RemoveAll(filepath.Join(root, name)); err != nil {
			return err
		}
	}
	presets := filepath.Join(root, "etc/systemd/system-preset")
	if err := os.MkdirAll(presets, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(presets, "99-image.preset"), []byte("disable *\n"), 0o644); err != nil {
		return err
	}
	return os.Symlink("/dev/null", filepath.Join(root, "etc/systemd/system/systemd-firstboot.service"))
}

// mmdebstrap makes a root, or an archive of one, with the packages in it.
func mmdebstrap(ctx context.Context, target string, packages []string, options ...string) error {
	args := []string{"--quiet", "--variant=minbase"}
	for _, folder := range []string{"doc", "locale", "man"} {
		args = append(args, "--dpkgopt=path-exclude=/usr/share/"+folder+"/*")
	}
	for _, p := range packages {
		args = append(args, "--include="+p)
	}
	args = append(args, options...)
	_, err := command(ctx, "mmdebstrap", append(args, "bookworm", target)...)
	return err
}

// install copies a program.
func install(from, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, text, 0o755)
}
