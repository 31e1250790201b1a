package verify

import (
	"net/netip"
	"path"
	"slices"
	"strings"

	kubeletv1beta1 "k8s.io/kubelet/config/v1beta1"

	"github.com/kubespore/kubespore/pkg/diag"
)

// resolution is what a kubelet tells its pods about DNS.
type resolution struct {
	servers []string
	domain  string
}

// dns proves that kubelets send pods to the DNS that the cluster has, for names of
// the domain that it answers for, wherever a kubelet is told: by its flags, its
// configuration or what is laid over that.
func proveDNS(m *machine, out *diag.List) {
	if len(m.plan.Cluster.DNSAddresses) == 0 {
		return
	}
	for _, u := range m.units {
		for _, line := range u.values("Service", "ExecStart") {
			if !strings.Contains(line, "kubelet") {
				continue
			}
			argv := m.expand(u, line)
			if !slices.ContainsFunc(argv, func(argument string) bool { return path.Base(argument) == "kubelet" }) {
				continue
			}
			_, flags := commandLine(argv)
			all := resolution{domain: flags["cluster-domain"]}
			if flags["cluster-dns"] != "" {
				all.servers = strings.Split(flags["cluster-dns"], ",")
			}
			resolves(m, all, m.doc.At(u.item), m.where("unit "+u.name), out)
			for _, o := range m.objects {
				configuration, ok := o.typed.(*kubeletv1beta1.KubeletConfiguration)
				if !ok || o.entry.Path != flags["config"] && path.Dir(o.entry.Path) != flags["config-dir"] {
					continue
				}
				said := resolution{configuration.ClusterDNS, configuration.ClusterDomain}
				resolves(m, said, m.doc.At(o.entry.Item), m.where(o.entry.Path), out)
				all.servers = append(all.servers, said.servers...)
				all.domain += said.domain
			}
			if len(all.servers) == 0 || all.domain == "" {
				out.Errorf("V027", m.doc.At(u.item), m.where("unit "+u.name), "the kubelet is told no cluster DNS, or no domain: its pods find no Service by name").
					WithHint("clusterDNS: [%s] and clusterDomain: %s in its configuration", m.plan.Cluster.DNSAddresses[0], m.plan.Cluster.Domain)
			}
		}
	}
}

// resolves judges what one place says. Link-local addresses are those of a cache
// on the node itself, and so is what something on this host listens on.
func resolves(m *machine, r resolution, at diag.Position, where string, out *diag.List) {
	want := m.plan.Cluster.DNSAddresses[0]
	for _, server := range r.servers {
		address, err := netip.ParseAddr(strings.TrimSpace(server))
		cache := slices.IndexFunc(m.listeners, func(l listener) bool { return l.port == 53 && l.address == server })
		switch {
		case err == nil && cache >= 0:
			m.apart(address, m.listeners[cache], out)
		case err != nil || address != netip.MustParseAddr(want) && !address.IsLinkLocalUnicast():
			out.Errorf("V027", at, where, "the kubelet sends pods to %s for names, and the DNS of the cluster is at %s", server, want).
				WithHint("leave clusterDNS and --cluster-dns out: the address follows network.services; a cache on each node has a link-local one, as in 169.254.20.10")
		}
	}
	if domain := strings.TrimSuffix(r.domain, "."); domain != "" && domain != m.plan.Cluster.Domain {
		out.Errorf("V027", at, where, "the kubelet lets pods search %s, and the domain of the cluster is %s", domain, m.plan.Cluster.Domain).
			WithHint("write cluster.domain: %s in the topology, and leave clusterDomain and --cluster-domain out", domain)
	}
}

// apart proves that the address of a cache on the node is in no network of the cluster:
// another machine, a pod or a Service could have it.
func (m *machine) apart(address netip.Addr, cache listener, out *diag.List) {
	c := m.plan.Cluster
	for _, network := range slices.Concat(c.HostNetworks, c.PodCIDRs, c.ServiceCIDRs) {
		if p, err := netip.ParsePrefix(network); err != nil || !p.Contains(address) {
			continue
		}
		at, said := cache.at, m.plan.Said(m.Host, cache.profile, address.String())
		if said != "" {
			at = m.plan.Topology.At(said)
		}
		out.Errorf("V027", at, said, "%s answers pods at %s, which is of the network %s", cache.what, address, network).
			WithHint("give it an address that no machine, pod or Service can have, as in 169.254.20.10 or fd6b:7370:6f72::53")
	}
}
