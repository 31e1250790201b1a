// Package network makes the private network that all machines are connected to,
// and looks at them from there: open ports, compared with their firewall tables.
package network

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"

	"github.com/kubespore/kubespore/test/boot/documents"
	"github.com/kubespore/kubespore/test/boot/osfile"
	"github.com/kubespore/kubespore/test/boot/process"
)

// Lan is the network namespace with the bridge that all machines hang on, by
// its name. The lab looks at them from there, and nothing else is reachable.
type Lan string

// Of is the network namespace of a machine.
func (n Lan) Of(machine string) string { return string(n) + "." + machine }

// Path is the network's namespace.
func (n Lan) Path() string { return filepath.Join("/run/netns", string(n)) }

// From is the command that runs another one in the network of the machines.
func (n Lan) From(args ...string) []string {
	return append([]string{"ip", "netns", "exec", string(n)}, args...)
}

// Make makes the bridge, with addresses of the lab's own on it and routes to machines
// that these do not reach.
func (n Lan) Make(ctx context.Context, addresses []netip.Prefix, onLink []netip.Addr) error {
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
	for _, a := range onLink {
		steps = append(steps, []string{"-n", string(n), "route", "add", a.String(), "dev", "lan"})
	}
	return IP(ctx, steps)
}

// PlugIn makes a machine's network namespace, with one port to the bridge.
func (n Lan) PlugIn(ctx context.Context, machine string, number int) error {
	name, port := n.Of(machine), fmt.Sprintf("port%d", number)
	hardware := fmt.Sprintf("52:54:00:00:%02x:%02x", number/256, number%256)
	return IP(ctx, [][]string{
		{"netns", "add", name},
		{"-n", name, "link", "add", "eth0", "address", hardware, "type", "veth", "peer", "name", port, "netns", string(n)},
		{"-n", string(n), "link", "set", port, "master", "lan", "up"},
	})
}

// Tap is the name of the port of a machine that is not a namespace.
func Tap(number int) string { return fmt.Sprintf("tap%d", number) }

// PlugInTap makes such a port, where the machine has none yet.
func (n Lan) PlugInTap(ctx context.Context, number int) error {
	if _, err := process.Run(ctx, "ip", "-n", string(n), "link", "show", Tap(number)); err == nil {
		return nil
	}
	return IP(ctx, [][]string{
		{"-n", string(n), "tuntap", "add", Tap(number), "mode", "tap"},
		{"-n", string(n), "link", "set", Tap(number), "master", "lan", "up"},
	})
}

// IP runs the program ip once for each list of arguments.
func IP(ctx context.Context, steps [][]string) error {
	for _, s := range steps {
		if _, err := process.Run(ctx, "ip", s...); err != nil {
			return err
		}
	}
	return nil
}

// Unplug takes a machine's namespace away: a machine that lost its power has no
// addresses, routes or rules.
func (n Lan) Unplug(ctx context.Context, machine string, number int) error {
	if _, err := process.Run(ctx, "ip", "netns", "delete", n.Of(machine)); err != nil {
		return err
	}
	// The kernel takes the pair away some time after the namespace.
	_, _ = process.Run(ctx, "ip", "-n", string(n), "link", "delete", fmt.Sprintf("port%d", number))
	return nil
}

// Remove removes every namespace of this run or of an earlier one.
func (n Lan) Remove(ctx context.Context) error {
	found, err := filepath.Glob(n.Path() + ".*")
	if err != nil {
		return err
	}
	if lan := n.Path(); osfile.Exists(lan) {
		found = append(found, lan)
	}
	for _, path := range found {
		if _, err := process.Run(ctx, "ip", "netns", "delete", filepath.Base(path)); err != nil {
			// A namespace that lost its mount is only a file.
			if err := os.Remove(path); err != nil {
				return err
			}
		}
	}
	return nil
}

// LabAddresses are the lab's own addresses: the last ones of the subnets of
// the first machine, one for each family. Where other machines stand in other
// subnets, their gateways come after these, and the first machine's; a gateway that
// no subnet of its machine holds stands alone.
func LabAddresses(hosts []documents.Host) []netip.Prefix {
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
				g, err := netip.ParseAddr(text)
				if err != nil || g.Is4() != p.Addr().Is4() {
					continue
				}
				at := netip.PrefixFrom(g, p.Bits())
				if !p.Contains(g) {
					at = netip.PrefixFrom(g, g.BitLen())
				}
				if !slices.Contains(gateways, at) {
					gateways = append(gateways, at)
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

// OnLink are the addresses of machines that no address of the lab's has on its network.
func OnLink(hosts []documents.Host, lab []netip.Prefix) []netip.Addr {
	var out []netip.Addr
	for _, h := range hosts {
		for _, text := range h.Addresses {
			p, err := netip.ParsePrefix(text)
			if err == nil && !slices.ContainsFunc(lab, func(l netip.Prefix) bool { return l.Contains(p.Addr()) }) {
				out = append(out, p.Addr())
			}
		}
	}
	return out
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

// Listen opens a port on a network.
func (n Lan) Listen(address string) (port net.Listener, err error) {
	err = Within(n.Path(), func() (err error) {
		port, err = net.Listen("tcp", address)
		return err
	})
	return port, err
}

// Dial reaches a port from a network.
func (n Lan) Dial(ctx context.Context, network, address string) (conn net.Conn, err error) {
	var d net.Dialer
	err = Within(n.Path(), func() (err error) {
		conn, err = d.DialContext(ctx, network, address)
		return err
	})
	return conn, err
}
