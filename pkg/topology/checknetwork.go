package topology

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	"github.com/kubespore/kubespore/pkg/yamlfile"
)

// Bounds of kubeadm and of the API server.
const (
	maxNodeBits    = 16 // between the pod network and a node's part of it
	maxServiceBits = 20 // of IPv4
	// The API server bounds service networks no longer, since it keeps addresses
	// as objects and not as a bit map (DisableAllocatorDualWrite, on from 1.34).
	maxServiceBits6 = 64
	minServiceBits  = 4 // sixteen addresses: cluster DNS has the tenth
)

// checkPods checks that every node gets its own part of the pod networks.
func (c *checker) checkPods() {
	c.checkPerFamily("network.pods", c.Network.Pods)
	for i, p := range c.Network.Pods {
		at := yamlfile.Element("network.pods", i)
		if !p.IsValid() || !c.OK("network.nodePodBits") {
			continue
		}
		bits, name := c.Network.NodePodBits.IPv4, "ipv4"
		if p.Addr().Is6() {
			bits, name = c.Network.NodePodBits.IPv6, "ipv6"
		}
		path, nodes := "network.nodePodBits."+name, c.countNodes()
		if !c.isGiven(path) {
			path = at
		}
		split := bits - p.Bits()
		switch {
		case unusableNetwork(p) != "":
			c.Errorf(codeUnusable, at, "%s", unusableNetwork(p)).WithHint("use a private network such as 10.240.0.0/12")
		case split < 0:
			c.Errorf(codePodNetwork, path, "a /%d for each node is larger than the whole pod network %s", bits, p).WithHint("use nodePodBits: {%s: %d} or more, or a larger pod network", name, p.Bits()+1)
		case split > maxNodeBits:
			c.Errorf(codePodNetwork, path, "Kubernetes divides a network into at most 65536 parts: %s into /%d is more", p, bits).WithHint("use nodePodBits: {%s: %d}, or a smaller pod network", name, p.Bits()+maxNodeBits)
		case nodes > 1<<split:
			c.Errorf(codePodNetwork, path, "%s has room for %d nodes with a /%d each, and there are %d", p, 1<<split, bits, nodes).WithHint("use a larger pod network or smaller parts for each node")
		default:
			c.checkPodRange(p, bits, nodes)
		}
	}
	c.checkPodRangeFamilies("network.nodePodMin", c.Network.NodePodMin)
	c.checkPodRangeFamilies("network.nodePodMax", c.Network.NodePodMax)
}

// checkPodRange checks the bounds between which nodes get their parts of a pod
// network.
func (c *checker) checkPodRange(p netip.Prefix, bits, nodes int) {
	first, last := 0, 1<<(bits-p.Bits())-1
	c.checkPodBound(p, bits, "network.nodePodMin", c.Network.NodePodMin, &first)
	c.checkPodBound(p, bits, "network.nodePodMax", c.Network.NodePodMax, &last)
	switch room := last - first + 1; {
	case room < 1:
		c.Errorf(codePodNetwork, "network.nodePodMax", "the last part for a node lies before the first one").
			WithHint("exchange nodePodMin and nodePodMax").WithRelated(c.decoder.At("network.nodePodMin"), "the first one")
	case nodes > room:
		path := "network.nodePodMax"
		if !c.isGiven(path) {
			path = "network.nodePodMin"
		}
		c.Errorf(codePodNetwork, path, "between its bounds %s has room for %d nodes with a /%d each, and there are %d", p, room, bits, nodes).
			WithHint("move nodePodMin and nodePodMax apart")
	}
}

// checkPodBound checks one bound and gives the number of its part.
func (c *checker) checkPodBound(p netip.Prefix, bits int, path string, bounds []netip.Addr, number *int) {
	for i, a := range bounds {
		if !a.IsValid() || a.Is4() != p.Addr().Is4() {
			continue
		}
		at, part := yamlfile.Element(path, i), netip.PrefixFrom(a, bits).Masked()
		switch {
		case !p.Contains(a):
			c.Errorf(codePodNetwork, at, "%s is outside of the pod network %s", a, p).
				WithHint("write the first address of a node's part of it, such as %s", p.Masked().Addr())
		case part.Addr() != a:
			c.Errorf(codePodNetwork, at, "%s lies inside of a node's part, %s, and does not begin it", a, part).WithHint("write %s", part.Addr())
		default:
			*number = partNumber(a, p.Bits(), bits)
		}
	}
}

// partNumber reads the bits of an address from one place to another as a number.
func partNumber(a netip.Addr, from, to int) int {
	raw, n := a.AsSlice(), 0
	for i := from; i < to; i++ {
		n = n<<1 | int(raw[i/8]>>(7-i%8)&1)
	}
	return n
}

// checkPodRangeFamilies refuses bounds of a family that pods do not have, and
// two of one family.
func (c *checker) checkPodRangeFamilies(path string, bounds []netip.Addr) {
	seen := map[string]bool{}
	for i, a := range bounds {
		switch name := family(a); {
		case !a.IsValid() || !c.OK("network.pods"):
		case seen[name]:
			c.Errorf(codeFamily, yamlfile.Element(path, i), "a second %s address", name).WithHint("give one for each address family")
		case !slices.Contains(families(c.Network.Pods), name):
			c.Errorf(codeFamily, yamlfile.Element(path, i), "there is no %s network of pods", name).WithHint("take it out, or add such a network to network.pods")
		default:
			seen[name] = true
		}
	}
}

func (c *checker) countNodes() int {
	nodes := 0
	for i := range c.entries {
		if e := &c.entries[i]; e.isNode() {
			nodes += e.to - e.from
		}
	}
	return nodes
}

func (c *checker) checkServices() {
	c.checkPerFamily("network.services", c.Network.Services)
	for i, p := range c.Network.Services {
		at := yamlfile.Element("network.services", i)
		if !p.IsValid() {
			continue
		}
		size, most := p.Addr().BitLen()-p.Bits(), maxServiceBits
		if p.Addr().Is6() {
			most = maxServiceBits6
		}
		switch {
		case unusableNetwork(p) != "":
			c.Errorf(codeUnusable, at, "%s", unusableNetwork(p)).WithHint("use a private network such as 10.96.0.0/16")
		case size > most:
			c.Errorf(codeServices, at, "%s is larger than Kubernetes takes", p).WithHint("use a /%d or longer", p.Addr().BitLen()-most)
		case size < minServiceBits:
			c.Errorf(codeServices, at, "%s has no tenth address, which cluster DNS takes", p).WithHint("use a /%d or shorter", p.Addr().BitLen()-minServiceBits)
		}
	}
	pods, services := c.Network.Pods, c.Network.Services
	if !c.OK("network.pods") || !c.OK("network.services") {
		return
	}
	if want, have := families(pods), families(services); !slices.Equal(want, have) {
		c.Errorf(codeFamily, "network.services", "services have %s, pods have %s", listed(have), listed(want)).
			WithHint("give both the same families in the same order").WithRelated(c.decoder.At("network.pods"), "the pods' networks")
	}
}

// checkPerFamily refuses empty lists and two networks of one family.
func (c *checker) checkPerFamily(path string, networks []netip.Prefix) {
	if len(networks) == 0 && c.OK(path) {
		c.Errorf(codeMissing, path, "the list is empty").WithHint("give one network for each address family")
	}
	first := map[string]int{}
	for i, p := range networks {
		if !p.IsValid() {
			continue
		}
		name := family(p.Addr())
		if before, ok := first[name]; ok {
			c.Errorf(codeFamily, yamlfile.Element(path, i), "a second %s network", name).WithHint("give one network for each address family").
				WithRelated(c.decoder.At(yamlfile.Element(path, before)), "the first one")
			continue
		}
		first[name] = i
	}
}

func unusableNetwork(p netip.Prefix) string {
	a := p.Addr()
	if a.IsUnspecified() || a.IsLoopback() || a.IsMulticast() || a.IsLinkLocalUnicast() {
		return fmt.Sprintf("%s is a network that machines treat in their own way", p)
	}
	return ""
}

func families(networks []netip.Prefix) []string {
	var out []string
	for _, p := range networks {
		out = append(out, family(p.Addr()))
	}
	return out
}

func listed(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	text := names[0]
	for _, name := range names[1:] {
		text += ", " + name
	}
	return text
}

// span is a network and who has it.
type span struct {
	net  netip.Prefix
	path string
	what string
	lan  bool
}

// checkOverlaps compares all networks of the file. Sorted by first address
// and then by length, a network that overlaps another follows one that holds
// it, so that one walk finds all pairs.
func (c *checker) checkOverlaps() {
	spans := c.spans()
	slices.SortStableFunc(spans, func(a, b span) int {
		return cmp.Or(a.net.Addr().Compare(b.net.Addr()), cmp.Compare(a.net.Bits(), b.net.Bits()))
	})
	var around []span
	for _, s := range spans {
		for len(around) > 0 && !around[len(around)-1].net.Overlaps(s.net) {
			around = around[:len(around)-1]
		}
		for _, outer := range around {
			c.reportOverlap(outer, s)
		}
		around = append(around, s)
	}
}

// spans lists the networks: pods and services first, each host network once.
func (c *checker) spans() []span {
	var out []span
	add := func(path, what string, networks []netip.Prefix) {
		for i, p := range networks {
			if p.IsValid() && unusableNetwork(p) == "" {
				out = append(out, span{net: p, path: yamlfile.Element(path, i), what: what})
			}
		}
	}
	add("network.pods", "the pod network", c.Network.Pods)
	add("network.services", "the service network", c.Network.Services)
	seen := map[netip.Prefix]bool{}
	for i := range c.entries {
		e := &c.entries[i]
		for _, at := range c.addressesOf(e) {
			lan := at.prefix.Masked()
			if seen[lan] || unusable(at.prefix) != "" {
				continue
			}
			seen[lan] = true
			out = append(out, span{net: lan, path: at.path, what: "the network of " + c.nameOf(e), lan: true})
		}
	}
	return out
}

func (c *checker) reportOverlap(outer, inner span) {
	if outer.lan && inner.lan {
		c.Warnf(codeOverlap, inner.path, "%s %s is a part of %s %s", inner.what, inner.net, outer.what, outer.net).
			WithHint("use the same prefix length for all machines of one network").WithRelated(c.decoder.At(outer.path), "%s is declared here", outer.net)
		return
	}
	at, other := inner, outer
	if !outer.lan && (inner.lan || inner.path < outer.path) {
		at, other = outer, inner // a cluster network is easier to change than machines; services follow pods
	}
	relation := "overlaps"
	if at.net == other.net {
		relation = "is the same as"
	}
	c.Errorf(codeOverlap, at.path, "%s %s %s %s %s", at.what, at.net, relation, other.what, other.net).
		WithHint("choose networks that are apart, such as pods 10.240.0.0/12 and services 10.96.0.0/16 next to a LAN in 192.168.0.0/16").
		WithRelated(c.decoder.At(other.path), "%s is declared here", other.net)
}
