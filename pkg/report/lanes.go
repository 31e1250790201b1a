package report

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/plan"
)

// Kinds of lanes, in the order in which they stand below each other.
const (
	laneOutside      = "outside"
	laneEndpoint     = "endpoint"
	laneControlPlane = "control-plane"
	laneEtcd         = "etcd"
	laneWorker       = "worker"
	laneMachine      = "machine"
	lanePods         = "pods"
)

// Lane is a group of the picture: machines of one kind, or what is not a machine.
type Lane struct {
	Kind, Title, Note string
	Places            []Place
}

// Place is where machines of a lane stand: a network and, in it, a rack.
type Place struct {
	Network, Rack string
	Boxes         []Box
}

// Box is a machine of the picture, or many that are alike.
type Box struct {
	Title string
	Lines []string
	Many  bool
	Wide  bool // as wide as two
}

// What of a lane is drawn one by one.
const (
	mostBoxes  = 8  // of a place
	mostPlaces = 10 // of a lane
)

// lanes sorts what the picture shows into groups; empty ones are left out.
func lanes(p *plan.Plan, hosts []Host) []Lane {
	e := p.Cluster.Endpoint
	address := strings.TrimPrefix(e.URL, "https://")
	out := []Lane{{Kind: laneOutside, Title: "Outside", Note: "operators and clients", Places: []Place{{Boxes: []Box{{Title: "Clients", Lines: []string{"anything that reaches the machines"}, Wide: true}}}}}}
	if lane := endpointLane(p, address); lane != nil {
		out = append(out, *lane)
	}
	for _, kind := range []struct{ kind, title string }{{laneControlPlane, "Control planes"}, {laneEtcd, "etcd"}, {laneWorker, "Workers"}, {laneMachine, "Other machines"}} {
		var in []Host
		for i, h := range p.Hosts {
			if laneOf(h) == kind.kind {
				in = append(in, hosts[i])
			}
		}
		if len(in) > 0 {
			out = append(out, Lane{Kind: kind.kind, Title: kind.title, Note: diag.Counted(len(in), "machine"), Places: places(in)})
		}
	}
	pods := Box{Title: "pods", Lines: p.Cluster.PodCIDRs}
	services := Box{Title: "Services", Lines: p.Cluster.ServiceCIDRs}
	return append(out, Lane{Kind: lanePods, Title: "Pods", Note: "on every node", Places: []Place{{Boxes: []Box{pods, services}}}})
}

// endpointLane is nil where the endpoint is a machine's own address.
func endpointLane(p *plan.Plan, address string) *Lane {
	e := p.Cluster.Endpoint
	for _, h := range p.Hosts {
		if h.Name == e.Host || slices.Contains(h.Addresses, e.Host) {
			return nil
		}
	}
	box := Box{Title: address, Lines: []string{"a name or a balancer"}, Wide: true}
	note := "not one of the machines"
	if e.IsVirtual {
		box.Lines, note = []string{"virtual address"}, "moves between control planes"
	}
	return &Lane{Kind: laneEndpoint, Title: "Endpoint", Note: note, Places: []Place{{Boxes: []Box{box}}}}
}

func laneOf(h *plan.Host) string {
	switch {
	case h.IsControlPlane:
		return laneControlPlane
	case h.IsEtcd:
		return laneEtcd
	case h.IsWorker:
		return laneWorker
	}
	return laneMachine
}

// places puts hosts of one network and rack together, and draws many as one.
func places(hosts []Host) []Place {
	type where struct{ network, rack string }
	in := map[where][]Host{}
	var order []where
	for _, h := range hosts {
		w := where{h.Network, h.Rack}
		if _, known := in[w]; !known {
			order = append(order, w)
		}
		in[w] = append(in[w], h)
	}
	slices.SortFunc(order, func(a, b where) int {
		x, y := split(a.rack), split(b.rack)
		return cmp.Or(cmp.Compare(a.network, b.network), cmp.Compare(x.prefix, y.prefix), cmp.Compare(x.number, y.number), cmp.Compare(a.rack, b.rack))
	})
	var out []Place
	for _, w := range order {
		place := Place{Network: w.network, Rack: w.rack}
		if list := in[w]; len(list) > mostBoxes || len(order) > mostPlaces {
			place.Boxes = stacks(list)
		} else {
			for _, h := range list {
				place.Boxes = append(place.Boxes, Box{Title: h.Name, Lines: append(slices.Clone(h.Addresses), h.Roles)})
			}
		}
		out = append(out, place)
	}
	if more := len(out) - mostPlaces; more > 0 {
		n := 0
		for _, w := range order[mostPlaces:] {
			n += len(in[w])
		}
		rest := Box{Title: fmt.Sprintf("%d more", more), Lines: []string{"networks and racks", diag.Counted(n, "machine")}, Many: true}
		out = append(out[:mostPlaces], Place{Network: "others", Boxes: []Box{rest}})
	}
	return out
}

// stacks draws many hosts as few boxes, one for each range of names.
func stacks(hosts []Host) []Box {
	byName := map[string]Host{}
	var all []string
	for _, h := range hosts {
		byName[h.Name] = h
		all = append(all, h.Name)
	}
	pieces := ranges(all)
	if len(pieces) > mostBoxes {
		return []Box{{Title: diag.Counted(len(hosts), "machine"), Lines: addressSpan(hosts), Many: true}}
	}
	var out []Box
	for _, piece := range pieces {
		first, last, many := strings.Cut(piece, " to ")
		if !many {
			h := byName[piece]
			out = append(out, Box{Title: h.Name, Lines: append(slices.Clone(h.Addresses), h.Roles)})
			continue
		}
		var of []Host
		for _, h := range hosts {
			if x := split(h.Name); x.prefix == split(first).prefix && x.number >= split(first).number && x.number <= split(last).number {
				of = append(of, h)
			}
		}
		out = append(out, Box{Title: piece, Lines: append(addressSpan(of), diag.Counted(len(of), "machine")), Many: true})
	}
	return out
}

// addressSpan gives the lowest and the highest first address of hosts.
func addressSpan(hosts []Host) []string {
	var all []netip.Addr
	for _, h := range hosts {
		if a, err := netip.ParseAddr(h.Addresses[0]); err == nil {
			all = append(all, a)
		}
	}
	if len(all) == 0 {
		return nil
	}
	return []string{slices.MinFunc(all, netip.Addr.Compare).String() + " to", slices.MaxFunc(all, netip.Addr.Compare).String()}
}
