package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"io/fs"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// packages is the base image: what a Debian image for Kubernetes would have
// besides the payload.
var packages = []string{"systemd", "systemd-sysv", "systemd-timesyncd", "udev", "dbus", "iproute2", "nftables", "iptables", "ipset", "kmod", "procps", "conntrack", "ethtool", "socat", "util-linux", "ca-certificates", "login", "passwd", "sudo"}

// base makes the image: Debian, with the programs of the bill of materials
// baked in.
func (l *lab) base(ctx context.Context) error {
	root := filepath.Join(l.cache, "base")
	if _, err := os.Stat(root); err != nil {
		temporary := root + ".new"
		if err := os.RemoveAll(temporary); err != nil {
			return err
		}
		if _, err := command(ctx, "mmdebstrap", "--variant=minbase", "--include="+strings.Join(packages, ","), "bookworm", temporary); err != nil {
			return err
		}
		// A first boot: no identity yet. firstboot waits for a key for ever.
		for _, name := range []string{"etc/machine-id", "etc/hostname"} {
			if err := os.RemoveAll(filepath.Join(temporary, name)); err != nil {
				return err
			}
		}
		if err := os.Symlink("/dev/null", filepath.Join(temporary, "etc/systemd/system/systemd-firstboot.service")); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(temporary, "etc/systemd/system-preset/99-image.preset"), []byte("disable *\n"), 0o644); err != nil {
			if err := os.MkdirAll(filepath.Join(temporary, "etc/systemd/system-preset"), 0o755); err != nil {
				return err
			}
			if err := os.WriteFile(filepath.Join(temporary, "etc/systemd/system-preset/99-image.preset"), []byte("disable *\n"), 0o644); err != nil {
				return err
			}
		}
		if err := os.Rename(temporary, root); err != nil {
			return err
		}
	}
	for name, path := range wanted {
		if err := install(l.tools[name], filepath.Join(root, path)); err != nil {
			return err
		}
	}
	return nil
}

// install copies a program unless it is there already.
func install(from, to string) error {
	a, err := os.Stat(from)
	if err != nil {
		return err
	}
	if b, err := os.Stat(to); err == nil && b.Size() == a.Size() && b.ModTime().Equal(a.ModTime()) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.WriteFile(to, text, 0o755); err != nil {
		return err
	}
	return os.Chtimes(to, a.ModTime(), a.ModTime())
}

// adapt writes the topology as the lane boots it: on Debian with Ignition,
// with the lane's overlay. The overlay's path is relative to the topology.
func (l *lab) adapt() (string, error) {
	text, err := os.ReadFile(l.topology)
	if err != nil {
		return "", err
	}
	lines := slices.DeleteFunc(strings.Split(string(text), "\n"), func(line string) bool {
		return strings.HasPrefix(line, "os:") || strings.HasPrefix(line, "format:") || strings.HasPrefix(line, "overlays:")
	})
	adapted := strings.Join(lines, "\n") + "\nos: debian\nformat: ignition\noverlays: [container.bu]\n"
	// Each machine has one port; its hardware address is the lab's to give.
	adapted = regexp.MustCompile(`,?\s*mac: "[0-9a-f:]+"`).ReplaceAllString(adapted, "")
	overlay, err := fs.ReadFile(os.DirFS("overlay"), "container.bu")
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(l.run, "container.bu"), overlay, 0o644); err != nil {
		return "", err
	}
	name := filepath.Join(l.run, "topology.yaml")
	return name, os.WriteFile(name, []byte(adapted), 0o644)
}

// driverAddress is the lab's own address on the machines' network: the last
// but one of the first machine's subnet.
func (l *lab) driverAddress() string {
	for _, h := range l.hosts {
		p, err := netip.ParsePrefix(h.Address)
		if err != nil || !p.Addr().Is4() {
			continue
		}
		a := p.Masked().Addr().As4()
		size := uint32(1)<<(32-p.Bits()) - 2
		n := uint32(a[0])<<24 | uint32(a[1])<<16 | uint32(a[2])<<8 | uint32(a[3]) + size
		return fmt.Sprintf("%d.%d.%d.%d/%d", byte(n>>24), byte(n>>16), byte(n>>8), byte(n), p.Bits())
	}
	return "192.0.2.254/24"
}

// decode gives the text of a data URL.
func decode(source string) string {
	header, data, _ := strings.Cut(source, ",")
	if strings.HasSuffix(header, ";base64") {
		text, err := base64.StdEncoding.DecodeString(data)
		if err != nil {
			return ""
		}
		return string(text)
	}
	text, err := url.PathUnescape(data)
	if err != nil {
		return ""
	}
	return text
}
