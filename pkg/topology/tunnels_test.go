package topology

import (
	"fmt"
	"strings"
	"testing"
)

// tunnelled is a topology whose two hosts have this ahead of their interfaces, and these; a #
// stands for a digit that is each host's own.
func tunnelled(t *testing.T, host string) (first, second Host) {
	t.Helper()
	start, _, _ := strings.Cut(head, "  - {")
	text := strings.Replace(start, "192.168.200.240", "192.168.201.1", 1)
	for i, role := range []string{"control-plane", "worker"} {
		text += fmt.Sprintf("  - {name: h%d, roles: [%s], %s}\n", i+1, role, strings.ReplaceAll(host, "#", fmt.Sprint(i+1)))
	}
	hosts := parse(t, text).Hosts
	return hosts[0], hosts[1]
}

// TestTunnels: what a tunnel has by default follows from the port below.
func TestTunnels(t *testing.T) {
	for _, c := range []struct{ host, primary, tunnel string }{
		{`address: 10.99.0.1#/24, interfaces: [{name: a, addresses: 192.168.201.#/22}, {name: t, kind: wireguard}]`,
			"t", "a 1420 51820 [192.168.201.2:51820]"},
		{`address: 192.168.201.#/22, interfaces: [{name: a}, {name: t, kind: wireguard, port: 77, addresses: 10.99.0.3#/24}]`,
			"a", "a 1420 77 [192.168.201.2:77]"},
		{`address: 10.99.0.1#/24, externalAddresses: 203.0.113.#, interfaces: [{name: a, mtu: 9000, addresses: [192.168.201.#/22, "fd00::#/64"]}, {name: t, kind: wireguard}]`,
			"t", "a 8920 51820 [203.0.113.2:51820]"},
		{`address: 10.99.0.1#/24, interfaces: [{name: a}, {name: b, addresses: ["fd00::#/64", 192.168.201.#/22]}, {name: t, kind: wireguard, mtu: 1300}]`,
			"t", "b 1300 51820 [[fd00::2]:51820 192.168.201.2:51820]"},
		{`address: 10.99.0.1#/24, interfaces: [{name: a, dhcp: ipv4}, {name: v, kind: vlan, link: a, vlan: 7, addresses: 192.168.201.#/22}, {name: t, kind: wireguard, link: a, endpoint: "[2001:db8::#]:88"}]`,
			"t", "a 1420 51820 [[2001:db8::2]:88]"},
		{`address: 10.99.0.1#/24, interfaces: [{name: a}, {name: bond0, kind: bond, members: [a], addresses: 192.168.201.#/22}, {name: d, kind: dummy, addresses: 192.0.2.#/32}, {name: t, kind: wireguard, endpoint: 198.51.100.#}]`,
			"t", "bond0 1420 51820 [198.51.100.2:51820]"},
	} {
		first, second := tunnelled(t, c.host)
		for i, nic := range second.Interfaces {
			if nic.Primary != (nic.Name == c.primary) {
				t.Errorf("%s: %s primary: %t", c.host, nic.Name, nic.Primary)
			}
			if nic.Kind != kindWireguard {
				continue
			}
			if got := fmt.Sprint(nic.Link, " ", nic.MTU, " ", nic.Tunnel.Port, " ", nic.Tunnel.Endpoints); got != c.tunnel {
				t.Errorf("%s: %s, want %s", c.host, got, c.tunnel)
			}
			if at, ok := first.Interfaces[i].Tunnel.Dial(&nic.Tunnel); !ok || at != nic.Tunnel.Endpoints[0] {
				t.Errorf("%s: %s, %t", c.host, at, ok)
			}
		}
	}
}
