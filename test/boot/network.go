package main

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// lan is the network namespace with the bridge that all machines hang on, by
// its name. The lab looks at them from there, and nothing else is reachable.
type lan string

// of is the network namespace of a machine.
func (n lan) of(machine string) string { return string(n) + "." + machine }

// path is the network's namespace.
func (n lan) path() string { return filepath.Join("/run/netns", string(n)) }

// from is the command that runs another one in the network of the machines.
func (n lan) from(args ...string) []string {
	return append([]string{"ip", "netns", "exec", string(n)}, args...)
}

// make makes the bridge, with an address of the lab's own on it.
func (n lan) make(ctx context.Context, addresses []netip.Prefix) error {
	steps := [][]string{
		{"netns", "add", string(n)},
		{"-n", string(n), "link", "add", "lan", "type", "bridge"},
		{"-n", string(n), "link", "set", "lo", "up"},
		{"-n", string(n), "link", "set", "lan", "up"},
	}
	if len(addresses) > 2 { // more than one of each family
		// Machines stand in networks of their own: the lab is the router between them.
		steps = append(steps, []string{"netns", "exec", string(n), "sysctl", "-q", "-w", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"})
	}
	for _, a := range addresses {
		step := []string{"-n", string(n), "address", "add", a.String(), "dev", "lan"}
		if a.Addr().Is6() {
			step = append(step, "nodad")
		}
		steps = append(steps, step)
	}
	return ip(ctx, steps)
}

// plugIn makes a machine's network namespace, with one port to the bridge.
func (n lan) plugIn(ctx context.Context, machine string, number int) error {
	name, port := n.of(machine), fmt.Sprintf("port%d", number)
	hardware := fmt.Sprintf("52:54:00:00:%02x:%02x", number/256, number%256)
	return ip(ctx, [][]string{
		{"netns", "add", name},
		{"-n", name, "link", "add", "eth0", "address", hardware, "type", "veth", "peer", "name", port, "netns", string(n)},
		{"-n", string(n), "link", "set", port, "master", "lan", "up"},
	})
}

// tap is the name of the port of a machine that is not a namespace.
func tap(number int) string { return fmt.Sprintf("tap%d", number) }

// plugInTap makes such a port, where the machine has none yet.
func (n lan) plugInTap(ctx context.Context, number int) error {
	if _, err := command(ctx, "ip", "-n", string(n), "link", "show", tap(number)); err == nil {
		return nil
	}
	return ip(ctx, [][]string{
		{"-n", string(n), "tuntap", "add", tap(number), "mode", "tap"},
		{"-n", string(n), "link", "set", tap(number), "master", "lan", "up"},
	})
}

func ip(ctx context.Context, steps [][]string) error {
	for _, s := range steps {
		if _, err := command(ctx, "ip", s...); err != nil {
			return err
		}
	}
	return nil
}

// unplug takes a machine's namespace away: a machine that lost its power has no
// addresses, routes or rules.
func (n lan) unplug(ctx context.Context, machine string, number int) error {
	if _, err := command(ctx, "ip", "netns", "delete", n.of(machine)); err != nil {
		return err
	}
	// The kernel takes the pair away some time after the namespace.
	_, _ = command(ctx, "ip", "-n", string(n), "link", "delete", fmt.Sprintf("port%d", number))
	return nil
}

// remove removes every namespace of this run or of an earlier one.
func (n lan) remove(ctx context.Context) error {
	found, err := filepath.Glob(n.path() + ".*")
	if err != nil {
		return err
	}
	if lan := n.path(); exists(lan) {
		found = append(found, lan)
	}
	for _, path := range found {
		if _, err := command(ctx, "ip", "netns", "delete", filepath.Base(path)); err != nil {
			// A namespace that lost its mount is only a file.
			if err := os.Remove(path); err != nil {
				return err
			}
		}
	}
	return nil
}

// labAddresses are the lab's own addresses: the last ones of the subnets of
// the first machine, one for each family. Where other machines stand in other
// subnets, their gateways come after these, and the first machine's.
func labAddresses(hosts []host) []netip.Prefix {
	var first, gateways []netip.Prefix
	for _, h := range hosts {
		for _, text := range h.Addresses {
			p, err := netip.ParsePrefix(text)
			if err != nil {
				continue
			}
			if !slices.ContainsFunc(first, func(f netip.Prefix) bool { return f.Addr().Is4() == p.Addr().Is4() }) {
				first = append(first, netip.PrefixFrom(lastOf(p), p.Bits()))
			}
			for _, text := range h.Gateways {
				if g, err := netip.ParseAddr(text); err == nil && p.Contains(g) && !slices.Contains(gateways, netip.PrefixFrom(g, p.Bits())) {
					gateways = append(gateways, netip.PrefixFrom(g, p.Bits()))
				}
			}
		}
	}
	other := func(g netip.Prefix) bool {
		return !slices.ContainsFunc(first, func(f netip.Prefix) bool { return f.Masked() == g.Masked() })
	}
	if slices.ContainsFunc(gateways, other) {
		return append(first, gateways...)
	}
	return first
}

// lastOf gives the last address of a subnet that is not a broadcast address.
func lastOf(p netip.Prefix) netip.Addr {
	bytes := p.Masked().Addr().AsSlice()
	for bit := p.Bits(); bit < len(bytes)*8-1; bit++ {
		bytes[bit/8] |= 0x80 >> (bit % 8)
	}
	a, _ := netip.AddrFromSlice(bytes)
	return a
}

// settings reads what a file of systemd-networkd says of a key.
func settings(network, key string) []string {
	var out []string
	for line := range strings.Lines(network) {
		if a, ok := strings.CutPrefix(strings.TrimSpace(line), key+"="); ok {
			out = append(out, a)
		}
	}
	return out
}
