package plan_test

import (
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/plan"
)

const head = `apiVersion: kubespore/v1alpha1
kind: Topology
cluster: {name: t, endpoint: "10.1.0.9:6443"}
kubernetes: {version: v1.36.3}
network: {pods: [%s], services: [%s]}
os: flatcar
access: {users: [{name: core, sshAuthorizedKeys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICnRVHZevH/i0iE0Xbth8WDFpjSgxI3ze+k2jiXkLuPk you@example.org]}]}
%s
hosts:
`

// cluster writes a topology with a pod network, lines for profiles and hosts.
func cluster(pods, profiles string, hosts ...string) string {
	services := "10.96.0.0/16"
	if strings.Contains(pods, ":") {
		services += ", fd00:96::/112"
	}
	return fmt.Sprintf(head, pods, services, profiles) + "  - " + strings.Join(hosts, "\n  - ") + "\n"
}

const (
	cp1 = "{name: cp1, roles: [control-plane], address: 10.1.0.11/16}"
	cp2 = "{name: cp2, roles: [control-plane], address: 10.1.0.12/16}"
	cp3 = "{name: cp3, roles: [control-plane], address: 10.1.0.13/16}"
	w1  = "{name: w1, roles: [worker], address: 10.1.0.21/16}"
	w2  = "{name: w2, roles: [worker], address: 10.1.0.22/16}"
	nfs = "{name: nfs, roles: [], address: 10.1.0.31/16}"
)

// tree makes profiles of texts: the part before the first line is the name.
func tree(profiles map[string]string) fstest.MapFS {
	out := fstest.MapFS{"versions.yaml": {Data: []byte("\"1.36\": {newest: v1.36.3, web: \"1.0\"}\n")}}
	for name, text := range profiles {
		out[name+"/profile.yaml"] = &fstest.MapFile{Data: []byte("name: " + name + "\nsummary: x\n" + text)}
	}
	return out
}

// dual gives hosts an IPv6 address next to the other.
func dual(hosts ...string) []string {
	out := make([]string, len(hosts))
	for i, h := range hosts {
		before, rest, _ := strings.Cut(h, "address: ")
		address, after, _ := strings.Cut(rest, "/16")
		out[i] = before + "address: [" + address + "/16, \"fd00:1::" + address[strings.LastIndex(address, ".")+1:] + "/64\"]" + after
	}
	return out
}

func build(t *testing.T, text string, profiles map[string]string, given plan.Allocations) *plan.Plan {
	t.Helper()
	p, _, list := plan.Build(plan.Inputs{Topology: parse(t, text), Catalog: load(t, tree(profiles)), Allocations: given})
	if list.HasErrors() {
		t.Fatal(describe(list))
	}
	return p
}

func host(t *testing.T, p *plan.Plan, name string) *plan.Host {
	t.Helper()
	for _, h := range p.Hosts {
		if h.Name == name {
			return h
		}
	}
	t.Fatalf("no host %s", name)
	return nil
}

func selected(h *plan.Host, name string) *plan.Selected {
	for _, s := range h.Selected {
		if s.Name == name {
			return s
		}
	}
	return nil
}

// The same input gives an equal plan, whatever the order of the hosts.
func TestSamePlan(t *testing.T) {
	catalog := builtin(t)
	make := func(hosts ...string) *plan.Plan {
		p, _, list := plan.Build(plan.Inputs{Topology: parse(t, cluster("10.240.0.0/12", "profiles: {keepalived: {}}", hosts...)), Catalog: catalog})
		expectNone(t, list)
		return p
	}
	one, two := make(cp1, cp2, cp3, w1, w2, nfs), make(cp1, cp2, cp3, w1, w2, nfs)
	if !reflect.DeepEqual(one.Hosts, two.Hosts) || !reflect.DeepEqual(one.Certs, two.Certs) || !reflect.DeepEqual(one.Allocations, two.Allocations) {
		t.Error("two builds of one topology differ")
	}
	other := make(w2, nfs, cp3, cp1, w1, cp2)
	for i, h := range one.Hosts {
		g := other.Hosts[i]
		if g.Name != h.Name || !reflect.DeepEqual(h.PodCIDRs, g.PodCIDRs) || h.VRRPPriority != g.VRRPPriority || !reflect.DeepEqual(h.Images, g.Images) {
			t.Errorf("the order of hosts in the file changes %s", h.Name)
		}
		for n, s := range h.Selected {
			if !reflect.DeepEqual(s.Vars, g.Selected[n].Vars) {
				t.Errorf("the order of hosts in the file changes %s on %s", s.Name, h.Name)
			}
		}
	}
}

// A worker more changes no var of another worker.
func TestNewWorkerChangesNoOther(t *testing.T) {
	catalog := builtin(t)
	make := func(given plan.Allocations, hosts ...string) *plan.Plan {
		p, _, list := plan.Build(plan.Inputs{Topology: parse(t, cluster("10.240.0.0/12", "profiles: {keepalived: {}}", hosts...)), Catalog: catalog, Allocations: given})
		expectNone(t, list)
		return p
	}
	before := make(plan.Allocations{}, cp1, cp2, cp3, w1, w2)
	after := make(before.Allocations, "{name: a0, roles: [worker], address: 10.1.0.99/16}", cp1, cp2, cp3, w1, w2)
	for _, name := range []string{"w1", "w2"} {
		x, y := host(t, before, name), host(t, after, name)
		for i, s := range x.Selected {
			if s.ReadsAllHosts {
				continue
			}
			if !reflect.DeepEqual(s.Vars, y.Selected[i].Vars) {
				t.Errorf("%s on %s changes", s.Name, name)
			}
		}
		if !reflect.DeepEqual(x.PodCIDRs, y.PodCIDRs) {
			t.Errorf("%s gets other pod CIDRs", name)
		}
	}
}

func TestAllocations(t *testing.T) {
	first := build(t, cluster("10.240.0.0/12, fd00:10::/48", "", dual(cp1, w2, w1, nfs)...), nil, plan.Allocations{})
	wantCIDRs(t, first, map[string]string{
		"cp1": "[10.240.0.0/24 fd00:10::/64]", "w1": "[10.240.1.0/24 fd00:10:0:1::/64]", "w2": "[10.240.2.0/24 fd00:10:0:2::/64]", "nfs": "[]"})
	second := build(t, cluster("10.240.0.0/12, fd00:10::/48", "", dual(cp1, w2, "{name: a0, roles: [worker], address: 10.1.0.99/16}")...), nil, first.Allocations)
	wantCIDRs(t, second, map[string]string{
		"cp1": "[10.240.0.0/24 fd00:10::/64]", "w2": "[10.240.2.0/24 fd00:10:0:2::/64]", "a0": "[10.240.3.0/24 fd00:10:0:3::/64]"})
	if _, kept := second.Allocations.PodCIDRs["w1"]; !kept {
		t.Error("the block of a host that is gone was given up")
	}
	if len(first.Allocations.PodCIDRs) != 3 {
		t.Error("a later build changed the allocations it was given")
	}
}

func wantCIDRs(t *testing.T, p *plan.Plan, want map[string]string) {
	t.Helper()
	for name, cidrs := range want {
		if got := fmt.Sprint(host(t, p, name).PodCIDRs); got != cidrs {
			t.Errorf("%s has %s, want %s", name, got, cidrs)
		}
	}
}

// TestFounders: the members of the first build begin the cluster, and later ones join
// them, also where the store is older than this distinction.
func TestFounders(t *testing.T) {
	const cp4, cp5 = "{name: cp4, roles: [control-plane], address: 10.1.0.14/16}", "{name: cp5, roles: [control-plane], address: 10.1.0.15/16}"
	plans := func(given plan.Allocations, hosts ...string) (*plan.Plan, string) {
		p, _, list := plan.Build(plan.Inputs{Topology: parse(t, cluster("10.240.0.0/12", "", hosts...)), Catalog: load(t, tree(nil)), Allocations: given})
		if list.HasErrors() {
			t.Fatal(list)
		}
		var founders []string
		for _, h := range p.Cluster.EtcdMembers {
			if h.IsFounder {
				founders = append(founders, h.Name)
			}
		}
		warns := slices.ContainsFunc(p.Advice, func(d diag.Diagnostic) bool { return d.Code == "P067" })
		return p, fmt.Sprint(founders, warns)
	}
	first, got := plans(plan.Allocations{}, cp1, w1)
	if got != "[cp1] false" {
		t.Error("at the first build:", got)
	}
	older := first.Allocations
	older.Founders = nil
	for name, c := range map[string]struct {
		given plan.Allocations
		hosts []string
		want  string
	}{
		"two more":             {first.Allocations, []string{cp1, cp4, cp5, w1}, "[cp1] true"},
		"an older store":       {older, []string{cp1, cp4, cp5, w1}, "[cp1] true"},
		"none of the founders": {first.Allocations, []string{cp4, cp5, w1}, "[] true"},
		"nothing new":          {first.Allocations, []string{cp1, w1}, "[cp1] false"},
	} {
		if _, got := plans(c.given, c.hosts...); got != c.want {
			t.Errorf("%s: %s, not %s", name, got, c.want)
		}
	}
}

func TestAllocationsWithinBounds(t *testing.T) {
	bounds := func(text string) string {
		return strings.Replace(cluster("10.240.0.0/16, fd00:10::/48", "", dual(cp1, w1)...), "services:", text+", services:", 1)
	}
	text := bounds("nodePodMin: [10.240.1.0, 'fd00:10:0:10::'], nodePodMax: 10.240.2.0")
	p := build(t, text, nil, plan.Allocations{})
	wantCIDRs(t, p, map[string]string{"cp1": "[10.240.1.0/24 fd00:10:0:10::/64]", "w1": "[10.240.2.0/24 fd00:10:0:11::/64]"})
	want := "map[ipv4:10.240.1.0 ipv6:fd00:10:0:10::] map[ipv4:10.240.2.0 ipv6:fd00:10:0:ffff::]"
	if got := fmt.Sprint(p.Cluster.NodePodMin, p.Cluster.NodePodMax); got != want {
		t.Errorf("templates see %s, want %s", got, want)
	}
	// Who has a block keeps it: bounds that leave one out are a mistake.
	_, _, list := plan.Build(plan.Inputs{Topology: parse(t, bounds("nodePodMin: 10.240.2.0")), Catalog: load(t, tree(nil)), Allocations: p.Allocations})
	if got := describe(list); !strings.Contains(got, "P020") || !strings.Contains(got, "cp1 has 10.240.1.0/24") {
		t.Errorf("got %s", got)
	}
	// A host that is gone keeps the only block that is left.
	given := plan.Allocations{PodCIDRs: map[string][]netip.Prefix{"old": {netip.MustParsePrefix("10.240.1.0/24")}}}
	_, _, list = plan.Build(plan.Inputs{Topology: parse(t, bounds("nodePodMin: 10.240.1.0, nodePodMax: 10.240.2.0")), Catalog: load(t, tree(nil)), Allocations: given})
	if got := describe(list); !strings.Contains(got, "P021") || !strings.Contains(got, "holds 2 blocks") {
		t.Errorf("got %s", got)
	}
}

func TestAllocationsAddAFamily(t *testing.T) {
	p := build(t, cluster("10.240.0.0/12, fd00:10::/48", "", dual(cp1)...), nil,
		plan.Allocations{PodCIDRs: map[string][]netip.Prefix{"cp1": {netip.MustParsePrefix("10.240.7.0/24")}}})
	wantCIDRs(t, p, map[string]string{"cp1": "[10.240.7.0/24 fd00:10::/64]"})
}

func TestAllocationMistakes(t *testing.T) {
	prefixes := func(texts ...string) map[string][]netip.Prefix {
		out := map[string][]netip.Prefix{}
		for i, s := range texts {
			out[[]string{"cp1", "old1", "old2"}[i]] = []netip.Prefix{netip.MustParsePrefix(s)}
		}
		return out
	}
	for _, c := range []struct {
		pods, want string
		given      map[string][]netip.Prefix
	}{
		{"10.244.0.0/16", "P020 network.pods: 1 nodes have pod CIDRs that are not /24 of 10.244.0.0/16, or not between nodePodMin and nodePodMax: cp1 has 10.240.0.0/24", prefixes("10.240.0.0/24")},
		{"10.240.0.0/16", "P020 network.pods: 1 nodes have pod CIDRs that are not /24 of 10.240.0.0/16, or not between nodePodMin and nodePodMax: cp1 has 10.240.0.0/25", prefixes("10.240.0.0/25")},
		{"10.240.0.0/22", "P021 network.pods: 10.240.0.0/22 holds 4 blocks of /24 and 1 more are needed\n  hint: 2 blocks are kept", prefixes("10.240.0.0/24", "10.240.1.0/24", "10.240.2.0/24")},
	} {
		_, _, list := plan.Build(plan.Inputs{Topology: parse(t, cluster(c.pods, "", cp1, w1, w2)), Catalog: load(t, tree(nil)), Allocations: plan.Allocations{PodCIDRs: c.given}})
		if got := describe(list); !strings.Contains(got, c.want) || !strings.HasPrefix(got, "topology.yaml:5:") {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
}

func TestVRRP(t *testing.T) {
	first := build(t, cluster("10.240.0.0/12", "", cp1, cp3, w1), nil, plan.Allocations{})
	second := build(t, cluster("10.240.0.0/12", "", cp1, cp2, cp3), nil, first.Allocations)
	if id := first.Cluster.VRRPID; id < 1 || id > 255 || second.Cluster.VRRPID != id {
		t.Errorf("virtual router id %d, then %d", id, second.Cluster.VRRPID)
	}
	for name, want := range map[string]int{"cp1": 200, "cp3": 199, "cp2": 198} {
		if got := host(t, second, name).VRRPPriority; got != want {
			t.Errorf("%s has priority %d, want %d", name, got, want)
		}
	}
	if got := host(t, first, "w1").VRRPPriority; got != 0 {
		t.Errorf("a worker has priority %d", got)
	}
}

func TestConditions(t *testing.T) {
	const text = "profiles: {p: {mode: b, on: [nfs]}}"
	hosts := []string{cp1, cp2, "{name: both, roles: [control-plane, worker], address: 10.1.0.14/16, os: debian, format: ignition}", w1, nfs}
	for when, want := range map[string]string{
		"{}":                                       "both cp1 cp2 nfs w1",
		"{roles: [worker]}":                        "both w1",
		"{roles: worker}":                          "both w1",
		"{roles: [none]}":                          "nfs",
		"{os: [debian]}":                           "both",
		"{roles: [worker], os: [flatcar]}":         "w1",
		"{format: [cloud-init]}":                   "",
		"{arch: [amd64]}":                          "both cp1 cp2 nfs w1",
		"{families: [ipv6]}":                       "",
		"{params: {mode: [a, b]}}":                 "both cp1 cp2 nfs w1",
		"{params: {mode: [a]}}":                    "",
		"{params: {flag: ['false']}}":              "both cp1 cp2 nfs w1",
		"{hosts: on}":                              "nfs",
		"{profiles: [q]}":                          "w1",
		"{not: {roles: [control-plane]}}":          "nfs w1",
		"{any: [{roles: [none]}, {os: [debian]}]}": "both nfs",
		"{settings: {etcd: [stacked], controlPlanes: ['3']}}":  "both cp1 cp2 nfs w1",
		"{settings: {controlPlanes: [many], etcd: [stacked]}}": "both cp1 cp2 nfs w1",
		"{settings: {endpoint: [virtual]}}":                    "both cp1 cp2 nfs w1",
		"{settings: {endpoint: [host, balancer, name]}}":       "",
	} {
		p := build(t, cluster("10.240.0.0/12", text, hosts...), map[string]string{
			"p": "params: {mode: {type: enum, enum: [a, b], default: a, doc: x}, flag: {type: boolean, doc: x}, on: {type: hosts, doc: x}}\nwhen: " + when + "\n",
			"q": "default: true\nwhen: {roles: [worker], os: [flatcar]}\n",
		}, plan.Allocations{})
		var got []string
		for _, h := range p.Hosts {
			if selected(h, "p") != nil {
				got = append(got, h.Name)
			}
		}
		if g := strings.Join(got, " "); g != want {
			t.Errorf("when %s: %q, want %q", when, g, want)
		}
	}
}
