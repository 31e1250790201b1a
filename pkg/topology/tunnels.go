package topology

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/kubespore/kubespore/pkg/yamlfile"
	"github.com/kubespore/kubespore/pkg/yamlfile/schema"
)

// Tunnel is what an interface of kind wireguard has besides its address. Hosts with one of
// the same name are each other's peers.
type Tunnel struct {
	Port      int              // UDP; 51820 by default
	Keepalive int              // seconds between packets that keep a way through NAT open; 0: none
	Local     []netip.Addr     // addresses of the interface below; none where DHCP gives them
	Endpoints []netip.AddrPort // where peers dial it, one for each family; none: it dials them
}

const kindWireguard = "wireguard"

const (
	tunnelPort = 51820
	// tunnelBytes are what WireGuard adds to a packet: 40 of an outer IPv6 header, 8 of UDP
	// and 32 of its own.
	tunnelBytes  = 80
	tunnelBytes4 = 60 // with an outer header of IPv4
	usualMTU     = 1500
)

// Dial gives the address at which the hosts of a tunnel reach a peer: one of a family that the
// interface below has. ok is false where there is none.
func (t *Tunnel) Dial(peer *Tunnel) (at netip.AddrPort, ok bool) {
	i := slices.IndexFunc(peer.Endpoints, func(e netip.AddrPort) bool {
		return len(t.Local) == 0 || slices.ContainsFunc(t.Local, func(a netip.Addr) bool { return a.Is4() == e.Addr().Is4() })
	})
	if i < 0 {
		return netip.AddrPort{}, false
	}
	return peer.Endpoints[i], true
}

// tunnelEndpoint is where peers dial a tunnel.
var tunnelEndpoint = schema.Scalar[netip.AddrPort]{Name: "IP address with port", Tag: "!!str", Pattern: `^(\[[0-9A-Fa-f:.]+\]|[0-9A-Fa-f:.]+)(:[0-9]{1,5})?$`, Parse: func(text string) (netip.AddrPort, *schema.Fault) {
	if a, err := netip.ParseAddr(text); err == nil && a.Zone() == "" && !a.Is4In6() {
		return netip.AddrPortFrom(a, 0), nil
	}
	e, f := parseEndpoint(text)
	if f != nil {
		return netip.AddrPort{}, f
	}
	a, err := netip.ParseAddr(e.Host)
	if err != nil {
		return netip.AddrPort{}, schema.Faultf(codeTunnel, "%q is not an IP address", yamlfile.Clip(e.Host)).Or("write the address that peers dial: the tunnel must come up before names are known")
	}
	if _, port := splitPort(text); port == "" {
		e.Port = 0
	}
	return netip.AddrPortFrom(a, uint16(e.Port)), nil
}}

// under gives the index of the interface that a tunnel goes out by: the one that it names, or
// the only other one that reaches someone; -1 where there is none or a choice.
func under(nics []Interface, tunnel int) int {
	if link := nics[tunnel].Link; link != "" {
		return slices.IndexFunc(nics, func(nic Interface) bool { return nic.Name == link })
	}
	one := func(fits func(Interface) bool) int {
		found := -1
		for i, nic := range nics {
			member := slices.ContainsFunc(nics, func(over Interface) bool { return nic.Name != "" && slices.Contains(over.Members, nic.Name) })
			if nic.Kind == kindWireguard || nic.Kind == "dummy" || member || !fits(nic) {
				continue
			}
			if found >= 0 {
				return -1
			}
			found = i
		}
		return found
	}
	if i := one(func(Interface) bool { return true }); i >= 0 {
		return i
	}
	return one(func(nic Interface) bool { return len(nic.Addresses) > 0 || nic.leased() })
}

// leased says whether DHCP gives the interface addresses.
func (i *Interface) leased() bool { return i.DHCP != "no" && i.DHCP != "" }

// settleTunnels fills in what tunnels have by default and follows from the interface below.
func settleTunnels(h *Host) {
	for i := range h.Interfaces {
		nic := &h.Interfaces[i]
		if nic.Kind != kindWireguard {
			continue
		}
		nic.Tunnel.Port = cmp.Or(nic.Tunnel.Port, tunnelPort)
		port, mtu := under(h.Interfaces, i), usualMTU
		if port >= 0 {
			nic.Link, mtu = h.Interfaces[port].Name, cmp.Or(h.Interfaces[port].MTU, usualMTU)
			for _, p := range firstOfEachFamily(h.Interfaces[port].Addresses) {
				nic.Tunnel.Local = append(slices.Clone(nic.Tunnel.Local), p.Addr())
			}
		}
		nic.MTU = cmp.Or(nic.MTU, mtu-tunnelBytes)
		nic.Tunnel.Endpoints = endpointsOf(h, nic)
	}
}

// endpointsOf gives what peers dial: what the file says, what a router translates to the
// machine, or its own addresses.
func endpointsOf(h *Host, nic *Interface) []netip.AddrPort {
	if e := nic.endpoint; e.IsValid() {
		if e.Port() == 0 {
			e = netip.AddrPortFrom(e.Addr(), uint16(nic.Tunnel.Port))
		}
		return []netip.AddrPort{e}
	}
	addresses := nic.Tunnel.Local
	if len(h.External) > 0 {
		addresses = h.External
	}
	var out []netip.AddrPort
	for _, a := range addresses {
		out = append(out, netip.AddrPortFrom(a, uint16(nic.Tunnel.Port)))
	}
	return out
}
