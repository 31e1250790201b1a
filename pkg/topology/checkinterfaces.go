package topology

import (
	"maps"
	"net/netip"
	"slices"

	"github.com/kubespore/kubespore/pkg/yamlfile"
)

// nics is the interface list of an entry while it is checked.
type nics struct {
	*checker
	*entry
	path   string
	byName map[string]int
	master map[string]int // of each member: the interface that has it
}

// checkInterfaces checks a full list of interfaces.
func (c *checker) checkInterfaces(e *entry) {
	if len(e.Interfaces) == 0 {
		return
	}
	n := &nics{c, e, yamlfile.Join(e.Path, "interfaces"), map[string]int{}, map[string]int{}}
	n.collectNames()
	for i := range e.Interfaces {
		n.checkKind(i)
		n.checkReferences(i)
		n.checkSettings(i)
		n.checkRoutes(i)
	}
	n.checkMembers()
	n.checkCircles()
	n.checkDummies()
	n.checkTunnels()
}

func (n *nics) at(i int, key string) string { return yamlfile.Join(yamlfile.Element(n.path, i), key) }

// collectNames refuses names used twice and ports that nothing tells apart.
func (n *nics) collectNames() {
	ports := n.having(func(nic Interface) bool { return nic.Kind == "ethernet" })
	for i, nic := range n.Interfaces {
		if nic.Name == "" {
			found := nic.MAC != "" || n.settled[i].MAC != ""
			if nic.Kind == "ethernet" && !found && len(ports) > 1 && n.OK(yamlfile.Element(n.path, i)) {
				n.Errorf(codeInterface, yamlfile.Element(n.path, i), "nothing tells this port from the host's others").WithHint("add its name or its mac")
			}
			if nic.Kind != "ethernet" && nic.Kind != "" && n.OK(yamlfile.Element(n.path, i)) {
				n.Errorf(codeMissing, n.at(i, "name"), "a %s needs a name", nic.Kind).WithHint("add name: %s0", nic.Kind)
			}
			continue
		}
		if first, ok := n.byName[nic.Name]; ok {
			n.Errorf(codeDuplicate, n.at(i, "name"), "the interface %s is declared twice", nic.Name).WithHint("keep one of them").WithRelated(n.decoder.At(n.at(first, "name")), "declared here first")
			continue
		}
		n.byName[nic.Name] = i
	}
}

// kindKeys says which keys belong to which kinds of interface.
var kindKeys = []struct {
	key   string
	kinds []string
	set   func(Interface) bool
}{
	{"members", []string{"bond", "bridge"}, func(i Interface) bool { return i.Members != nil }},
	{"bondMode", []string{"bond"}, func(i Interface) bool { return i.BondMode != "" }},
	{"hashPolicy", []string{"bond"}, func(i Interface) bool { return i.Bond.HashPolicy != "" }},
	{"lacpRate", []string{"bond"}, func(i Interface) bool { return i.Bond.LACPRate != "" }},
	{"minLinks", []string{"bond"}, func(i Interface) bool { return i.Bond.MinLinks != 0 }},
	{"monitor", []string{"bond"}, func(i Interface) bool { return i.Bond.Monitor != 0 }},
	{"upDelay", []string{"bond"}, func(i Interface) bool { return i.Bond.UpDelay != 0 }},
	{"downDelay", []string{"bond"}, func(i Interface) bool { return i.Bond.DownDelay != 0 }},
	{"vlan", []string{"vlan"}, func(i Interface) bool { return i.VLAN != 0 }},
	{"link", []string{"vlan", kindWireguard}, func(i Interface) bool { return i.Link != "" }},
	{"port", []string{kindWireguard}, func(i Interface) bool { return i.Tunnel.Port != 0 }},
	{"endpoint", []string{kindWireguard}, func(i Interface) bool { return i.endpoint.IsValid() }},
	{"keepalive", []string{kindWireguard}, func(i Interface) bool { return i.Tunnel.Keepalive != 0 }},
}

// needed are the keys without which a kind makes no interface.
var needed = map[string][]string{"bond": {"members"}, "vlan": {"vlan", "link"}}

func (n *nics) checkKind(i int) {
	nic := n.Interfaces[i]
	for _, k := range kindKeys {
		fits, set := slices.Contains(k.kinds, nic.Kind), k.set(nic)
		switch {
		case nic.Kind == "" || !n.OK(n.at(i, k.key)):
		case set && !fits:
			n.Errorf(codeInterface, n.at(i, k.key), "%s has no meaning for kind %s", k.key, nic.Kind).WithHint("set kind: %s, or remove it", k.kinds[0])
		case !set && slices.Contains(needed[nic.Kind], k.key):
			n.Errorf(codeMissing, n.at(i, k.key), "a %s needs the key %s", nic.Kind, k.key).WithHint("add %s", k.key)
		}
	}
}

// checkReferences wants members and links to be interfaces of the list.
func (n *nics) checkReferences(i int) {
	nic := n.Interfaces[i]
	for j, name := range nic.Members {
		at := yamlfile.Element(n.at(i, "members"), j)
		if !n.exists(name, at) {
			continue
		}
		if first, ok := n.master[name]; ok && first != i {
			n.Errorf(codeReference, at, "%s is a member of %s already", name, n.Interfaces[first].Name).WithHint("keep it in one of the two").WithRelated(n.decoder.At(n.at(first, "members")), "of %s", n.Interfaces[first].Name)
			continue
		}
		n.master[name] = i
	}
	if nic.Link != "" {
		n.exists(nic.Link, n.at(i, "link"))
	}
}

func (n *nics) exists(name, at string) bool {
	if name == "" || !n.OK(at) {
		return false
	}
	if _, ok := n.byName[name]; ok {
		return true
	}
	// Interfaces that could not be read may be the ones that are missing.
	if n.OK(n.path) || !slices.ContainsFunc(n.Interfaces, func(nic Interface) bool { return nic.Name == "" }) {
		n.Errorf(codeReference, at, "there is no interface %s in the list", name).WithHint("declare it: {name: %s}", name)
	}
	return false
}

// checkMembers refuses addresses on ports that carry another interface.
func (n *nics) checkMembers() {
	for _, name := range slices.Sorted(maps.Keys(n.master)) {
		master := n.master[name]
		i := n.byName[name]
		nic := n.settled[i]
		if nic.Kind == kindWireguard {
			continue // a tunnel is a member of nothing
		}
		if len(nic.Addresses) > 0 || nic.DHCP != "no" && nic.DHCP != "" {
			n.Errorf(codeInterface, yamlfile.Element(n.path, i), "%s is a member of %s and cannot have addresses of its own", name, n.Interfaces[master].Name).
				WithHint("give the addresses to %s", n.Interfaces[master].Name).WithRelated(n.decoder.At(n.at(master, "members")), "a member here")
		}
	}
}

// checkCircles refuses interfaces that stand on themselves.
func (n *nics) checkCircles() {
	const walking, done = 1, 2
	state := make([]int, len(n.Interfaces))
	var walk func(i int)
	walk = func(i int) {
		state[i] = walking
		for _, name := range append(slices.Clone(n.Interfaces[i].Members), n.Interfaces[i].Link) {
			below, ok := n.byName[name]
			if !ok {
				continue
			}
			if state[below] == walking {
				n.Errorf(codeReference, yamlfile.Element(n.path, i), "%s stands on itself by way of %s", n.Interfaces[below].Name, n.Interfaces[i].Name).WithHint("members and links go down to Ethernet ports")
			} else if state[below] != done {
				walk(below)
			}
		}
		state[i] = done
	}
	for i := range n.Interfaces {
		if state[i] != done {
			walk(i)
		}
	}
}

// checkDummies refuses what goes out by an interface without a port.
func (n *nics) checkDummies() {
	for i, nic := range n.Interfaces {
		if nic.Kind != "dummy" {
			continue
		}
		refuse := func(at, what string) {
			if n.OK(at) {
				n.Errorf(codeInterface, at, "%s, and a dummy has no port: nothing comes or goes by it", what).WithHint("write it at the port by which the machine reaches others")
			}
		}
		switch at := n.at(i, "gateway"); {
		case len(nic.Gateways) > 0:
			refuse(at, "a gateway")
		case i == n.primary && len(n.gateways) > 0:
			refuse(yamlfile.Join(n.Path, "gateway"), "the gateway goes with the primary interface "+nic.Name)
		}
		if nic.DHCP != "" && nic.DHCP != "no" {
			refuse(n.at(i, "dhcp"), "DHCP")
		}
		if len(nic.Routes) > 0 {
			refuse(n.at(i, "routes"), "routes")
		}
		if master, ok := n.master[nic.Name]; ok {
			refuse(n.at(master, "members"), nic.Name+" is a member of "+n.Interfaces[master].Name)
		}
	}
}

// leastMTU of IPv6; a link with less carries none of it.
const leastMTU = 1280

func (n *nics) checkSettings(i int) {
	nic, settled := n.Interfaces[i], n.settled[i]
	if i == n.primary {
		n.checkLease(i)
	}
	if nic.Kind == "bond" {
		n.checkBond(i)
	}
	hasIPv6 := slices.ContainsFunc(settled.Addresses, func(p netip.Prefix) bool { return p.Addr().Is6() })
	if nic.MTU != 0 && nic.MTU < leastMTU && hasIPv6 {
		n.Errorf(codeInterface, n.at(i, "mtu"), "an MTU of %d carries no IPv6", nic.MTU).WithHint("use %d or more", leastMTU)
	}
	if below, ok := n.byName[nic.Link]; ok && nic.Link != "" && nic.MTU > n.Interfaces[below].MTU && n.Interfaces[below].MTU != 0 {
		n.Errorf(codeInterface, n.at(i, "mtu"), "the MTU is larger than that of %s below it", nic.Link).WithHint("use %d or less", n.Interfaces[below].MTU).
			WithRelated(n.decoder.At(n.at(below, "mtu")), "the MTU below")
	}
}

// checkLease wants DHCP on the primary interface to give addresses that the
// topology names, since certificates and peers name them too.
func (n *nics) checkLease(i int) {
	nic := n.settled[i]
	for _, f := range []struct{ name, mode, other string }{{"IPv4", "ipv4", "ipv6"}, {"IPv6", "ipv6", "ipv4"}} {
		if nic.DHCP != f.mode && nic.DHCP != "yes" {
			continue
		}
		if !slices.ContainsFunc(n.homes(nic), func(p netip.Prefix) bool { return family(p.Addr()) == f.name }) {
			n.Errorf(codeInterface, n.at(i, "dhcp"), "DHCP for %s on the primary interface, and the host has no %s address: certificates and peers must name the one that DHCP gives", f.name, f.name).
				WithHint("add the address that the DHCP server gives this machine, or write dhcp: %s", f.other)
		}
	}
}

// homes gives the addresses of the primary interface, of a range those of its
// first host.
func (n *nics) homes(nic Interface) []netip.Prefix {
	all := slices.Clone(nic.Addresses)
	for _, r := range n.ranges {
		all = append(all, r.first)
	}
	return all
}

// checkRoutes checks next hops against the interface's own networks.
func (n *nics) checkRoutes(i int) {
	seen := map[Route]string{}
	for j, r := range n.Interfaces[i].Routes {
		at := yamlfile.Element(n.at(i, "routes"), j)
		if !n.OK(at) || !r.To.IsValid() {
			continue
		}
		identity := Route{To: r.To, Metric: r.Metric}
		if first, ok := seen[identity]; ok {
			n.Errorf(codeRoute, at, "a second route to %s with the same metric", r.To).WithHint("give one of them another metric").WithRelated(n.decoder.At(first), "the first one")
			continue
		}
		seen[identity] = at
		nets := n.settled[i].Addresses
		switch {
		case !r.Via.IsValid() || r.Via.Is6() && r.Via.IsLinkLocalUnicast() && r.To.Addr().Is6():
		case r.Via.Is4() != r.To.Addr().Is4():
			n.Errorf(codeRoute, yamlfile.Join(at, "via"), "the next hop %s is of another family than %s", r.Via, r.To).WithHint("use an %s address", family(r.To.Addr()))
		case len(nets) > 0 && !within(r.Via, nets) && n.settled[i].DHCP == "no" && !r.OnLink && !onLink(r.Via, nets, &n.settled[i]):
			n.Errorf(codeRoute, yamlfile.Join(at, "via"), "the next hop %s is on none of the interface's networks%s", r.Via, inBrackets(nets)).WithHint("use the router's address on this network")
		}
	}
}
