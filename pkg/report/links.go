package report

import (
	"cmp"
	"net"
	"slices"
	"strings"

	"github.com/kubespore/kubespore/pkg/plan"
	"github.com/kubespore/kubespore/pkg/verify"
)

// Link says that machines of one lane dial those of another.
type Link struct {
	From, To    int // indexes into Lanes
	Connections []Connection
}

// Connection is a port that is dialled, what for, and by which programs.
type Connection struct {
	Port, Proto, For string
	By               []string // programs and kubeconfigs that show a certificate
}

// linker collects links.
type linker struct {
	plan  *plan.Plan
	lanes []Lane
	kind  map[string]string // of a lane, by name and address of its hosts
	links []Link
}

// links says who dials whom: what firewalls let in, from where, and which
// programs were found to dial over TLS.
func links(p *plan.Plan, lanes []Lane, calls []verify.Call, firewalls []Firewall) []Link {
	l := &linker{plan: p, lanes: lanes, kind: map[string]string{}}
	for _, h := range p.Hosts {
		for _, name := range append([]string{h.Name}, h.Addresses...) {
			l.kind[name] = laneOf(h)
		}
	}
	for _, f := range firewalls {
		for _, host := range f.Hosts {
			for _, o := range f.Openings {
				for _, from := range l.sources(o) {
					l.add(from, l.kind[host], Connection{Port: o.Port, Proto: o.Proto, For: o.For})
				}
			}
		}
	}
	if port := l.endpointPort(); l.lane(laneEndpoint) >= 0 {
		l.add(laneOutside, laneEndpoint, Connection{Port: port, Proto: "tcp", For: "API server"})
		l.add(laneEndpoint, laneControlPlane, Connection{Port: port, Proto: "tcp", For: "API server"})
	}
	for _, c := range calls {
		l.call(c)
	}
	slices.SortFunc(l.links, func(a, b Link) int { return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To)) })
	for _, link := range l.links {
		slices.SortFunc(link.Connections, func(a, b Connection) int {
			x, y := split(strings.Split(a.Port, "-")[0]), split(strings.Split(b.Port, "-")[0])
			return cmp.Or(cmp.Compare(x.number, y.number), cmp.Compare(a.Proto, b.Proto), cmp.Compare(a.For, b.For))
		})
	}
	return l.links
}

func (l *linker) lane(kind string) int {
	return slices.IndexFunc(l.lanes, func(x Lane) bool { return x.Kind == kind })
}

func (l *linker) endpointPort() string {
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(l.plan.Cluster.Endpoint.URL, "https://"))
	return port
}

// sources gives the lanes from which an opening takes calls. Of a network of
// machines it is the nodes that call.
func (l *linker) sources(o Opening) []string {
	var out []string
	for _, source := range o.From {
		switch source {
		case "nodes":
			for _, h := range l.plan.Hosts {
				if h.IsNode {
					out = addOnce(out, laneOf(h))
				}
			}
		case "control-planes":
			out = addOnce(out, laneControlPlane)
		case "etcd":
			for _, h := range l.plan.Cluster.EtcdMembers {
				out = addOnce(out, l.kind[h.Name])
			}
		case "pods":
			out = addOnce(out, lanePods)
		default:
			out = addOnce(out, cmp.Or(l.kind[source], laneOutside))
		}
	}
	return out
}

// call adds a call over TLS. What a program dials on its own machine shows in
// no link, but for the balancer that leads workers to the control planes.
func (l *linker) call(c verify.Call) {
	from := l.kind[c.Host]
	if c.Kubelets {
		for _, h := range l.plan.Hosts {
			if h.IsNode {
				l.add(from, laneOf(h), Connection{Port: "10250", Proto: "tcp", For: "kubelet", By: []string{program(c)}})
			}
		}
		return
	}
	host, port, err := net.SplitHostPort(c.To)
	if err != nil {
		return
	}
	by := program(c)
	switch to, known := l.kind[host]; {
	case host == l.plan.Cluster.Endpoint.Host && l.lane(laneEndpoint) >= 0:
		l.add(from, laneEndpoint, Connection{Port: port, Proto: "tcp", For: "API server", By: []string{by}})
	case known && (host == c.Host || l.own(c.Host, host)):
	case known && strings.HasPrefix(c.Program, "/"): // a kubeconfig
		l.add(from, to, Connection{Port: port, Proto: "tcp", For: "API server", By: []string{by}})
	case known:
		l.add(from, to, Connection{Port: port, Proto: "tcp", By: []string{by}})
	case isLoopback(host) && from != laneControlPlane && strings.HasPrefix(c.Program, "/"):
		l.add(from, laneControlPlane, Connection{Port: l.endpointPort(), Proto: "tcp", For: "API server", By: []string{by + " by way of " + c.To}})
	}
}

// program names what dials: the program, or the last part of a kubeconfig's path.
func program(c verify.Call) string {
	name, _, _ := strings.Cut(c.Program, " ")
	return name[strings.LastIndex(name, "/")+1:]
}

func (l *linker) own(host, address string) bool {
	return slices.ContainsFunc(l.plan.Hosts, func(h *plan.Host) bool { return h.Name == host && slices.Contains(h.Addresses, address) })
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// add joins a connection to a link. What is dialled over TLS belongs to the opening of
// its port, where there is one.
func (l *linker) add(from, to string, u Connection) {
	a, b := l.lane(from), l.lane(to)
	if a < 0 || b < 0 {
		return
	}
	i := slices.IndexFunc(l.links, func(x Link) bool { return x.From == a && x.To == b })
	if i < 0 {
		i, l.links = len(l.links), append(l.links, Link{From: a, To: b})
	}
	connections := &l.links[i].Connections
	same := func(x Connection) bool {
		return x.Port == u.Port && x.Proto == u.Proto && (x.For == u.For || x.For == "" || u.For == "" || len(u.By) > 0)
	}
	j := slices.IndexFunc(*connections, same)
	if j < 0 {
		*connections = append(*connections, u)
		return
	}
	(*connections)[j].For = cmp.Or((*connections)[j].For, u.For)
	(*connections)[j].By = addOnce((*connections)[j].By, u.By...)
}
