package topology

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/kubespore/kubespore/pkg/yamlfile"
)

// maxMembers is what etcd advises: each member more makes every write slower.
const maxMembers = 7

// checkRoles counts control planes and etcd members.
func (c *checker) checkRoles() {
	if c.lost || !c.OK("hosts") && slices.ContainsFunc(c.entries, func(e entry) bool {
		return !c.OK(yamlfile.Join(e.Path, "roles")) || !c.OK(yamlfile.Join(e.Path, "names"))
	}) {
		return // a host that could not be read may be what is missing
	}
	if !c.isGiven("hosts") {
		return
	}
	controlPlanes, members := c.withRole("control-plane"), c.withRole("etcd")
	if len(controlPlanes) == 0 {
		c.Errorf(codeControlPlane, "hosts", "no host has the role control-plane: nothing would answer at the endpoint").WithHint("give one or three hosts roles: [control-plane]")
		return
	}
	if len(members) == 0 {
		c.checkMembers(controlPlanes, "control planes that hold etcd")
		return
	}
	c.checkMembers(members, "etcd members")
	if len(controlPlanes) > maxMembers {
		c.Warnf(codeControlPlane, c.rolesOf(controlPlanes[maxMembers]), "%d control planes: three or five are as safe and easier to keep", len(controlPlanes)).WithHint("make the others workers")
	}
}

func (c *checker) checkMembers(members []int, what string) {
	checkZones(c, members, what)
	count := len(members)
	if count <= maxMembers && count%2 == 1 {
		return
	}
	last := c.rolesOf(members[count-1])
	switch {
	case count > maxMembers:
		c.Errorf(codeEtcd, c.rolesOf(members[maxMembers]), "%d %s: each write waits for more than half of them", count, what).WithHint("use three or five, seven at most")
	case count == 2:
		c.Warnf(codeEtcd, last, "two %s: when either fails, both stand still", what).WithHint("use one, or three to survive the loss of one").
			WithRelated(c.decoder.At(c.rolesOf(members[0])), "the other one")
	default:
		c.Warnf(codeEtcd, last, "%d %s survive the loss of %d, as %d do", count, what, (count-1)/2, count-1).WithHint("use %d or %d", count-1, count+1)
	}
}

// withRole gives the indices of the hosts that have a role.
func (c *checker) withRole(role string) []int {
	var out []int
	for i := range c.Hosts {
		if c.Hosts[i].HasRole(role) {
			out = append(out, i)
		}
	}
	return out
}

func (c *checker) rolesOf(host int) string { return yamlfile.Join(c.Hosts[host].Path, "roles") }

// checkEndpoint checks that something can answer at the endpoint's address
// and that the machines reach it.
func (c *checker) checkEndpoint() {
	const path = "cluster.endpoint"
	a, err := netip.ParseAddr(c.Cluster.Endpoint.Host)
	if err != nil || !c.OK(path) {
		return
	}
	if why := unusable(netip.PrefixFrom(a, a.BitLen())); why != "" {
		c.Errorf(codeEndpoint, path, "%s is %s", a, why).WithHint("use an address that all machines reach")
		return
	}
	for _, s := range c.spans() {
		if !s.lan && s.net.Contains(a) && c.OK(s.path) {
			c.Errorf(codeOverlap, path, "the endpoint %s is inside %s %s", a, s.what, s.net).
				WithHint("use an address on the machines' network").WithRelated(c.decoder.At(s.path), "%s is declared here", s.net)
			return
		}
	}
	if holder := slices.IndexFunc(c.Hosts, func(h Host) bool { return h.Answers(a) }); holder >= 0 {
		c.checkHolder(a, &c.Hosts[holder])
		return
	}
	if !c.checkRouter(a) {
		c.checkReach(a)
	}
}

// checkHolder judges an endpoint that is a host's own address.
func (c *checker) checkHolder(a netip.Addr, h *Host) {
	const path = "cluster.endpoint"
	switch {
	case !c.OK(yamlfile.Join(h.Path, "roles")):
	case len(h.Roles) > 0 && !h.HasRole("control-plane"):
		c.Errorf(codeEndpoint, path, "%s is the address of %s, where no API server runs", a, h.Name).
			WithHint("use a free address for a virtual one, or a control plane's").WithRelated(c.decoder.At(h.Path), "%s", h.Name)
	case h.HasRole("control-plane") && len(c.withRole("control-plane")) > 1:
		c.Warnf(codeEndpoint, path, "%s is the address of %s alone: without that host no one reaches the other control planes", a, h.Name).
			WithHint("use a free address of the same network as a virtual one, or a balancer").WithRelated(c.decoder.At(h.Path), "%s", h.Name)
	}
}

// checkReach wants the endpoint on a network of the hosts, or a gateway on
// every node to reach it by.
func (c *checker) checkReach(a netip.Addr) {
	const path = "cluster.endpoint"
	cut := ""
	for i := range c.entries {
		e := &c.entries[i]
		if !c.OK(e.home) {
			return
		}
		for _, at := range c.addressesOf(e) {
			if !at.prefix.Contains(a) {
				continue
			}
			if why := unusable(netip.PrefixFrom(a, at.prefix.Bits())); why != "" {
				c.Errorf(codeEndpoint, path, "%s is %s", a, why).WithHint("use a free address between the first and the last of %s", at.prefix.Masked())
			}
			return
		}
		if e.isNode() && e.from < e.to && cut == "" && !routes(e, a) {
			cut = c.nameOf(e)
		}
	}
	switch {
	case len(c.Hosts) == 0:
	case cut != "":
		c.Errorf(codeEndpoint, path, "%s is on no host's network, and %s has no gateway to reach it by", a, cut).WithHint("use a free address on the network of the control planes%s", c.exampleLAN())
	default:
		c.Warnf(codeEndpoint, path, "%s is on no host's network: only a balancer outside the cluster can answer there", a).WithHint("for a virtual address use a free one on the network of the control planes%s", c.exampleLAN())
	}
}

// routes says whether an entry's hosts know a way to an address.
func routes(e *entry, a netip.Addr) bool {
	return slices.ContainsFunc(e.settled, func(nic Interface) bool {
		return nic.DHCP != "no" && nic.DHCP != "" ||
			slices.ContainsFunc(nic.Gateways, func(g netip.Addr) bool { return g.Is4() == a.Is4() }) ||
			slices.ContainsFunc(nic.Routes, func(r Route) bool { return r.To.IsValid() && r.To.Contains(a) })
	})
}

func (c *checker) exampleLAN() string {
	for _, i := range c.withRole("control-plane") {
		if addresses := c.Hosts[i].Addresses; len(addresses) > 0 {
			return fmt.Sprintf(", %s", addresses[0].Masked())
		}
	}
	return ""
}
