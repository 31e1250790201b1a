package topology

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/kubespore/kubespore/pkg/yamlfile"
)

// owned is what one host has for itself.
type owned struct {
	entry int
	host  int
	path  string
}

// collision is a pair of entries whose hosts have the same; one report for
// two ranges is enough.
type collision struct {
	first, second int
	what          string
}

// uniqueness finds things that two hosts have.
type uniqueness struct {
	*checker
	reported map[collision]bool
}

// checkUnique refuses names, addresses, MAC addresses and serial numbers that
// two hosts have.
func (c *checker) checkUnique() {
	u := uniqueness{c, map[collision]bool{}}
	names, serials, macs := map[string]owned{}, map[string]owned{}, map[string]owned{}
	addresses := make(map[netip.Addr]owned, len(c.Hosts))
	for i := range c.entries {
		e := &c.entries[i]
		namePath := yamlfile.Join(e.Path, "name")
		if c.given(e, "names") {
			namePath = yamlfile.Join(e.Path, "names")
		}
		for n := e.from; n < e.to; n++ {
			h := &c.Hosts[n]
			if h.Name != "" {
				takeOnce(u, names, h.Name, owned{i, n, namePath}, "name")
			}
			if h.Serial != "" {
				takeOnce(u, serials, h.Serial, owned{i, n, serialAt(e, n)}, "serial number")
			}
			for _, p := range h.Addresses {
				takeOnce(u, addresses, p.Addr(), owned{i, n, e.home}, "address")
			}
			for j, a := range h.External {
				if at := externalAt(e, j); len(h.External) == len(e.external) && !h.HasAddress(a) {
					takeOnce(u, addresses, a, owned{i, n, at}, "address")
				}
			}
			for j, nic := range h.Interfaces[:len(e.Interfaces)] {
				for _, p := range nic.Addresses {
					if !slices.Contains(h.Addresses, p) && !p.Addr().IsLinkLocalUnicast() {
						takeOnce(u, addresses, p.Addr(), owned{i, n, yamlfile.Join(yamlfile.Element(yamlfile.Join(e.Path, "interfaces"), j), "addresses")}, "address")
					}
				}
			}
		}
		c.contestMACs(u, macs, i, e)
	}
}

// serialAt is where the serial number of a host stands.
func serialAt(e *entry, n int) string {
	if len(e.serials) > 0 {
		return yamlfile.Element(yamlfile.Join(e.Path, "serials"), n-e.from)
	}
	return yamlfile.Join(e.Path, "serial")
}

// contestMACs collects the MAC addresses of an entry, each once.
func (c *checker) contestMACs(u uniqueness, macs map[string]owned, i int, e *entry) {
	for n, address := range e.macs {
		takeOnce(u, macs, address, owned{i, min(e.from+n, max(e.from, e.to-1)), yamlfile.Element(yamlfile.Join(e.Path, "macs"), n)}, "MAC address")
	}
	for j, nic := range e.Interfaces {
		if slices.Equal(nic.macs, e.macs) {
			continue // the same port, said twice
		}
		for n, address := range nic.macs {
			at := yamlfile.Join(yamlfile.Element(yamlfile.Join(e.Path, "interfaces"), j), "macs")
			takeOnce(u, macs, address, owned{i, min(e.from+n, max(e.from, e.to-1)), yamlfile.Element(at, n)}, "MAC address")
		}
	}
	if c.given(e, "names") {
		return
	}
	if e.MAC != "" {
		takeOnce(u, macs, e.MAC, owned{i, e.from, yamlfile.Join(e.Path, "mac")}, "MAC address")
	}
	for j, nic := range e.Interfaces {
		if nic.MAC != "" && nic.MAC != e.MAC && nic.Kind == "ethernet" {
			takeOnce(u, macs, nic.MAC, owned{i, e.from, yamlfile.Join(yamlfile.Element(yamlfile.Join(e.Path, "interfaces"), j), "mac")}, "MAC address")
		}
	}
}

// takeOnce records who has a value, or reports that another had it first.
func takeOnce[K comparable](u uniqueness, taken map[K]owned, value K, by owned, what string) {
	first, twice := taken[value]
	if !twice {
		taken[value] = by
		return
	}
	pair := collision{first.entry, by.entry, what}
	if !u.OK(by.path) || !u.OK(first.path) || u.reported[pair] {
		return
	}
	u.reported[pair] = true
	path, firstPath := u.exact(by, value), u.exact(first, value)
	u.Errorf(codeDuplicate, path, "the %s %v is used twice", what, value).
		WithHint("give each host its own").WithRelated(u.decoder.At(firstPath), "first used by %s", u.holder(first))
}

// exact gives the list element that holds an address, where the host has a
// list.
func (c *checker) exact(by owned, value any) string {
	if a, ok := value.(netip.Addr); ok {
		for _, at := range c.addressesOf(&c.entries[by.entry]) {
			if at.prefix.Addr() == a && strings.HasPrefix(at.path, by.path) {
				return at.path
			}
		}
	}
	return by.path
}

func (c *checker) holder(by owned) string {
	if name := c.Hosts[by.host].Name; name != "" {
		return name
	}
	return c.entries[by.entry].Path
}
