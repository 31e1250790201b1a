package plan

import (
	"cmp"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/kubespore/kubespore/pkg/topology"
)

// clusterFacts gathers what templates know of the cluster. The hosts come
// sorted by name.
func clusterFacts(t *topology.Topology, hosts []*HostFacts, given Allocations) *Cluster {
	c := &Cluster{
		Name: t.Cluster.Name, Domain: t.Cluster.Domain, Formed: t.Cluster.Formed,
		Version: t.Kubernetes.Version, Minor: t.Kubernetes.Minor, ImageRepository: t.Kubernetes.ImageRepository,
		NodePodBits: map[string]int{}, NodePodMin: map[string]string{}, NodePodMax: map[string]string{},
		SearchDomains: t.Network.SearchDomains, NTP: t.Network.NTP,
		Custody: t.PKI.Custody, KeyAlgorithm: t.PKI.KeyAlgorithm, Validity: t.PKI.Validity, AdminOnControlPlanes: t.Access.AdminOnControlPlanes, StackedEtcd: true,
		Hosts: hosts, VRRPID: given.VRRP[vrrpCluster+t.Cluster.Name],
		Bundled: bundled(given), Rotations: given.Rotations,
	}
	for _, p := range t.Network.Pods {
		c.PodCIDRs = append(c.PodCIDRs, p.String())
		c.Families = append(c.Families, family(p.Addr()))
		c.NodePodBits[family(p.Addr())] = podBits(t.Network.NodePodBits, p.Addr())
		if blocks, ok := poolOf(t.Network, p); ok {
			first, last := podRange(t.Network, blocks)
			c.NodePodMin[family(p.Addr())], c.NodePodMax[family(p.Addr())] = blocks.block(first).Addr().String(), blocks.block(last).Addr().String()
		}
	}
	for _, p := range t.Network.Services {
		c.ServiceCIDRs = append(c.ServiceCIDRs, p.String())
		c.APIAddresses = append(c.APIAddresses, offset(p, 1).String())
		c.DNSAddresses = append(c.DNSAddresses, offset(p, 10).String())
	}
	for _, a := range t.Network.Nameservers {
		c.Nameservers = append(c.Nameservers, a.String())
	}
	for _, u := range t.Access.Users {
		c.Users = append(c.Users, User(u))
	}
	slices.SortFunc(c.Users, func(a, b User) int { return cmp.Compare(a.Name, b.Name) })
	for _, h := range hosts {
		c.StackedEtcd = c.StackedEtcd && !slices.Contains(h.Roles, "etcd")
	}
	c.groupHosts()
	for _, h := range c.EtcdMembers {
		h.IsFounder = slices.Contains(given.Founders, h.Name)
	}
	c.HostNetworks = hostNetworks(t.Hosts)
	c.Endpoint = endpoint(t.Cluster.Endpoint, hosts)
	return c
}

// groupHosts sorts the hosts into the lists that templates walk through.
func (c *Cluster) groupHosts() {
	for _, h := range c.Hosts {
		if h.IsControlPlane {
			c.ControlPlanes = append(c.ControlPlanes, h)
		}
		if h.IsEtcd = slices.Contains(h.Roles, "etcd") || (c.StackedEtcd && h.IsControlPlane); h.IsEtcd {
			c.EtcdMembers = append(c.EtcdMembers, h)
		}
		switch {
		case len(h.Roles) == 0:
			c.ServiceHosts = append(c.ServiceHosts, h)
		case h.IsWorker && len(h.Roles) == 1:
			c.Workers = append(c.Workers, h)
		}
	}
}

func endpoint(e topology.Endpoint, hosts []*HostFacts) Endpoint {
	out := Endpoint{Host: e.Host, Port: e.Port, URL: "https://" + net.JoinHostPort(e.Host, strconv.Itoa(e.Port))}
	if _, err := netip.ParseAddr(e.Host); err == nil {
		out.IsAddress = true
		out.IsVirtual = holder(e.Host, hosts) == nil
	}
	// A machine may not reach the address that its own router translates, and need not:
	// translated one to one, it is another machine's on the same ports. What goes through
	// a tunnel is proved by keys, so that nodes dial nothing below it.
	out.Inside = out.URL
	if h := holder(e.Host, hosts); h != nil && (slices.Contains(h.External, e.Host) || h.Primary.Kind == "wireguard") {
		out.Inside = "https://" + net.JoinHostPort(h.Address, strconv.Itoa(e.Port))
	}
	return out
}

// holder gives the host to which what is sent to an address comes: it has the address
// as its own, or others translate it.
func holder(address string, hosts []*HostFacts) *HostFacts {
	for _, h := range hosts {
		if slices.Contains(h.Addresses, address) || slices.Contains(h.External, address) {
			return h
		}
		for _, i := range h.Interfaces {
			for _, cidr := range i.Addresses {
				if bare, _, _ := strings.Cut(cidr, "/"); bare == address {
					return h
				}
			}
		}
	}
	return nil
}

func hostNetworks(hosts []topology.Host) []string {
	seen := map[netip.Prefix]bool{}
	for i := range hosts {
		for _, p := range hosts[i].Addresses {
			seen[p.Masked()] = true
		}
	}
	all := make([]netip.Prefix, 0, len(seen))
	for p := range seen {
		all = append(all, p)
	}
	slices.SortFunc(all, netip.Prefix.Compare)
	return textsOf(all)
}

// byKey gives the entries of a mapping in the order of their keys.
func byKey(m map[string]string) []KeyValue {
	var out []KeyValue
	for _, k := range slices.Sorted(maps.Keys(m)) {
		out = append(out, KeyValue{k, m[k]})
	}
	return out
}

// hostFacts gathers what templates know of a host, but for what depends on
// other hosts.
func hostFacts(h *topology.Host) *HostFacts {
	f := &HostFacts{
		Name: h.Name, Path: h.Path, Roles: h.Roles, OS: h.OS, Format: h.Format, Arch: h.Arch, MAC: h.MAC, Serial: h.Serial,
		External: textsOf(h.External), CIDRs: textsOf(h.Addresses), Gateways: textsOf(h.Gateways),
		IsControlPlane: h.HasRole("control-plane"), IsWorker: h.HasRole("worker"),
	}
	f.IsNode = f.IsControlPlane || f.IsWorker
	for _, p := range h.Addresses {
		f.Addresses = append(f.Addresses, p.Addr().String())
	}
	if len(f.Addresses) > 0 {
		f.Address = f.Addresses[0]
	}
	f.Labels, f.Annotations = byKey(h.Labels), byKey(h.Annotations)
	f.Taints = taintFacts(h)
	f.Interfaces = interfaceFacts(h.Interfaces)
	leases(f)
	lookups(f)
	for _, i := range f.Interfaces {
		if i.Primary {
			f.Primary = i
			break
		}
	}
	f.Disks, f.Tables, f.Arrays = diskFacts(h), tableFacts(h.Disks), arrayFacts(h.Arrays)
	return f
}

// taintFacts gives the taints of a Node: that of a control plane which takes no
// ordinary pods, and those of the topology. A Node has a key once with each
// effect, so what the topology says of one goes before what the role says.
func taintFacts(h *topology.Host) []Taint {
	var out []Taint
	role := Taint{Key: "node-role.kubernetes.io/control-plane", Effect: "NoSchedule"}
	said := func(t topology.Taint) bool { return t.Key == role.Key && t.Effect == role.Effect }
	if h.HasRole("control-plane") && !h.HasRole("worker") && !slices.ContainsFunc(h.Taints, said) {
		out = append(out, role)
	}
	for _, t := range h.Taints {
		out = append(out, Taint(t))
	}
	return out
}

// leases sets those addresses of the primary interface that DHCP gives: of each
// family that it asks for, the host's own.
func leases(f *HostFacts) {
	for n := range f.Interfaces {
		i := &f.Interfaces[n]
		for _, cidr := range f.CIDRs {
			mode := "ipv4"
			if strings.Contains(cidr, ":") {
				mode = "ipv6"
			}
			if i.Primary && (i.DHCP == mode || i.DHCP == "yes") {
				i.Leases = append(i.Leases, cidr)
			}
		}
	}
}

// lookups marks the interface by which names are looked up: the primary one or, where that is a
// tunnel, which leads to peers alone, the port below.
func lookups(f *HostFacts) {
	for n := range f.Interfaces {
		i := &f.Interfaces[n]
		i.Lookup = i.Primary && i.Kind != "wireguard" ||
			slices.ContainsFunc(f.Interfaces, func(over InterfaceFacts) bool {
				return over.Primary && over.Kind == "wireguard" && over.Link == i.Name && i.Kind != "wireguard"
			})
	}
}

func interfaceFacts(list []topology.Interface) []InterfaceFacts {
	out := make([]InterfaceFacts, len(list))
	unnamed := 0
	for n, i := range list {
		f := InterfaceFacts{Name: i.Name, Ident: i.Name, Kind: i.Kind, MAC: i.MAC, Primary: i.Primary,
			Addresses: textsOf(i.Addresses), Gateways: textsOf(i.Gateways), DHCP: i.DHCP, MTU: i.MTU,
			OnLink: outside(i.Gateways, i.Addresses), Members: i.Members, BondMode: i.BondMode, Bond: i.Bond, VLAN: i.VLAN, Link: i.Link, Tunnel: i.Tunnel}
		if f.Ident == "" {
			f.Ident = numbered("lan", unnamed)
			unnamed++
		}
		for _, r := range i.Routes {
			via := ""
			if r.Via.IsValid() {
				via = r.Via.String()
			}
			f.Routes = append(f.Routes, RouteFacts{To: r.To.String(), Via: via, Metric: r.Metric, OnLink: r.OnLink || outside([]netip.Addr{r.Via}, i.Addresses)})
		}
		out[n] = f
	}
	for _, upper := range out {
		for n := range out {
			if out[n].Name == "" {
				continue
			}
			if slices.Contains(upper.Members, out[n].Name) {
				out[n].Master, out[n].MasterKind = upper.Name, upper.Kind
			}
			if upper.Kind == "vlan" && upper.Link == out[n].Name {
				out[n].VLANs = append(out[n].VLANs, upper.Name)
			}
		}
	}
	return out
}

// outside says whether a next hop is in none of an interface's networks. Those
// of IPv6 may be link-local, which every interface has.
func outside(hops []netip.Addr, networks []netip.Prefix) bool {
	return len(networks) > 0 && slices.ContainsFunc(hops, func(hop netip.Addr) bool {
		return hop.IsValid() && !hop.IsLinkLocalUnicast() && !slices.ContainsFunc(networks, func(p netip.Prefix) bool { return p.Contains(hop) })
	})
}

// numbered makes names unique: lan, lan1, lan2.
func numbered(name string, n int) string {
	if n == 0 {
		return name
	}
	return fmt.Sprintf("%s%d", name, n)
}

func family(a netip.Addr) string {
	if a.Is4() {
		return "ipv4"
	}
	return "ipv6"
}

func podBits(b topology.PodBits, a netip.Addr) int {
	if a.Is4() {
		return b.IPv4
	}
	return b.IPv6
}

// offset gives an address by its number in a network.
func offset(p netip.Prefix, n int) netip.Addr {
	a := p.Masked().Addr()
	for range n {
		a = a.Next()
	}
	return a
}

func textsOf[T fmt.Stringer](list []T) []string {
	if len(list) == 0 {
		return nil
	}
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = v.String()
	}
	return out
}
