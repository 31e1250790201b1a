package adopt

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// host is a machine of the topology.
type host struct {
	name      string
	roles     []string
	addresses []netip.Addr
	os, arch  string
	labels    map[string]any
	taints    []any
}

func (h host) hasRole(role string) bool { return slices.Contains(h.roles, role) }

// systems are names of operating systems by how a Node's osImage begins.
func systems() [][2]string {
	return [][2]string{{"Fedora CoreOS", "fedora-coreos"}, {"Flatcar", "flatcar"}, {"Debian", "debian"}, {"Ubuntu", "ubuntu"},
		{"Rocky", "rocky"}, {"AlmaLinux", "alma"}, {"Red Hat", "rhel"}, {"Oracle", "oracle"}, {"openSUSE Leap Micro", "opensuse-leap-micro"}}
}

const controlPlaneLabel = "node-role.kubernetes.io/control-plane"

// node takes over a Node.
func (a *adoption) node(node any) {
	h := host{name: str(dig(node, "metadata", "name")), roles: []string{"worker"}, arch: str(dig(node, "status", "nodeInfo", "architecture")), labels: map[string]any{}}
	labels, _ := dig(node, "metadata", "labels").(map[string]any)
	if _, found := labels[controlPlaneLabel]; found {
		h.roles = []string{"control-plane", "worker"}
	}
	for _, key := range sortedKeys(labels) {
		domain, _, _ := strings.Cut(key, "/")
		own := domain == "kubernetes.io" || strings.HasSuffix(domain, ".kubernetes.io") || strings.HasSuffix(domain, "k8s.io")
		if !own || key == "topology.kubernetes.io/zone" || key == "topology.kubernetes.io/region" {
			h.labels[key] = labels[key]
		}
	}
	for _, taint := range list(dig(node, "spec", "taints")) {
		key, effect := str(dig(taint, "key")), str(dig(taint, "effect"))
		switch {
		case key == controlPlaneLabel && effect == "NoSchedule":
			h.roles = slices.DeleteFunc(h.roles, func(r string) bool { return r == "worker" })
		case !strings.HasPrefix(key, "node.kubernetes.io/"):
			h.taints = append(h.taints, key+"="+str(dig(taint, "value"))+":"+effect)
		}
	}
	for _, address := range list(dig(node, "status", "addresses")) {
		if ip, err := netip.ParseAddr(str(dig(address, "address"))); err == nil && str(dig(address, "type")) == "InternalIP" {
			h.addresses = append(h.addresses, ip)
		}
	}
	image := str(dig(node, "status", "nodeInfo", "osImage"))
	for _, s := range systems() {
		if h.os == "" && strings.HasPrefix(image, s[0]) {
			h.os = s[1]
		}
	}
	a.nodeNetworks(h.name, node)
	if len(h.addresses) == 0 {
		a.unknown("hosts", "the Node %s has no InternalIP, so it is left out", h.name)
		return
	}
	if h.os == "" {
		a.unknown("hosts", "the operating system of %s (%s) is none of ours: the line says debian", h.name, image)
		h.os = "debian"
	}
	a.hosts = append(a.hosts, h)
}

// nodeNetworks remembers the pod networks of a Node, which it keeps for life.
func (a *adoption) nodeNetworks(name string, node any) {
	for _, text := range list(dig(node, "spec", "podCIDRs")) {
		if network, err := netip.ParsePrefix(str(text)); err == nil {
			a.out.PodCIDRs[name] = append(a.out.PodCIDRs[name], network)
		}
	}
	if len(a.out.PodCIDRs[name]) == 0 {
		a.unknown("network.pods", "the Node %s has no pod networks, so the plan gives it some: its network plugin must not ask the Node", name)
	}
}

// etcd finds the members: the control planes, or machines that kubeadm was told of.
func (a *adoption) etcd() {
	a.set("etcd", "peersByName", false) // members that kubeadm made do not carry the name
	for _, e := range list(a.take("etcd", "external", "endpoints")) {
		u, err := url.Parse(str(e))
		if err != nil {
			continue
		}
		address, err := netip.ParseAddr(u.Hostname())
		if err != nil {
			a.unknown("hosts", "the member of etcd at %s has a name in place of an address, so it is left out", u.Hostname())
			continue
		}
		if u.Port() != "2379" {
			a.unknown("hosts", "the member of etcd at %s does not listen on port 2379, which a topology cannot say", u.Host)
		}
		if i := slices.IndexFunc(a.hosts, func(h host) bool { return slices.Contains(h.addresses, address) }); i >= 0 {
			a.hosts[i].roles = append(a.hosts[i].roles, "etcd")
			continue
		}
		name := "etcd-" + strings.NewReplacer(".", "-", ":", "-").Replace(address.String())
		a.unknown("hosts", "the member of etcd at %s gets the name %s: write the name that etcdctl member list shows", address, name)
		a.hosts = append(a.hosts, host{name: name, roles: []string{"etcd"}, addresses: []netip.Addr{address}, os: "debian"})
	}
	for _, file := range []string{"caFile", "certFile", "keyFile"} {
		a.take("etcd", "external", file) // the store has its own
	}
	names := func(key string) []any { l := list(a.take("etcd", "local", key)); return l }
	if sans := names("serverCertSANs"); len(sans) > 0 {
		a.set("etcd", "certSANs", sans)
	}
	dir := str(a.take("etcd", "local", "dataDir"))
	if dir != "" && dir != "/var/lib/etcd" {
		a.set("etcd", "dataDir", dir)
	}
	a.sortFlags("etcd", "etcd", "extraArgs", a.programFlags("etcd", "etcd", a.take("etcd", "local", "extraArgs")))
}

// members names the hosts that run etcd: whatever comes later joins them.
func (a *adoption) members() []string {
	role := "control-plane"
	if slices.ContainsFunc(a.hosts, func(h host) bool { return h.hasRole("etcd") }) {
		role = "etcd"
	}
	out := []string{}
	for _, h := range a.hosts {
		if h.hasRole(role) {
			out = append(out, h.name)
		}
	}
	slices.Sort(out)
	return out
}

// width is the prefix length that stands in for the one that no object has.
func width(address netip.Addr) string {
	if address.Is4() {
		return "/24"
	}
	return "/64"
}
