package topology

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/kubespore/kubespore/pkg/yamlfile"
)

// checkTunnels checks what the tunnels of an entry say against its other interfaces.
func (n *nics) checkTunnels() {
	ports := map[int]int{}
	for i, nic := range n.settled {
		if nic.Kind != kindWireguard {
			continue
		}
		n.checkPlainTunnel(i)
		n.checkBelow(i)
		number := cmp.Or(nic.Tunnel.Port, tunnelPort)
		if first, taken := ports[number]; taken {
			n.Errorf(codeTunnel, n.at(i, "port"), "%s has the UDP port %d, too", n.settled[first].Name, number).
				WithHint("add port: %d", number+1).WithRelated(n.decoder.At(yamlfile.Element(n.path, first)), "the other one")
			continue
		}
		ports[number] = i
	}
}

// checkPlainTunnel refuses what only interfaces with Ethernet frames have: WireGuard carries
// packets of addresses that are known before.
func (n *nics) checkPlainTunnel(i int) {
	nic, name := n.settled[i], n.settled[i].Name
	refuse := func(at, what, hint string) {
		if n.OK(at) {
			n.Errorf(codeTunnel, at, "%s", what).WithHint("%s", hint)
		}
	}
	if nic.leased() {
		refuse(n.at(i, "dhcp"), "no DHCP server answers in a tunnel", "write the address of the host, and remove dhcp")
	}
	for _, key := range []struct {
		name  string
		given bool
	}{{"mac", n.Interfaces[i].MAC != ""}, {"macs", len(nic.macs) > 0}} {
		if key.given {
			refuse(n.at(i, key.name), "a tunnel has no MAC address", "write it at the port below")
		}
	}
	const atPort = "write the gateway at the port below: peers take nothing for other addresses than their own"
	switch {
	case len(n.Interfaces[i].Gateways) > 0:
		refuse(n.at(i, "gateway"), "a tunnel has no router", atPort)
	case i == n.primary && len(n.gateways) > 0:
		refuse(yamlfile.Join(n.Path, "gateway"), "the gateway goes with the primary interface "+name+", and a tunnel has no router", atPort)
	}
	if master, ok := n.master[name]; ok {
		refuse(n.at(master, "members"), name+" is a tunnel, and carries no Ethernet frames", "name ports as members")
	}
	if len(nic.Addresses) == 0 && (i != n.primary || len(n.homes(nic)) == 0) {
		refuse(n.at(i, "addresses"), "a wireguard needs the key addresses", "add addresses: 10.99.0.11/24, with the address that peers know this host by")
	}
	for j, upper := range n.Interfaces {
		if upper.Kind == "vlan" && upper.Link == name && name != "" {
			refuse(n.at(j, "link"), name+" is a tunnel, and carries no VLANs", "name a port")
		}
	}
}

// checkBelow checks the interface by which a tunnel goes out.
func (n *nics) checkBelow(i int) {
	nic, element := n.settled[i], yamlfile.Element(n.path, i)
	port := under(n.settled, i)
	switch {
	case !n.OK(n.at(i, "link")) || !n.OK(n.path) || port < 0 && nic.Link != "": // said elsewhere
		return
	case port < 0:
		n.Errorf(codeTunnel, element, "%s goes out by another interface of the host, and which one is not clear", nic.Name).WithHint("add link: and the name of the interface whose address peers dial")
		return
	case n.settled[port].Kind == kindWireguard || n.settled[port].Kind == "dummy":
		n.Errorf(codeTunnel, n.at(i, "link"), "%s is a %s, by which no packet leaves the machine", nic.Link, n.settled[port].Kind).WithHint("name a port, bond, vlan or bridge")
		return
	}
	// A larger one than below is refused for any interface.
	most := cmp.Or(n.settled[port].MTU, usualMTU)
	if nic.MTU > most-tunnelBytes4 && nic.MTU <= most {
		n.Errorf(codeTunnel, n.at(i, "mtu"), "with what WireGuard adds, a packet of %d bytes does not fit into the %d of the interface below", nic.MTU, most).
			WithHint("use %d, or give the interface below a larger mtu", most-tunnelBytes)
	}
	addressed := len(n.settled[port].Addresses) > 0 || port == n.primary && len(n.ranges) > 0
	if !addressed && len(n.external) == 0 && !nic.endpoint.IsValid() && nic.Tunnel.Keepalive == 0 {
		n.Errorf(codeTunnel, element, "peers cannot dial %s: the interface below has no address in this file", nic.Name).
			WithHint("add endpoint: 203.0.113.5, with the address by which peers reach the host; or keepalive: 25 where it dials them and a router is between")
	}
}

// end is a tunnel of one host.
type end struct {
	entry *entry
	host  *Host
	nic   *Interface
	path  string // of the interface
}

// checkMeshes checks the tunnels of all hosts with each other. Those of one name are a mesh.
func checkMeshes(c *checker) {
	var names []string
	meshes := map[string][]end{}
	for i := range c.entries {
		e := &c.entries[i]
		for n := e.from; n < e.to; n++ {
			h := &c.Hosts[n]
			for j := range h.Interfaces[:min(len(e.Interfaces), len(h.Interfaces))] {
				nic := &h.Interfaces[j]
				if nic.Kind != kindWireguard || nic.Name == "" {
					continue
				}
				if meshes[nic.Name] == nil {
					names = append(names, nic.Name)
				}
				meshes[nic.Name] = append(meshes[nic.Name], end{e, h, nic, yamlfile.Element(yamlfile.Join(e.Path, "interfaces"), j)})
			}
		}
	}
	for _, name := range names {
		m := &mesh{checker: c, name: name, ends: meshes[name], said: map[string]bool{}}
		m.check()
	}
}

// mesh is the check of the tunnels of one name. Each entry hears of a mistake once.
type mesh struct {
	*checker
	name string
	ends []end
	said map[string]bool
}

func (m *mesh) refuse(at, hint, message string, args ...any) {
	if m.OK(at) && !m.said[at] {
		m.said[at] = true
		m.Errorf(codeTunnel, at, message, args...).WithHint("%s", hint)
	}
}

func (m *mesh) check() {
	first := m.ends[0]
	if len(m.ends) == 1 && !m.lost && m.OK("hosts") {
		m.refuse(yamlfile.Join(first.path, "name"), "give other hosts an interface of this name and kind", "no other host has a wireguard %s: the tunnel has no peer", m.name)
	}
	taken := map[netip.AddrPort]end{}
	for _, x := range m.ends {
		m.checkEnd(x, first)
		for _, e := range x.nic.Tunnel.Endpoints {
			if other, twice := taken[e]; twice && (x.nic.endpoint.IsValid() || other.nic.endpoint.IsValid()) {
				m.refuse(endpointAt(x), "give each host an endpoint of its own: another address, or another port that the router sends to it", "peers would dial %s and %s at the same endpoint %s", other.host.Name, x.host.Name, e)
			}
			taken[e] = x
		}
	}
	m.checkDialing()
	m.checkOutsiders()
	m.checkVirtual()
}

func endpointAt(x end) string { return yamlfile.Join(x.path, "endpoint") }

// checkEnd checks one tunnel, by itself and against the first of its mesh.
func (m *mesh) checkEnd(x, first end) {
	for _, e := range x.nic.Tunnel.Endpoints {
		if within(e.Addr(), x.nic.Addresses) {
			m.refuse(endpointAt(x), "write the address of the port below, or use another network in the tunnel", "the endpoint %s is inside of the tunnel %s, which would carry itself", e.Addr(), m.name)
		}
	}
	hasIPv6 := false
	for _, p := range x.nic.Addresses {
		hasIPv6 = hasIPv6 || p.Addr().Is6()
		if !slices.ContainsFunc(first.nic.Addresses, func(q netip.Prefix) bool { return q.Masked() == p.Masked() }) {
			m.refuse(yamlfile.Join(x.path, "addresses"), "use one network for all hosts of the tunnel", "%s has %s in the tunnel %s, and %s has no address of that network", x.host.Name, p, m.name, first.host.Name)
		}
	}
	if hasIPv6 && x.nic.MTU < leastMTU && !m.isGiven(yamlfile.Join(x.path, "mtu")) {
		m.refuse(x.path, "give the interface below an mtu of 1360 or more", "the tunnel %s is left with an MTU of %d, which carries no IPv6", m.name, x.nic.MTU)
	}
}

// checkDialing wants one of each two hosts to be able to dial the other. Hosts differ in
// this by their address families and by whether they have endpoints, which are few kinds.
func (m *mesh) checkDialing() {
	type kind struct{ local4, local6, at4, at6 bool }
	first := map[kind]end{}
	var kinds []kind
	has := func(list []netip.Addr, is4 bool) bool {
		return slices.ContainsFunc(list, func(a netip.Addr) bool { return a.Is4() == is4 })
	}
	for _, x := range m.ends {
		var at []netip.Addr
		for _, e := range x.nic.Tunnel.Endpoints {
			at = append(at, e.Addr())
		}
		k := kind{has(x.nic.Tunnel.Local, true), has(x.nic.Tunnel.Local, false), has(at, true), has(at, false)}
		seen, again := first[k]
		if !again {
			first[k], kinds = x, append(kinds, k)
		} else if len(at) == 0 {
			m.cannotDial(seen, x)
		}
		for _, other := range kinds {
			if y := first[other]; other != k && !m.reaches(x, y) && !m.reaches(y, x) {
				m.cannotDial(y, x)
			}
		}
	}
}

func (m *mesh) reaches(x, y end) bool {
	_, ok := x.nic.Tunnel.Dial(&y.nic.Tunnel)
	return ok
}

func (m *mesh) cannotDial(x, y end) {
	m.refuse(y.path, "add endpoint: to one of them, an address by which the other reaches it", "neither of %s and %s can dial the other in the tunnel %s", x.host.Name, y.host.Name, m.name)
}

// checkOutsiders wants all hosts in a mesh that is the network of the nodes.
func (m *mesh) checkOutsiders() {
	i := slices.IndexFunc(m.ends, func(x end) bool { return x.nic.Primary })
	if i < 0 {
		return
	}
	for j := range m.entries {
		e := &m.entries[j]
		in := func(nic Interface) bool { return nic.Kind == kindWireguard && nic.Name == m.name }
		if e.from < e.to && !slices.ContainsFunc(e.settled, in) && m.OK(yamlfile.Join(e.Path, "interfaces")) {
			m.refuse(e.home, "give it a wireguard "+m.name+" as well, or make a port the primary interface of the others", "%s has no tunnel %s, and so does not reach %s, whose address is in it", m.nameOf(e), m.name, m.ends[i].host.Name)
		}
	}
}

// checkVirtual refuses an endpoint of the cluster that is in the tunnel and no host's: peers
// take only packets for their own addresses, so that none of them can move.
func (m *mesh) checkVirtual() {
	a, err := netip.ParseAddr(m.Cluster.Endpoint.Host)
	held := func(h Host) bool { return h.Answers(a) }
	if err == nil && within(a, m.ends[0].nic.Addresses) && !slices.ContainsFunc(m.Hosts, held) {
		m.refuse("cluster.endpoint", "use a name or an address of one control plane, or a balancer on the network below", "the address %s would move from host to host in the tunnel %s, where each peer has addresses of its own only", a, m.name)
	}
}
