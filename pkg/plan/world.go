package plan

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/profile"
	"github.com/kubespore/kubespore/pkg/topology"
)

// world is what every stage of planning may look at: the inputs, and the facts
// that follow from them alone.
type world struct {
	topology *topology.Topology
	catalog  *profile.Catalog
	lock     Lock
	files    map[string]UserFile      // that parameters name
	read     map[string]diag.Position // where parameters stand that were read from these, by their path in a topology
	cluster  *Cluster
	version  map[string]string // row of versions.yaml; nil where the minor has none
}

// newWorld gathers the facts. The hosts come sorted by name.
func newWorld(in Inputs, r *reporter, sorted []*topology.Host, given Allocations) *world {
	cluster := clusterFacts(in.Topology, factsOfHosts(in, sorted, given), given)
	cluster.LockedImages = in.Lock.Images
	return &world{topology: in.Topology, catalog: in.Catalog, lock: in.Lock, files: maps.Clone(in.Files), read: map[string]diag.Position{}, cluster: cluster, version: versionRow(in, r)}
}

func sortedHosts(t *topology.Topology) []*topology.Host {
	out := make([]*topology.Host, len(t.Hosts))
	for i := range t.Hosts {
		out[i] = &t.Hosts[i]
	}
	slices.SortStableFunc(out, func(a, b *topology.Host) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// factsOfHosts works out what templates may ask about each host.
func factsOfHosts(in Inputs, sorted []*topology.Host, given Allocations) []*HostFacts {
	out := make([]*HostFacts, len(sorted))
	for i, h := range sorted {
		out[i] = hostFacts(h)
		out[i].LockedPackages = in.Lock.PackagesOf(in.Catalog.System(h.OS), h.Arch)
		out[i].VRRPPriority = given.VRRP[vrrpHost+h.Name]
		if !out[i].IsNode {
			continue
		}
		for _, network := range in.Topology.Network.Pods {
			for _, block := range given.PodCIDRs[h.Name] {
				if block.Addr().Is4() == network.Addr().Is4() {
					out[i].PodCIDRs = append(out[i].PodCIDRs, block.String())
				}
			}
		}
	}
	return out
}

// versionRow finds the row of versions.yaml.
func versionRow(in Inputs, r *reporter) map[string]string {
	minor := in.Topology.Kubernetes.Minor
	row, ok := in.Catalog.Version(minor)
	if !ok {
		var known []string
		for _, v := range in.Catalog.Versions {
			known = append(known, v.Newest)
		}
		r.list.Errorf("P001", in.Topology.At("kubernetes.version"), "kubernetes.version", "Kubernetes %s is not supported", minor).
			WithHint("write one of: %s", joinNames(known))
	}
	return row.Values
}

// clusterWide says whether a profile is on for every host that fits, rather
// than for the hosts that name it.
func (w *world) clusterWide(p *profile.Profile) bool {
	if u, named := w.topology.Profiles[p.Name]; named {
		return !u.Off
	}
	return p.Default
}

// at is the place of a path: in a file of the user, where the parameter is read from it,
// else in the topology.
func (w *world) at(path string) diag.Position {
	if at, ok := w.read[path]; ok {
		return at
	}
	return w.topology.At(path)
}

// cause is the place of what a condition of a profile is about: of the first parameter
// in it that was read from a file of the user, else where the profile was selected.
func (w *world) cause(p *profile.Profile, when *profile.Condition) diag.Position {
	for _, c := range when.All() {
		for _, name := range slices.Sorted(maps.Keys(c.Params)) {
			if at, ok := w.read["profiles."+p.Name+"."+name]; ok {
				return at
			}
		}
	}
	return w.where(p)
}

// where is the place at which a profile was selected.
func (w *world) where(p *profile.Profile) diag.Position {
	if _, named := w.topology.Profiles[p.Name]; named {
		return w.topology.At("profiles." + p.Name)
	}
	for i := range w.topology.Hosts {
		if _, named := w.topology.Hosts[i].Profiles[p.Name]; named {
			return w.topology.At(w.topology.Hosts[i].Path + ".profiles." + p.Name)
		}
	}
	return p.At("name")
}

// offHint says which of two profiles to give up: one that the topology does not
// name, if there is one.
func (w *world) offHint(first, second *profile.Profile) string {
	off := second
	if _, named := w.topology.Profiles[second.Name]; named {
		off = first
	}
	if _, named := w.topology.Profiles[off.Name]; named {
		return fmt.Sprintf("take %s or %s out of profiles", first.Name, second.Name)
	}
	return fmt.Sprintf("add %q under profiles", off.Name+": false")
}

// sources gives the addresses that a word stands for. Nodes are their whole
// networks, so that a new one changes nothing on the others.
func (c *Cluster) sources(name string) ([]string, bool) {
	addresses := func(hosts []*HostFacts) []string {
		var out []string
		for _, h := range hosts {
			out = append(out, h.Addresses...)
		}
		slices.Sort(out)
		return out
	}
	switch name {
	case "anywhere":
		return nil, true
	case "nodes":
		return c.HostNetworks, true
	case "control-planes":
		return addresses(c.ControlPlanes), true
	case "etcd":
		return addresses(c.EtcdMembers), true
	case "pods":
		return c.PodCIDRs, true
	}
	if p, err := netip.ParsePrefix(name); err == nil {
		return []string{p.Masked().String()}, true
	}
	_, err := netip.ParseAddr(name)
	return []string{name}, err == nil
}
