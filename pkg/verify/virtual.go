package verify

import (
	"fmt"
	"net/netip"
	"path"
	"slices"
	"strings"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/plan"
)

// proveVirtual proves of the addresses that keepalived moves among machines that the
// endpoint is one of them, and that no machine has another one for itself.
func proveVirtual(m *machine, out *diag.List) {
	for _, e := range m.entries {
		if !strings.HasPrefix(path.Base(e.Path), "keepalived.conf") {
			continue
		}
		held := virtualAddresses(string(e.Content))
		if endpoint, err := netip.ParseAddr(m.plan.Cluster.Endpoint.Host); err == nil && m.plan.Cluster.Endpoint.IsVirtual && !slices.Contains(held, endpoint) {
			at, where := saidOf(m.plan, netip.Addr{}, "cluster.endpoint")
			out.Errorf("V082", at, where, "keepalived holds %s, and clients dial the endpoint %s, which no machine would have", addressList(held), endpoint).
				WithHint("leave out vip, which is the endpoint by itself; further addresses stand under addresses")
		}
		for _, a := range held {
			if why := taken(m, a); why != "" {
				at, where := saidOf(m.plan, a, "cluster.endpoint")
				out.Errorf("V082", at, where, "the virtual address %s %s", a, why).WithHint("take a free address of the network of the control planes")
			}
		}
	}
}

// virtualAddresses gives the addresses in the blocks of a configuration of keepalived.
func virtualAddresses(text string) []netip.Addr {
	var out []netip.Addr
	inside := false
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		switch {
		case len(words) == 0:
		case strings.HasPrefix(words[0], "virtual_ipaddress"):
			inside = true
		case words[0] == "}":
			inside = false
		case inside:
			first, _, _ := strings.Cut(words[0], "/")
			if a, err := netip.ParseAddr(first); err == nil {
				out = append(out, a)
			}
		}
	}
	return out
}

// taken says why a machine cannot hold a virtual address besides its own.
func taken(m *machine, a netip.Addr) string {
	t := m.plan.Topology
	for _, n := range slices.Concat(t.Network.Pods, t.Network.Services) {
		if n.Contains(a) {
			return fmt.Sprintf("is inside %s, a network of the cluster's own", n)
		}
	}
	near := false
	for i := range t.Hosts {
		h := &t.Hosts[i]
		if h.HasAddress(a) {
			return "is the address of " + h.Name
		}
		for _, nic := range h.Interfaces {
			if slices.Contains(nic.Gateways, a) {
				return "is the gateway of " + h.Name
			}
			near = near || h.Name == m.Name && slices.ContainsFunc(nic.Addresses, func(p netip.Prefix) bool { return p.Contains(a) })
		}
	}
	if !near {
		return "is on no network of the machines that are to hold it"
	}
	return ""
}

// saidOf is where the topology says a virtual address, or otherwise what keepalived does.
func saidOf(p *plan.Plan, a netip.Addr, otherwise string) (diag.Position, string) {
	const profile = "profiles.keepalived"
	t := p.Topology
	if list, ok := t.Profiles["keepalived"].Params["addresses"].([]any); ok {
		for i, text := range list {
			if fmt.Sprint(text) == a.String() {
				where := fmt.Sprintf("%s.addresses[%d]", profile, i)
				return t.At(where), where
			}
		}
	}
	if where := profile + ".vip"; t.Given(where) {
		return t.At(where), where
	}
	return t.At(otherwise), otherwise
}

func addressList(addresses []netip.Addr) string {
	var out []string
	for _, a := range addresses {
		out = append(out, a.String())
	}
	return strings.Join(out, ", ")
}
