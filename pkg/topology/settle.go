package topology

import (
	"net/netip"
	"slices"

	"github.com/kubespore/kubespore/pkg/yamlfile"
)

// settle decides which interface is the primary one and puts the host's
// address, gateway and MAC address there.
func (d *decoder) settle(e *entry) {
	e.home = yamlfile.Join(e.Path, "address")
	if d.given(e, "addresses") {
		e.home = yamlfile.Join(e.Path, "addresses")
	}
	if !d.given(e, "interfaces") {
		e.settled = []Interface{{Kind: "ethernet", Primary: true, DHCP: "no", MAC: e.firstMAC(), macs: e.macs, Addresses: validPrefixes(e.addresses), Gateways: reachable(e.gateways)}}
		d.needAddress(e)
		return
	}
	for i := range e.Interfaces {
		nic := &e.Interfaces[i]
		nic.Addresses = nil
		for _, c := range nic.written {
			nic.Addresses = append(nic.Addresses, c.Prefix)
		}
	}
	e.settled = slices.Clone(e.Interfaces)
	for i := range e.settled {
		nic := &e.settled[i]
		if len(nic.macs) > 0 {
			nic.MAC = nic.macs[0]
		}
		nic.Addresses, nic.Gateways = validPrefixes(nic.Addresses), reachable(nic.Gateways)
		if nic.Kind == "bond" {
			setDefault(&nic.BondMode, bondModes[0])
		}
	}
	if e.primary = d.findPrimary(e); e.primary < 0 {
		return
	}
	nic := &e.settled[e.primary]
	nic.Primary = true
	nicPath := yamlfile.Element(yamlfile.Join(e.Path, "interfaces"), e.primary)
	if len(e.addresses) == 0 && len(e.ranges) == 0 {
		e.home = yamlfile.Join(nicPath, "addresses")
	}
	nic.Addresses = union(validPrefixes(e.addresses), nic.Addresses)
	if len(nic.Gateways) > 0 && len(e.gateways) > 0 {
		d.Errorf(codeExclusive, yamlfile.Join(nicPath, "gateway"), "the gateway is given twice").WithHint("keep it at the host or at the interface").
			WithRelated(d.At(yamlfile.Join(e.Path, "gateway")), "given here first")
	} else if len(e.gateways) > 0 {
		nic.Gateways = reachable(e.gateways)
	}
	d.settleMAC(e, nic, nicPath)
	d.needAddress(e)
}

// settleMAC gives the host's MAC address to a primary Ethernet port. Under a
// bond, bridge or VLAN it stays what the machine boots by.
func (d *decoder) settleMAC(e *entry, nic *Interface, nicPath string) {
	own, key := e.firstMAC(), "mac"
	if own == "" || nic.Kind != "ethernet" {
		return
	}
	if len(e.macs) > 0 {
		key = "macs"
	}
	if nic.MAC != "" && nic.MAC != own || len(nic.macs) > 1 && !slices.Equal(nic.macs, e.macs) {
		d.Errorf(codeExclusive, yamlfile.Join(nicPath, key), "the MAC address differs from the host's").WithHint("keep one of them").
			WithRelated(d.At(yamlfile.Join(e.Path, key)), "the host has %s", own)
		return
	}
	nic.MAC, nic.macs = own, e.macs
}

// firstMAC is the host's MAC address, or the first of a range.
func (e *entry) firstMAC() string {
	if len(e.macs) > 0 {
		return e.macs[0]
	}
	return e.MAC
}

// findPrimary gives the index of the primary interface, or reports that there
// is none and gives -1.
func (d *decoder) findPrimary(e *entry) int {
	path := yamlfile.Join(e.Path, "interfaces")
	candidates := e.having(func(nic Interface) bool { return nic.Primary })
	if len(candidates) > 1 {
		d.Errorf(codeInterface, yamlfile.Join(yamlfile.Element(path, candidates[1]), "primary"), "a host has one primary interface").
			WithHint("mark the one that holds the address by which the cluster knows the host").WithRelated(d.At(yamlfile.Join(yamlfile.Element(path, candidates[0]), "primary")), "marked here first")
	}
	if len(candidates) == 0 {
		candidates = e.having(func(nic Interface) bool {
			return slices.ContainsFunc(nic.Addresses, func(p netip.Prefix) bool { return p.IsValid() && slices.Contains(e.addresses, p) })
		})
	}
	if len(candidates) == 0 {
		candidates = e.natural()
	}
	if len(candidates) > 0 {
		return candidates[0]
	}
	if d.OK(path) && d.OK(e.home) {
		d.Errorf(codeInterface, path, "none of the interfaces is the primary one").WithHint("give the host's address to one of them, or mark it with primary: true")
	}
	return -1
}

// natural gives the interface that is the primary one without a word of it: the only one in
// question. A dummy or tunnel is in question last, since others reach the machine by a port;
// members of others never are. A tunnel without an address is there for the host's.
func (e *entry) natural() []int {
	addressed := len(e.addresses) > 0 || len(e.ranges) > 0
	inQuestion := func(nic Interface) bool {
		member := slices.ContainsFunc(e.settled, func(over Interface) bool { return slices.Contains(over.Members, nic.Name) && nic.Name != "" })
		return !member && (addressed || len(nic.Addresses) > 0)
	}
	tunnels := e.having(func(nic Interface) bool { return nic.Kind == kindWireguard && len(nic.Addresses) == 0 })
	ports := e.having(func(nic Interface) bool { return inQuestion(nic) && nic.Kind != "dummy" && nic.Kind != kindWireguard })
	switch all := e.having(inQuestion); {
	case addressed && len(tunnels) == 1:
		return tunnels
	case len(ports) == 1:
		return ports
	case len(ports) == 0 && len(all) == 1:
		return all
	case len(e.settled) == 1:
		return []int{0}
	}
	return nil
}

// having gives the indices of the interfaces for which something holds.
func (e *entry) having(holds func(Interface) bool) []int {
	var out []int
	for i, nic := range e.settled {
		if holds(nic) {
			out = append(out, i)
		}
	}
	return out
}

// needAddress reports a host without an address.
func (d *decoder) needAddress(e *entry) {
	if len(e.addresses) > 0 || len(e.ranges) > 0 || len(e.settled[e.primary].Addresses) > 0 {
		return
	}
	name, example := "address", "192.168.200.21/24"
	if d.given(e, "names") {
		name, example = "addresses", "192.168.202.1+/24"
	}
	for _, path := range []string{yamlfile.Join(e.Path, "address"), yamlfile.Join(e.Path, "addresses"), yamlfile.Join(e.Path, "interfaces")} {
		if !d.OK(path) {
			return
		}
	}
	d.Errorf(codeMissing, yamlfile.Join(e.Path, name), "the host has no address").WithHint("add %s: %s", name, example)
}

func reachable(addresses []netip.Addr) []netip.Addr {
	return slices.DeleteFunc(slices.Clone(addresses), func(a netip.Addr) bool { return !a.IsValid() })
}

// union appends what is not there yet.
func union(first, second []netip.Prefix) []netip.Prefix {
	for _, p := range second {
		if !slices.Contains(first, p) {
			first = append(first, p)
		}
	}
	return first
}
