package plan

import (
	"encoding/binary"
	"hash/fnv"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/topology"
)

// Prefixes of the keys of Allocations.VRRP.
const (
	vrrpCluster = "cluster/"
	vrrpHost    = "hosts/"
)

// Priorities of VRRP are given from here downwards: above the 100 of routers
// that no one configured, and below 255, which stands for an address's owner.
const firstPriority = 200

// allocate gives pod CIDRs, the virtual router id and priorities to those who
// have none. What was given once stays, also of hosts that are gone.
func allocate(t *topology.Topology, r *reporter, given Allocations, hosts []*topology.Host) Allocations {
	out := given
	out.PodCIDRs, out.VRRP = cloneOrNew(given.PodCIDRs), cloneOrNew(given.VRRP)
	pods := podAllocator{r, t.Network, t.At("network.pods"), out.PodCIDRs, hosts}
	for _, network := range t.Network.Pods {
		pods.allocate(network)
	}
	id := vrrpCluster + t.Cluster.Name
	if out.VRRP[id] == 0 {
		h := fnv.New32a()
		h.Write([]byte(t.Cluster.Name))
		out.VRRP[id] = int(h.Sum32()%255) + 1
	}
	out.Founders = founders(given, hosts)
	refuseChanges(t, r, given.Last)
	out.Last = recordOf(t, hosts)
	allocatePriorities(out.VRRP, hosts)
	return out
}

// founders names the members of etcd that may begin the cluster: those of the first
// build. One that comes later could otherwise begin a second cluster while the first
// one does not let it in yet. Stores that were made before founders were kept tell a
// first build by the priorities of control planes.
func founders(given Allocations, hosts []*topology.Host) []string {
	if given.Founders != nil {
		return given.Founders
	}
	stacked := !slices.ContainsFunc(hosts, func(h *topology.Host) bool { return h.HasRole("etcd") })
	out := []string{}
	for _, h := range hosts {
		member := h.HasRole("etcd") || stacked && h.HasRole("control-plane")
		_, known := given.VRRP[vrrpHost+h.Name]
		if member && (known || len(given.VRRP) == 0 || !h.HasRole("control-plane")) {
			out = append(out, h.Name)
		}
	}
	return out
}

func cloneOrNew[V any](m map[string]V) map[string]V {
	if m == nil {
		return map[string]V{}
	}
	return maps.Clone(m)
}

func allocatePriorities(vrrp map[string]int, hosts []*topology.Host) {
	taken := map[int]bool{}
	for name, priority := range vrrp {
		if strings.HasPrefix(name, vrrpHost) {
			taken[priority] = true
		}
	}
	next := firstPriority
	for _, h := range hosts {
		if !h.HasRole("control-plane") || vrrp[vrrpHost+h.Name] != 0 {
			continue
		}
		for taken[next] && next > 1 {
			next--
		}
		vrrp[vrrpHost+h.Name] = next
		taken[next] = true
	}
}

// podAllocator gives nodes blocks of pod networks.
type podAllocator struct {
	*reporter
	network topology.Network
	at      diag.Position
	given   map[string][]netip.Prefix // by host name
	hosts   []*topology.Host
}

// allocate gives every node without one a block of a pod network.
func (a podAllocator) allocate(network netip.Prefix) {
	blocks, ok := poolOf(a.network, network)
	if !ok {
		return
	}
	first, last := podRange(a.network, blocks)
	used := map[uint64]bool{}
	nodes := map[string]bool{}
	for _, h := range a.hosts {
		nodes[h.Name] = h.HasRole("control-plane") || h.HasRole("worker")
	}
	var misfit, gone []string
	for _, name := range slices.Sorted(maps.Keys(a.given)) {
		for _, p := range a.given[name] {
			if p.Addr().Is4() != network.Addr().Is4() {
				continue
			}
			n, ok := blocks.number(p)
			switch {
			case ok && first <= n && n <= last:
				used[n] = true
				if !nodes[name] {
					gone = append(gone, name)
				}
			case nodes[name]:
				misfit = append(misfit, name)
			}
		}
	}
	if len(misfit) > 0 {
		a.misfit(blocks, misfit)
		return
	}
	next, missing := first, 0
	for _, h := range a.hosts {
		if !nodes[h.Name] || slices.ContainsFunc(a.given[h.Name], func(p netip.Prefix) bool { return p.Addr().Is4() == network.Addr().Is4() }) {
			continue
		}
		for used[next] {
			next++
		}
		if next > last {
			missing++
			continue
		}
		used[next] = true
		a.given[h.Name] = append(slices.Clone(a.given[h.Name]), blocks.block(next))
	}
	if missing > 0 {
		a.full(blocks, missing, last-first+1, gone)
	}
}

// podRange gives the numbers of the first and the last block that nodes get.
func podRange(n topology.Network, blocks pool) (first, last uint64) {
	number := func(bounds []netip.Addr, otherwise uint64) uint64 {
		for _, a := range bounds {
			if n, ok := blocks.number(netip.PrefixFrom(a, blocks.bits)); ok && a.Is4() == blocks.network.Addr().Is4() {
				return n
			}
		}
		return otherwise
	}
	return number(n.NodePodMin, 0), number(n.NodePodMax, blocks.size()-1)
}

// misfit reports nodes whose blocks lie outside the pod network.
func (a podAllocator) misfit(blocks pool, names []string) {
	a.list.Errorf("P020", a.at, "network.pods",
		"%d nodes have pod CIDRs that are not /%d of %s, or not between nodePodMin and nodePodMax: %s has %s", len(names), blocks.bits, blocks.network, names[0], strings.Join(textsOf(a.given[names[0]]), " and ")).
		WithHint("a node keeps its pod CIDR for life: put the old pod network, nodePodBits and bounds back or, for a new cluster, build with a new store (--pki)")
}

func (a podAllocator) full(blocks pool, missing int, size uint64, gone []string) {
	d := a.list.Errorf("P021", a.at, "network.pods",
		"%s holds %d blocks of /%d and %d more are needed", blocks.network, size, blocks.bits, missing)
	if len(gone) == 0 {
		d.WithHint("widen network.pods, or raise network.nodePodBits")
		return
	}
	d.WithHint("%d blocks are kept for hosts that the file no longer has (%s): if they are gone for good, take them out of podCIDRs in the store's allocations.json", len(gone), firstFew(gone))
}

// firstFew lists a few names.
func firstFew(names []string) string {
	if len(names) <= 3 {
		return strings.Join(names, ", ")
	}
	return strings.Join(names[:3], ", ") + ", ..."
}

// pool is a network cut into blocks of equal size.
type pool struct {
	network netip.Prefix
	bits    int
}

// poolOf gives the blocks of a pod network, or false where the topology has
// reported why there are none.
func poolOf(n topology.Network, network netip.Prefix) (pool, bool) {
	bits := podBits(n.NodePodBits, network.Addr())
	return pool{network.Masked(), bits}, bits >= network.Bits() && bits-network.Bits() <= 62 && bits <= network.Addr().BitLen()
}

func (p pool) size() uint64 { return 1 << (p.bits - p.network.Bits()) }

// number gives the place of a block, or false for one that does not fit.
func (p pool) number(block netip.Prefix) (uint64, bool) {
	if block.Bits() != p.bits || !p.network.Contains(block.Addr()) {
		return 0, false
	}
	high, low := halves(block.Addr())
	return shiftRight(high, low, uint(block.Addr().BitLen()-p.bits)) & (p.size() - 1), true
}

// block gives a block by its number.
func (p pool) block(n uint64) netip.Prefix {
	length := p.network.Addr().BitLen()
	high, low := halves(p.network.Addr())
	shift := uint(length - p.bits)
	if shift >= 64 {
		high |= n << (shift - 64)
	} else {
		low |= n << shift
		if shift > 0 {
			high |= n >> (64 - shift)
		}
	}
	var raw [16]byte
	binary.BigEndian.PutUint64(raw[:8], high)
	binary.BigEndian.PutUint64(raw[8:], low)
	a, _ := netip.AddrFromSlice(raw[16-length/8:])
	return netip.PrefixFrom(a, p.bits)
}

// halves gives an address as two numbers; IPv4 stands in the lower 32 bits.
func halves(a netip.Addr) (high, low uint64) {
	if a.Is4() {
		raw := a.As4()
		return 0, uint64(binary.BigEndian.Uint32(raw[:]))
	}
	raw := a.As16()
	return binary.BigEndian.Uint64(raw[:8]), binary.BigEndian.Uint64(raw[8:])
}

func shiftRight(high, low uint64, by uint) uint64 {
	if by >= 64 {
		return high >> (by - 64)
	}
	if by == 0 {
		return low
	}
	return low>>by | high<<(64-by)
}
