package topology

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/yamlfile"
)

// expand turns the entries of hosts into hosts.
func (d *decoder) expand(f *document) {
	for i := range f.entries {
		e := &f.entries[i]
		e.Path = yamlfile.Element("hosts", i)
		d.inherit(f, e)
		d.settle(e)
		e.from = len(f.Hosts)
		names := d.hostNames(e)
		if len(f.Hosts)+len(names) > maxHosts {
			d.Stop(yamlfile.Join(e.Path, "names"), "the file declares more than %d hosts", maxHosts).WithHint("split the fleet into several clusters")
			return
		}
		d.checkRanges(e, len(names))
		checkExternalRange(d, e, len(names))
		d.checkLists(e, len(names))
		for n, name := range names {
			f.Hosts = append(f.Hosts, e.host(name, n))
		}
		e.to = len(f.Hosts)
	}
}

// inherit fills in what the topology sets for all hosts. A format goes with
// the operating system next to it: a host with another one follows that.
func (d *decoder) inherit(f *document, e *entry) {
	if e.Format == "" && e.OS == "" {
		e.Format = f.format
	}
	setDefault(&e.OS, f.os)
	setDefault(&e.Arch, f.arch)
	setDefault(&e.Delivery, f.Delivery)
	if readable := d.known.Systems[e.OS]; len(readable) > 0 {
		setDefault(&e.Format, readable[0])
	}
	if len(d.known.Systems) == 0 {
		setDefault(&e.Format, Formats[0])
	}
}

func setDefault(value *string, fallback string) {
	if *value == "" {
		*value = fallback
	}
}

// hostNames gives the names of an entry and reports what a single host and a
// range cannot have. A host without a proper name has "": what else is wrong
// with it is found all the same.
func (d *decoder) hostNames(e *entry) []string {
	names := slices.Concat(e.names...)
	isRange := d.given(e, "names")
	if !isRange {
		if !d.given(e, "name") {
			if d.OK(yamlfile.Join(e.Path, "name")) && d.OK(yamlfile.Join(e.Path, "names")) {
				d.Errorf(codeMissing, yamlfile.Join(e.Path, "name"), "the host has no name").WithHint("add name: w1, or names: \"w[001-300]\" for many")
			}
			return []string{""}
		}
		if d.given(e, "addresses") && !d.given(e, "address") {
			d.Errorf(codeExclusive, yamlfile.Join(e.Path, "addresses"), "addresses counts up for a range of hosts, and this is one host").WithHint("use address, or names for a range")
		}
		return []string{e.name}
	}
	if d.given(e, "address") && !d.given(e, "addresses") && len(names) > 1 {
		wrong := d.Errorf(codeExclusive, yamlfile.Join(e.Path, "address"), "%d hosts cannot share one address", len(names)).WithHint("write addresses: 192.168.202.1+/22 to count up")
		if first := validPrefixes(e.addresses); len(first) > 0 {
			wrong.WithHint("write addresses: %s+/%d to count up", first[0].Addr(), first[0].Bits())
		}
	}
	if len(names) == 0 && d.OK(yamlfile.Join(e.Path, "names")) {
		d.Errorf(codeRange, yamlfile.Join(e.Path, "names"), "the list is empty: the entry stands for no host").WithHint("write names: \"w[001-300]\", or remove the entry")
	}
	d.refuseSingular(e)
	return names
}

// refuseSingular reports what only one machine can have.
func (d *decoder) refuseSingular(e *entry) {
	refuse := func(path, what, many string) *diag.Diagnostic {
		return d.Errorf(codeRange, path, "%s belongs to one machine, and this is a range", what).WithHint("write %s, one for each host in their order, or a column of a file: from: inventory.csv", many)
	}
	if d.given(e, "mac") {
		refuse(yamlfile.Join(e.Path, "mac"), "a MAC address", "macs: [...]")
	}
	if d.given(e, "serial") {
		refuse(yamlfile.Join(e.Path, "serial"), "a serial number", "serials: [...]")
	}
	for i, c := range e.external {
		if c.IsValid() && !c.up {
			refuse(yamlfile.Element(yamlfile.Join(e.Path, "externalAddresses"), i), "an address", "").WithHint("write it as in %s+ to count up", c.Addr)
		}
	}
	for i, nic := range e.Interfaces {
		at := yamlfile.Element(yamlfile.Join(e.Path, "interfaces"), i)
		if nic.MAC != "" {
			refuse(yamlfile.Join(at, "mac"), "a MAC address", "macs: [...]")
		}
		for j, c := range nic.written {
			if !c.up {
				refuse(yamlfile.Element(yamlfile.Join(at, "addresses"), j), "an address", "").WithHint("write it as in 10.12.0.1+/22 to count up")
			}
		}
	}
}

// given says whether the file holds a key of the entry.
func (d *decoder) given(e *entry, name string) bool {
	return d.isGiven(yamlfile.Join(e.Path, name))
}

// isGiven says whether the file holds a path.
func (d *decoder) isGiven(path string) bool {
	_, ok := d.Positions[path]
	return ok
}

// checkLists refuses lists for the hosts of a range that are longer or shorter than it,
// and lists of a single host.
func (d *decoder) checkLists(e *entry, count int) {
	check := func(of, key, what, single string, have int) {
		at := yamlfile.Join(of, key)
		switch {
		case have == 0 || !d.OK(at) || !d.OK(yamlfile.Join(e.Path, "names")):
		case !d.given(e, "names"):
			d.Errorf(codeExclusive, at, "%s has one value for each host of a range, and this is one host", key).WithHint("use %s, or names for a range", single)
		case have != count:
			d.Errorf(codeRange, at, "%d %s for %d hosts", have, what, count).WithHint("write one for each host, in the order of names")
		}
	}
	check(e.Path, "macs", "MAC addresses", "mac", len(e.macs))
	check(e.Path, "serials", "serial numbers", "serial", len(e.serials))
	for i, nic := range e.Interfaces {
		check(yamlfile.Element(yamlfile.Join(e.Path, "interfaces"), i), "macs", "MAC addresses", "mac", len(nic.macs))
	}
}

func (d *decoder) checkRanges(e *entry, count int) {
	check := func(at string, first netip.Prefix) {
		if !first.IsValid() || count == 0 || !d.OK(at) {
			return
		}
		if f := (addressRange{first}).checkEnd(count); f != nil {
			d.Errorf(f.Code, at, "%s", f.Message).Hint = f.Hint
		}
	}
	for i, r := range e.ranges {
		check(yamlfile.Element(yamlfile.Join(e.Path, "addresses"), i), r.first)
	}
	for i, nic := range e.Interfaces {
		for j, c := range nic.written {
			if c.up {
				at := yamlfile.Element(yamlfile.Join(yamlfile.Element(yamlfile.Join(e.Path, "interfaces"), i), "addresses"), j)
				if check(at, c.Prefix); !d.given(e, "names") {
					d.Errorf(codeExclusive, at, "the address counts up for a range of hosts, and this is one host").WithHint("write %s, or names for a range", c.Prefix)
				}
			}
		}
	}
}

// host makes the nth host of an entry.
func (e *entry) host(name string, n int) Host {
	h := e.Host
	h.Name = name
	h.Addresses = validPrefixes(e.addresses)
	for _, r := range e.ranges {
		if a, ok := nth(r.first.Addr(), n); ok && r.first.IsValid() {
			h.Addresses = append(h.Addresses, netip.PrefixFrom(a, r.first.Bits()))
		}
	}
	for _, c := range e.external {
		a, ok := c.Addr, c.IsValid()
		if c.up && ok {
			a, ok = nth(c.Addr, n)
		}
		if ok {
			h.External = append(h.External, a)
		}
	}
	h.MAC, h.Serial = nthOr(e.macs, n, e.MAC), nthOr(e.serials, n, e.Serial)
	h.Interfaces = slices.Clone(e.settled)
	for i := range h.Interfaces {
		h.Interfaces[i].MAC = nthOr(h.Interfaces[i].macs, n, h.Interfaces[i].MAC)
		if nic := &h.Interfaces[i]; n > 0 && len(nic.written) > 0 {
			nic.Addresses = union(validPrefixes(e.addresses), atHost(nic.written, n))
			if i != e.primary {
				nic.Addresses = atHost(nic.written, n)
			}
		}
	}
	if e.primary < 0 {
		return h
	}
	nic := &h.Interfaces[e.primary]
	if len(e.ranges) > 0 {
		nic.Addresses = h.Addresses
	}
	if len(h.Addresses) == 0 {
		h.Addresses = firstOfEachFamily(nic.Addresses)
	}
	h.Gateways = nic.Gateways
	settleTunnels(&h)
	if h.MAC == "" {
		h.MAC = bootMAC(h.Interfaces, e.primary)
	}
	return h
}

// nthOr gives the nth element of a list; without one what all share.
func nthOr(list []string, n int, shared string) string {
	if n < len(list) {
		return list[n]
	}
	return shared
}

// bootMAC is the address by which the machine is known on its network: of the
// primary interface, or of the Ethernet port below it.
func bootMAC(nics []Interface, primary int) string {
	nic := nics[primary]
	for range nics { // each step goes one interface down; circles are reported elsewhere
		if nic.MAC != "" {
			return nic.MAC
		}
		below := nic.Link
		if len(nic.Members) > 0 {
			below = nic.Members[0]
		}
		i := slices.IndexFunc(nics, func(other Interface) bool { return other.Name == below && below != "" })
		if i < 0 {
			return ""
		}
		nic = nics[i]
	}
	return ""
}

// validPrefixes leaves out what could not be read.
func validPrefixes(prefixes []netip.Prefix) []netip.Prefix {
	return slices.DeleteFunc(slices.Clone(prefixes), func(p netip.Prefix) bool { return !p.IsValid() })
}

func firstOfEachFamily(prefixes []netip.Prefix) []netip.Prefix {
	var out []netip.Prefix
	for _, p := range prefixes {
		if !slices.ContainsFunc(out, func(q netip.Prefix) bool { return q.Addr().Is4() == p.Addr().Is4() }) {
			out = append(out, p)
		}
	}
	return out
}

// order puts the addresses of every host in the order of the pods' families.
func (t *Topology) order() {
	if len(t.Network.Pods) == 0 {
		return
	}
	primary := t.Network.Pods[0].Addr().Is4()
	for i := range t.Hosts {
		slices.SortStableFunc(t.Hosts[i].Addresses, func(a, b netip.Prefix) int {
			switch {
			case a.Addr().Is4() == b.Addr().Is4():
				return 0
			case a.Addr().Is4() == primary:
				return -1
			}
			return 1
		})
	}
}

// minorOf gives 1.36 for v1.36.3.
func minorOf(version string) string {
	parts := strings.SplitN(strings.TrimPrefix(version, "v"), ".", 3)
	if len(parts) < 2 {
		return ""
	}
	return parts[0] + "." + parts[1]
}
