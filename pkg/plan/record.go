package plan

import (
	"maps"
	"net"
	"net/netip"
	"slices"
	"strconv"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/topology"
)

// Record is what the last build made of a topology, as far as a cluster that runs
// cannot follow every change of it.
type Record struct {
	Cluster   string                `json:"cluster"`
	Endpoint  string                `json:"endpoint"` // host and port
	Services  []netip.Prefix        `json:"services"`
	Addresses map[string]netip.Addr `json:"addresses"` // the primary one, by host name
}

func recordOf(t *topology.Topology, hosts []*topology.Host) *Record {
	out := &Record{Cluster: t.Cluster.Name, Endpoint: endpointText(t), Services: slices.Clone(t.Network.Services), Addresses: map[string]netip.Addr{}}
	for _, h := range hosts {
		if len(h.Addresses) > 0 {
			out.Addresses[h.Name] = h.Addresses[0].Addr()
		}
	}
	return out
}

func endpointText(t *topology.Topology) string {
	return net.JoinHostPort(t.Cluster.Endpoint.Host, strconv.Itoa(t.Cluster.Endpoint.Port))
}

const newCluster = "put the old %s back or, for a new cluster, build with a new store (--pki)"

// refuseChanges reports what no cluster that runs can follow.
func refuseChanges(t *topology.Topology, r *reporter, last *Record) {
	if last == nil {
		return
	}
	if last.Cluster != t.Cluster.Name {
		r.list.Errorf("P068", t.At("cluster.name"), "cluster.name", "the last build with this store was of the cluster %s: its name is in certificates and in what signs kits", last.Cluster).
			WithHint(newCluster, "name")
	}
	for _, network := range last.Services {
		if !slices.Contains(t.Network.Services, network) {
			r.list.Errorf("P068", t.At("network.services"), "network.services", "the last build had the services in %s: Services keep their addresses for life, that of the API server and of the DNS among them", network).
				WithHint(newCluster, "network")
		}
	}
}

// moved says what changes since the last build ask for: an endpoint that moves, and a
// host under another name.
func moved(t *topology.Topology, last *Record) diag.List {
	if last == nil {
		return nil
	}
	var out diag.List
	if endpoint := endpointText(t); endpoint != last.Endpoint {
		out.Warnf("P069", t.At("cluster.endpoint"), "cluster.endpoint", "the endpoint moves from %s to %s: machines dial the old one until they have their kits", last.Endpoint, endpoint).
			WithHint("give control planes their kits first, and keep the old endpoint answering until every machine has its own")
	}
	before := map[netip.Addr]string{}
	for _, name := range slices.Sorted(maps.Keys(last.Addresses)) {
		if !slices.ContainsFunc(t.Hosts, func(h topology.Host) bool { return h.Name == name }) {
			before[last.Addresses[name]] = name
		}
	}
	for i := range t.Hosts {
		h := &t.Hosts[i]
		_, known := last.Addresses[h.Name]
		if known || len(h.Addresses) == 0 || before[h.Addresses[0].Addr()] == "" {
			continue
		}
		old := before[h.Addresses[0].Addr()]
		out.Warnf("P070", t.At(h.Path+".name"), h.Path+".name", "%s has the address that %s had at the last build: under another name it is another machine, with keys and a Node of its own", h.Name, old).
			WithHint("put the name %s back; or remove %s from the cluster (docs/remove-a-machine.md), and boot %s from an empty disk", old, old, h.Name)
	}
	return out
}
