package topology

import (
	"net/netip"

	"github.com/kubespore/kubespore/pkg/yamlfile"
)

func externalAt(e *entry, i int) string {
	return yamlfile.Element(yamlfile.Join(e.Path, "externalAddresses"), i)
}

// checkExternalRange refuses external addresses that count up for one host, and past the
// end of all addresses.
func checkExternalRange(d *decoder, e *entry, count int) {
	for i, c := range e.external {
		at := externalAt(e, i)
		if !c.IsValid() || !c.up || !d.OK(at) {
			continue
		}
		if !d.given(e, "names") {
			d.Errorf(codeExclusive, at, "the address counts up for a range of hosts, and this is one host").WithHint("write %s, or names for a range", c.Addr)
		} else if _, ok := nth(c.Addr, max(count, 1)-1); !ok {
			d.Errorf(codeRange, at, "%d hosts from %s on come past the last address", count, c.Addr).WithHint("begin lower, or use fewer hosts")
		}
	}
}

// checkExternal refuses external addresses to which no router sends anything from
// outside: those of no machine, of the cluster's inside, or on an interface.
func checkExternal(c *checker, e *entry) {
	for i, written := range e.external {
		at := externalAt(e, i)
		if !written.IsValid() || !c.OK(at) {
			continue
		}
		for n := e.from; n < e.to; n++ {
			h := &c.Hosts[n]
			if len(h.External) == len(e.external) && refuseExternal(c, h, h.External[i], at) {
				break
			}
		}
	}
}

// refuseExternal reports what keeps one address from being an external one.
func refuseExternal(c *checker, h *Host, a netip.Addr, at string) bool {
	if why := unusable(netip.PrefixFrom(a, a.BitLen())); why != "" {
		c.Errorf(codeUnusable, at, "%s is %s", a, why).WithHint("write the address that the router translates to this machine")
		return true
	}
	if h.HasAddress(a) {
		c.Errorf(codeDuplicate, at, "%s has %s on an interface already", h.Name, a).WithHint("take it out: certificates hold the addresses of interfaces where they need them, and those of others go under certSANs of profiles.control-plane")
		return true
	}
	for _, s := range c.spans() {
		if !s.lan && s.net.Contains(a) && c.OK(s.path) {
			c.Errorf(codeOverlap, at, "the external address %s is inside %s %s", a, s.what, s.net).
				WithHint("use another network for the inside of the cluster").WithRelated(c.decoder.At(s.path), "%s is declared here", s.net)
			return true
		}
	}
	return false
}
