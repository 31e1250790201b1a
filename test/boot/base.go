package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// packages is the base image: what a Debian image for Kubernetes would have
// besides the payload. Raise baseFormat when baseImage makes it differently.
var packages = []string{"systemd", "systemd-sysv", "systemd-timesyncd", "udev", "dbus", "iproute2", "nftables", "iptables", "ipset", "kmod", "procps", "conntrack", "ethtool", "socat", "util-linux", "ca-certificates", "curl", "login", "passwd", "sudo"}

const baseFormat = "2"

// The releases of Debian that machines are made of. What runs in containers on them
// is always of the first.
const debian12, debian13 = "bookworm", "trixie"

// together joins lists of packages. Debian takes one program that sets the clock.
func together(lists ...[]string) []string {
	all := slices.Concat(lists...)
	if slices.Contains(all, "chrony") {
		all = slices.DeleteFunc(all, func(p string) bool { return p == "systemd-timesyncd" })
	}
	return all
}

// debianName says which root the scenario's containers start from.
func (s scenario) debianName() string {
	return strings.Join(append([]string{s.Release}, s.Packages...), " ")
}

// debian is that root.
func (r *run) debian() string { return r.lab.debian[r.debianName()] }

// baseImage makes what machines are made of: Debian and, to be laid over it, the
// programs of the bill of materials, as if baked in. Both are folders that
// machines share and never write to.
func (l *lab) baseImage(ctx context.Context, runs []*run) (string, error) {
	l.debian = map[string]string{}
	for _, r := range runs {
		name, wanted := r.debianName(), together(packages, r.Packages)
		if l.debian[name] != "" || r.Lane != containerLane {
			continue
		}
		var err error
		l.debian[name], err = l.cached("debian", append([]string{baseFormat, r.Release}, wanted...), func(root string) error {
			if err := mmdebstrap(ctx, r.Release, root, wanted); err != nil {
				return err
			}
			return firstBoot(root)
		})
		if err != nil {
			return "", err
		}
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
	return fmt.Sprintf("%d roots of Debian", len(l.debian)), nil
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
	files := map[string]string{"99-image.preset": "disable *\n"}
	if exists(filepath.Join(root, "usr/sbin/NetworkManager")) {
		// One program sets up the network. systemd's own presets are number 90.
		files["80-network.preset"] = "disable systemd-networkd*\n"
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(presets, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return os.Symlink("/dev/null", filepath.Join(root, "etc/systemd/system/systemd-firstboot.service"))
}

// mmdebstrap makes a root of a release, or an archive of one, with the packages in it.
func mmdebstrap(ctx context.Context, release, target string, packages []string, options ...string) error {
	args := []string{"--quiet", "--variant=minbase"}
	for _, folder := range []string{"doc", "locale", "man"} {
		args = append(args, "--dpkgopt=path-exclude=/usr/share/"+folder+"/*")
	}
	for _, p := range packages {
		args = append(args, "--include="+p)
	}
	args = append(args, options...)
	_, err := command(ctx, "mmdebstrap", append(args, release, target)...)
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
