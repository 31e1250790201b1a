package topology

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/kubespore/kubespore/pkg/yamlfile"
)

// checkRouter refuses a virtual endpoint whose address something else has that
// the topology names: a router or a server of the network.
func (c *checker) checkRouter(a netip.Addr) bool {
	refuse := func(path, what string) bool {
		c.Errorf(codeEndpoint, "cluster.endpoint", "%s is the address of %s", a, what).
			WithHint("use a free address on the network of the control planes%s", c.exampleLAN()).WithRelated(c.decoder.At(path), "said here")
		return true
	}
	for i := range c.entries {
		e := &c.entries[i]
		for j := range e.settled {
			path := yamlfile.Element(yamlfile.Join(e.Path, "interfaces"), j)
			if !c.given(e, "interfaces") || j == e.primary && len(e.gateways) > 0 {
				path = e.Path
			}
			if slices.Contains(e.settled[j].Gateways, a) {
				return refuse(yamlfile.Join(path, "gateway"), "the gateway of "+c.nameOf(e))
			}
			for k, r := range e.settled[j].Routes {
				if r.Via == a {
					return refuse(yamlfile.Join(yamlfile.Element(yamlfile.Join(path, "routes"), k), "via"), "a router of "+c.nameOf(e))
				}
			}
		}
	}
	if i := slices.Index(c.Network.Nameservers, a); i >= 0 {
		return refuse(yamlfile.Element("network.nameservers", i), "a name server")
	}
	if i := slices.Index(c.Network.NTP, a.String()); i >= 0 {
		return refuse(yamlfile.Element("network.ntp", i), "a time server")
	}
	return false
}

// checkWays wants a way from every host of the cluster to the network of every
// other: control planes and kubelets dial each other, and pods cross them all.
func (c *checker) checkWays() {
	var members []*entry
	homes := map[netip.Prefix]*entry{}
	for i := range c.entries {
		e := &c.entries[i]
		if len(e.Roles) == 0 || e.from == e.to || !c.OK(e.home) || e.primary < 0 {
			continue
		}
		members = append(members, e)
		for _, p := range c.homeNetworks(e) {
			if homes[p.Masked()] == nil {
				homes[p.Masked()] = e
			}
		}
	}
	if len(homes) < 2 {
		return
	}
	networks := make([]netip.Prefix, 0, len(homes))
	for p := range homes {
		networks = append(networks, p)
	}
	slices.SortFunc(networks, netip.Prefix.Compare)
	said := map[[2]netip.Prefix]bool{}
	for _, e := range members {
		for _, home := range c.homeNetworks(e) {
			if gatewayOf(e, home.Addr().Is4()) {
				continue
			}
			for _, far := range networks {
				pair := [2]netip.Prefix{home.Masked(), far}
				if far.Addr().Is4() != home.Addr().Is4() || said[pair] || leads(e, home, far) {
					continue
				}
				said[pair] = true
				other := homes[far]
				c.Errorf(codeReach, e.home, "%s cannot reach %s, the network of %s", c.nameOf(e), far, c.nameOf(other)).
					WithHint("give it gateway: and the router's address, or a route to %s under interfaces", far).
					WithRelated(c.decoder.At(other.home), "%s", c.nameOf(other))
			}
		}
	}
}

// homeNetworks gives the primary addresses of an entry, of a range the first host's.
func (c *checker) homeNetworks(e *entry) []netip.Prefix {
	if own := validPrefixes(c.homeAddresses(e)); len(own) > 0 {
		return own
	}
	return validPrefixes(e.settled[e.primary].Addresses)
}

func gatewayOf(e *entry, is4 bool) bool {
	return slices.ContainsFunc(e.settled, func(nic Interface) bool {
		return slices.ContainsFunc(nic.Gateways, func(g netip.Addr) bool { return g.Is4() == is4 })
	})
}

// leads says whether an entry's hosts know a way to a network.
func leads(e *entry, home, far netip.Prefix) bool {
	if home.Masked().Overlaps(far) {
		return true
	}
	return slices.ContainsFunc(e.settled, func(nic Interface) bool {
		return nic.DHCP != "no" && nic.DHCP != "" ||
			slices.ContainsFunc(nic.Addresses, func(p netip.Prefix) bool { return p.Masked().Overlaps(far) }) ||
			slices.ContainsFunc(nic.Routes, func(r Route) bool {
				return r.To.IsValid() && r.To.Bits() <= far.Bits() && r.To.Contains(far.Addr())
			})
	})
}

// checkDomain warns of names that only the machines can resolve: for all below
// its own domain, cluster DNS asks no other server.
func (c *checker) checkDomain() {
	const path = "cluster.domain"
	domain := c.Cluster.Domain
	if domain == "" || !c.OK(path) {
		return
	}
	warn := func(name, other, what string) {
		if name != domain && !strings.HasSuffix(name, "."+domain) || !c.OK(other) {
			return
		}
		c.Warnf(codeDomain, path, "cluster DNS answers for all of %s, so that pods cannot resolve %s, %s", domain, name, what).
			WithHint("use a domain that exists nowhere else, such as cluster.local or k8s.%s", domain).WithRelated(c.decoder.At(other), "said here")
	}
	warn(c.Cluster.Endpoint.Host, "cluster.endpoint", "the endpoint")
	for i, name := range c.Network.SearchDomains {
		warn(name, yamlfile.Element("network.searchDomains", i), "which the machines search")
	}
	for i, name := range c.Network.NTP {
		warn(name, yamlfile.Element("network.ntp", i), "a time server")
	}
}
