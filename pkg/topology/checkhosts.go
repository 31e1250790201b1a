package topology

import (
	"net/netip"
	"slices"

	"github.com/kubespore/kubespore/pkg/yamlfile"
)

// located is an address and where the file holds it.
type located struct {
	prefix netip.Prefix
	path   string
}

// addressesOf lists all addresses that an entry declares: of a range, the
// first host's.
func (c *checker) addressesOf(e *entry) []located {
	out := make([]located, 0, 2)
	add := func(path string, prefixes []netip.Prefix) {
		for i, p := range prefixes {
			if p.IsValid() {
				out = append(out, located{p, yamlfile.Element(path, i)})
			}
		}
	}
	if len(e.addresses) > 0 {
		add(yamlfile.Join(e.Path, "address"), e.addresses)
	}
	for i, r := range e.ranges {
		if r.first.IsValid() {
			out = append(out, located{r.first, yamlfile.Element(yamlfile.Join(e.Path, "addresses"), i)})
		}
	}
	for i, nic := range e.Interfaces {
		for j, p := range nic.Addresses {
			if p.IsValid() && !slices.Contains(e.addresses, p) {
				out = append(out, located{p, yamlfile.Element(yamlfile.Join(yamlfile.Element(yamlfile.Join(e.Path, "interfaces"), i), "addresses"), j)})
			}
		}
	}
	return out
}

func (c *checker) nameOf(e *entry) string {
	if e.from < e.to && c.Hosts[e.from].Name != "" {
		return c.Hosts[e.from].Name
	}
	return e.Path
}

// checkAddresses refuses addresses that no machine can have. Ranges were
// checked when they were counted out.
func (c *checker) checkAddresses(e *entry) {
	for _, at := range c.addressesOf(e) {
		why := unusable(at.prefix)
		secondLinkLocal := at.prefix.Addr().IsLinkLocalUnicast() && !c.isHome(e, at.prefix)
		if why == "" || secondLinkLocal || !c.OK(at.path) || len(e.ranges) > 0 && c.isHome(e, at.prefix) {
			continue
		}
		c.Errorf(codeUnusable, at.path, "%s is %s", at.prefix.Addr(), why).WithHint("use an address between the first and the last of %s", at.prefix.Masked())
	}
	first := map[string]bool{}
	for i, p := range c.homeAddresses(e) {
		name := family(p.Addr())
		if p.IsValid() && first[name] {
			c.Errorf(codeFamily, yamlfile.Element(e.home, i), "a second %s address for the host", name).
				WithHint("give one address of each family here, and further ones under interfaces")
		}
		first[name] = p.IsValid() || first[name]
	}
}

// homeAddresses gives what stands at address or addresses.
func (c *checker) homeAddresses(e *entry) []netip.Prefix {
	out := slices.Clone(e.addresses)
	for _, r := range e.ranges {
		out = append(out, r.first)
	}
	return out
}

func (c *checker) isHome(e *entry, p netip.Prefix) bool {
	if e.primary < 0 {
		return false
	}
	return slices.Contains(c.homeAddresses(e), p) || slices.Contains(e.settled[e.primary].Addresses, p)
}

// checkGateways checks the gateways of every interface of an entry.
func (c *checker) checkGateways(e *entry) {
	for i := range e.settled {
		path := yamlfile.Join(yamlfile.Element(yamlfile.Join(e.Path, "interfaces"), i), "gateway")
		gateways := e.settled[i].Gateways
		if i == e.primary && len(e.gateways) > 0 {
			path, gateways = yamlfile.Join(e.Path, "gateway"), e.gateways
		} else if i < len(e.Interfaces) {
			gateways = e.Interfaces[i].Gateways
		}
		nets := slices.Clone(e.settled[i].Addresses)
		if i == e.primary {
			nets = union(nets, validPrefixes(c.homeAddresses(e)))
		}
		if c.OK(path) && (i != e.primary || c.OK(e.home)) {
			c.checkGateway(path, gateways, nets, &e.settled[i])
		}
	}
}

// checkGatewayOfRange refuses a range that counts over its own gateway. A
// single host is compared with its gateway where the networks are.
func (c *checker) checkGatewayOfRange(e *entry) {
	if e.to-e.from < 2 {
		return
	}
	for i, g := range e.gateways {
		for _, h := range c.Hosts[e.from+1 : e.to] {
			if slices.ContainsFunc(h.Addresses, func(p netip.Prefix) bool { return p.Addr() == g }) {
				c.Errorf(codeGateway, yamlfile.Element(yamlfile.Join(e.Path, "gateway"), i), "the range gives the gateway's address %s to %s", g, h.Name).
					WithHint("begin the range behind the gateway, or split it in two").WithRelated(c.decoder.At(yamlfile.Join(e.Path, "addresses")), "the range")
			}
		}
	}
}

func (c *checker) checkGateway(path string, gateways []netip.Addr, nets []netip.Prefix, nic *Interface) {
	first := map[string]bool{}
	for i, g := range gateways {
		at, name := yamlfile.Element(path, i), family(g)
		if first[name] {
			c.Errorf(codeGateway, at, "a second %s gateway", name).WithHint("give one gateway for each family, and further ones as routes")
			continue
		}
		first[name] = true
		if g.Is6() && g.IsLinkLocalUnicast() {
			continue // routers announce themselves with these
		}
		j := slices.IndexFunc(nets, func(p netip.Prefix) bool { return p.Contains(g) })
		if j < 0 && onLink(g, nets, nic) {
			continue
		}
		if j < 0 {
			c.Errorf(codeGateway, at, "the gateway %s is on none of the interface's networks%s", g, inBrackets(nets)).WithHint("the gateway is the router's address on the same network; check the prefix length too. Where it answers all the same, write onLink: true at the interface")
			continue
		}
		if why := unusable(netip.PrefixFrom(g, nets[j].Bits())); why != "" {
			c.Errorf(codeGateway, at, "the gateway %s is %s", g, why).WithHint("use the router's own address")
		} else if slices.ContainsFunc(nets, func(p netip.Prefix) bool { return p.Addr() == g }) {
			c.Errorf(codeGateway, at, "the gateway %s is the host itself", g).WithHint("use the router's address")
		}
	}
}

// onLink says whether a gateway that no network holds is on the link: because
// the interface says so, has a route to it without a next hop, or has an address
// that is alone in its network, from where no other gateway could be reached.
func onLink(g netip.Addr, nets []netip.Prefix, nic *Interface) bool {
	single := func(p netip.Prefix) bool { return p.Addr().Is4() == g.Is4() && p.IsSingleIP() }
	direct := func(r Route) bool { return r.To.IsValid() && !r.Via.IsValid() && r.To.Contains(g) }
	return nic.OnLink || slices.ContainsFunc(nets, single) || slices.ContainsFunc(nic.Routes, direct)
}

func inBrackets(nets []netip.Prefix) string {
	var names []string
	for _, p := range nets {
		names = append(names, p.Masked().String())
	}
	if len(names) == 0 {
		return ""
	}
	return " (" + listed(names) + ")"
}

// checkFamilies wants an address of each of the pods' families on every node,
// and of the first one on every etcd member.
func (c *checker) checkFamilies() {
	if !c.OK("network.pods") || len(c.Network.Pods) == 0 {
		return
	}
	for i := range c.entries {
		e := &c.entries[i]
		want := families(c.Network.Pods)
		if !e.isNode() {
			want = want[:1]
		}
		if len(e.Roles) == 0 || e.from == e.to || !c.OK(e.home) || len(c.Hosts[e.from].Addresses) == 0 {
			continue
		}
		have := families(c.Hosts[e.from].Addresses)
		for _, name := range want {
			if !slices.Contains(have, name) {
				c.Errorf(codeFamily, e.home, "the host has no %s address, and the pod network has %s", name, name).
					WithHint("add an address of that family: address: [%s, ...]", c.Hosts[e.from].Addresses[0]).WithRelated(c.decoder.At("network.pods"), "the pods' networks")
			}
		}
	}
}
