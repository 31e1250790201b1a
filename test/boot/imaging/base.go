// Package imaging makes what machines start from: programs, base images of
// Debian, and container images. All of it is cached by what it is made from.
package imaging

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/kubespore/kubespore/test/boot/lab"
	"github.com/kubespore/kubespore/test/boot/osfile"
	"github.com/kubespore/kubespore/test/boot/process"
)

// packages is the base image: what a Debian image for Kubernetes would have
// besides the payload. Raise baseFormat when baseImage makes it differently.
var packages = []string{"systemd", "systemd-sysv", "systemd-timesyncd", "udev", "dbus", "iproute2", "nftables", "iptables", "ipset", "kmod", "procps", "conntrack", "ethtool", "socat", "util-linux", "ca-certificates", "curl", "login", "passwd", "sudo"}

const baseFormat = "2"

// together joins lists of packages. Debian takes one program that sets the clock.
func together(lists ...[]string) []string {
	all := slices.Concat(lists...)
	if slices.Contains(all, "chrony") {
		all = slices.DeleteFunc(all, func(p string) bool { return p == "systemd-timesyncd" })
	}
	return all
}

// BaseImage makes what machines are made of: Debian and, to be laid over it, the
// programs of the bill of materials, as if baked in. Both are folders that
// machines share and never write to.
func BaseImage(ctx context.Context, l *lab.Lab, runs []*lab.Run) (string, error) {
	l.Debian = map[string]string{}
	for _, r := range runs {
		name, wanted := r.DebianName(), together(packages, r.Packages)
		if l.Debian[name] != "" || r.Lane != lab.ContainerLane {
			continue
		}
		var err error
		l.Debian[name], err = l.Cached("debian", append([]string{baseFormat, r.Release}, wanted...), func(root string) error {
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
	l.Programs = map[string]string{}
	for _, minor := range minors {
		if l.Programs[minor], err = programsOf(ctx, l, minor); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("%d roots of Debian", len(l.Debian)), nil
}

// programsOf lays out the programs for machines with a minor of Kubernetes.
func programsOf(ctx context.Context, l *lab.Lab, minor string) (string, error) {
	at, err := programsAt(ctx, l, minor)
	if err != nil {
		return "", err
	}
	var sources []string
	for _, path := range slices.Sorted(maps.Keys(at)) {
		sources = append(sources, path, at[path])
	}
	return l.Cached("programs", sources, func(root string) error {
		for path, program := range at {
			if err := osfile.Install(program, filepath.Join(root, path)); err != nil {
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
	if osfile.Exists(filepath.Join(root, "usr/sbin/NetworkManager")) {
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
	_, err := process.Run(ctx, "mmdebstrap", append(args, release, target)...)
	return err
}
