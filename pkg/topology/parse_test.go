package topology

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/yamlfile"
	"github.com/kubespore/kubespore/pkg/yamlfile/schema"
)

const head = `apiVersion: kubespore/v1alpha1
kind: Topology
cluster: {name: prod, endpoint: "192.168.200.240"}
kubernetes: {version: v1.36.3}
network: {pods: [10.240.0.0/12], services: [10.96.0.0/16]}
hosts:
  - {name: cp1, roles: [control-plane], address: 192.168.200.21/22, gateway: 192.168.200.1}
`

// parse gives the topology of a text that must be right.
func parse(t *testing.T, text string) *Topology {
	t.Helper()
	topology, list := Parse("t.yaml", []byte(text), testKnown)
	if len(list) > 0 {
		t.Fatalf("%v", list)
	}
	return topology
}

var comparing = cmp.Options{
	cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
	cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }),
	cmpopts.EquateEmpty(),
	cmpopts.IgnoreUnexported(Interface{}),
}

func TestDefaults(t *testing.T) {
	got := parse(t, head)
	want := Topology{
		File:       "t.yaml",
		Digest:     got.Digest,
		Cluster:    Cluster{Name: "prod", Domain: "cluster.local", Endpoint: Endpoint{"192.168.200.240", 6443}},
		Kubernetes: Kubernetes{Version: "v1.36.3", Minor: "1.36", ImageRepository: "registry.k8s.io"},
		Network: Network{
			Pods: []netip.Prefix{netip.MustParsePrefix("10.240.0.0/12")}, Services: []netip.Prefix{netip.MustParsePrefix("10.96.0.0/16")},
			NodePodBits: PodBits{24, 64},
		},
		PKI:      PKI{"on-control-planes", "ECDSA-P256", Validity{87600 * time.Hour, 8760 * time.Hour, 43800 * time.Hour}},
		Delivery: "none",
		Hosts: []Host{{
			Path: "hosts[0]", Name: "cp1", Roles: []string{"control-plane"},
			Addresses: []netip.Prefix{netip.MustParsePrefix("192.168.200.21/22")}, Gateways: []netip.Addr{netip.MustParseAddr("192.168.200.1")},
			OS: "fedora-coreos", Format: "ignition", Arch: "amd64", Delivery: "none",
			Interfaces: []Interface{{Kind: "ethernet", Primary: true, DHCP: "no",
				Addresses: []netip.Prefix{netip.MustParsePrefix("192.168.200.21/22")}, Gateways: []netip.Addr{netip.MustParseAddr("192.168.200.1")}}},
		}},
	}
	if diff := cmp.Diff(want, *got, append(comparing, cmpopts.IgnoreUnexported(Topology{}))); diff != "" {
		t.Error(diff)
	}
	if len(got.Digest) != 64 {
		t.Errorf("digest %q", got.Digest)
	}
}

func TestRanges(t *testing.T) {
	got := parse(t, head+`  - {names: ["w[008-010]", "r[1-2]n[1-2]"], roles: [worker], addresses: 192.168.201.254+/22, labels: {a: b}}`+"\n")
	var names, addresses []string
	for _, h := range got.Hosts[1:] {
		names = append(names, h.Name)
		addresses = append(addresses, h.Interfaces[0].Addresses[0].String())
		if h.Addresses[0] != h.Interfaces[0].Addresses[0] || h.Labels["a"] != "b" || h.Path != "hosts[1]" {
			t.Errorf("%+v", h)
		}
	}
	if want := "w008 w009 w010 r1n1 r1n2 r2n1 r2n2"; strings.Join(names, " ") != want {
		t.Errorf("names %v, want %s", names, want)
	}
	if want := "192.168.201.254/22 192.168.201.255/22 192.168.202.0/22"; strings.Join(addresses[:3], " ") != want {
		t.Errorf("addresses %v, want %s", addresses, want)
	}
}

func TestPrimaryInterface(t *testing.T) {
	for _, c := range []struct {
		name, host, primary, address, mac string
	}{
		{"the one that is marked", `address: 192.168.200.31/22, mac: "52:54:00:00:00:31", interfaces: [{name: a}, {name: b, primary: true}]`, "b", "192.168.200.31/22", "52:54:00:00:00:31"},
		{"the one that holds the address", `address: 192.168.200.31/22, interfaces: [{name: a, addresses: 192.168.200.31/22, mac: "52:54:00:00:00:0A"}, {name: b}]`, "a", "192.168.200.31/22", "52:54:00:00:00:0a"},
		{"the only one", `address: 192.168.200.31/22, interfaces: [{name: a}]`, "a", "192.168.200.31/22", ""},
		{"the only one with an address", `interfaces: [{name: a, dhcp: ipv4}, {name: b, addresses: [192.168.200.31/22, 10.9.0.1/24]}]`, "b", "192.168.200.31/22", ""},
		{"the port, not the dummy", `address: 192.168.200.31/22, interfaces: [{name: d, kind: dummy, addresses: 192.0.2.53/32}, {name: a}]`, "a", "192.168.200.31/22", ""},
		{"the addressed port, not the dummy", `interfaces: [{name: d, kind: dummy, addresses: 192.0.2.53/32}, {name: a, addresses: 192.168.200.31/22}]`, "a", "192.168.200.31/22", ""},
		{"a dummy that holds the address", `address: 192.0.2.53/32, interfaces: [{name: a, addresses: 192.168.201.31/22}, {name: d, kind: dummy, addresses: 192.0.2.53/32}]`, "d", "192.0.2.53/32", ""},
		{"the bond, not its members", `address: 192.168.200.31/22, interfaces: [{name: a}, {name: b}, {name: bond0, kind: bond, members: [a, b]}]`, "bond0", "192.168.200.31/22", ""},
		{"a VLAN on a bond", `address: 192.168.200.31/22, interfaces: [{name: a, mac: "52:54:00:00:00:0a"}, {name: bond0, kind: bond, members: [a]}, {name: v, kind: vlan, vlan: 7, link: bond0, primary: true}]`, "v", "192.168.200.31/22", "52:54:00:00:00:0a"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := parse(t, head+"  - {name: w1, roles: [worker], "+c.host+"}\n").Hosts[1]
			var primary []string
			for _, nic := range h.Interfaces {
				if nic.Primary {
					primary = append(primary, nic.Name+" "+nic.Addresses[0].String())
				}
			}
			if want := c.primary + " " + c.address; len(primary) != 1 || primary[0] != want {
				t.Errorf("primary %q, want %q", primary, want)
			}
			if h.Addresses[0].String() != c.address || len(h.Addresses) != 1 || h.MAC != c.mac {
				t.Errorf("host has %v and MAC %q, want %s and %q", h.Addresses, h.MAC, c.address, c.mac)
			}
		})
	}
}

func TestFamiliesFollowPods(t *testing.T) {
	text := strings.Replace(head, "pods: [10.240.0.0/12], services: [10.96.0.0/16]", `pods: ["fd00:1::/56", 10.240.0.0/12], services: ["fd00:2::/112", 10.96.0.0/16]`, 1)
	text = strings.Replace(text, "address: 192.168.200.21/22", `address: [192.168.200.21/22, "fd00::21/64"]`, 1)
	if got := fmt.Sprint(parse(t, text).Hosts[0].Addresses); got != "[fd00::21/64 192.168.200.21/22]" {
		t.Errorf("addresses %s, want the pods' primary family first", got)
	}
}

func TestFormatFollowsSystem(t *testing.T) {
	text := strings.Replace(head, "hosts:", "os: debian\nformat: ignition\nhosts:", 1)
	text += `  - {name: a, roles: [worker], address: 192.168.200.31/22, gateway: 192.168.200.1, os: ubuntu}
  - {name: b, roles: [worker], address: 192.168.200.32/22, gateway: 192.168.200.1, os: flatcar}
  - {name: c, roles: [worker], address: 192.168.200.33/22, gateway: 192.168.200.1, os: alma, format: ignition}
`
	var got []string
	for _, h := range parse(t, text).Hosts {
		got = append(got, h.OS+"/"+h.Format)
	}
	if want := "debian/ignition ubuntu/cloud-init flatcar/ignition alma/ignition"; strings.Join(got, " ") != want {
		t.Errorf("%v, want %s", got, want)
	}
}

func TestProfilesAndPositions(t *testing.T) {
	got := parse(t, strings.Replace(head, "hosts:", `profiles:
  flannel: {port: 8472, mtu: 1.5, list: [a, true]}
  etcd: false
  coredns:
hosts:`, 1))
	want := map[string]Selection{"flannel": {Params: map[string]any{"port": 8472, "mtu": 1.5, "list": []any{"a", true}}}, "etcd": {Off: true}, "coredns": {}}
	if diff := cmp.Diff(want, got.Profiles); diff != "" {
		t.Error(diff)
	}
	for path, at := range map[string]string{
		"profiles.flannel":         "t.yaml:7:3",
		"profiles.flannel.port":    "t.yaml:7:19",
		"profiles.flannel.list[1]": "t.yaml:7:45",
		"profiles.coredns.any":     "t.yaml:9:3",
		"hosts[0].address":         "t.yaml:11:50",
		"hosts[0].address[0]":      "t.yaml:11:50",
		"hosts[0].labels.x":        "t.yaml:11:5",
		"network":                  "t.yaml:5:1",
		"nowhere":                  "t.yaml:1:1",
	} {
		if have := got.At(path).String(); have != at {
			t.Errorf("%s is at %s, want %s", path, have, at)
		}
	}
}

func TestAliasesAndMergeKeys(t *testing.T) {
	got := parse(t, strings.Replace(head, "- {name: cp1,", "- &base {name: cp1,", 1)+"  - {<<: *base, name: w1, roles: [worker], address: 192.168.200.31/22}\n")
	w1 := got.Hosts[1]
	if w1.Name != "w1" || w1.Gateways[0].String() != "192.168.200.1" || w1.Roles[0] != "worker" {
		t.Errorf("%+v", w1)
	}
}

func TestTooLarge(t *testing.T) {
	_, list := Parse("t.yaml", []byte(strings.Repeat("#", yamlfile.MaxBytes+1)), testKnown)
	if len(list) != 1 || list[0].Code != codeLimit {
		t.Errorf("%v", list)
	}
	_, list = Parse("t.yaml", []byte(head+strings.Repeat("  - 7\n", schema.MaxMistakes+5)), testKnown)
	if len(list) != schema.MaxMistakes+1 {
		t.Errorf("%d diagnostics, want %d", len(list), schema.MaxMistakes+1)
	}
	_, list = Parse("t.yaml", []byte(head+strings.Repeat("  - {}\n", maxHosts)), testKnown)
	if len(list) != 1 || list[0].Code != codeLimit {
		t.Errorf("%d diagnostics, want one", len(list))
	}
	many := func(entry string, n int) string { return strings.Repeat(entry+", ", n) }
	numbered := func(format string, n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, format+", ", i)
		}
		return b.String()
	}
	for _, n := range []int{yamlfile.MaxEntries + 1, 20_000} {
		for where, text := range map[string]string{
			"access.users": "access: {users: [" + numbered("{name: u%d}", n) + "]}", "access.users[0].groups": "access: {users: [{name: a, groups: [" + numbered("g%d", n) + "]}]}",
			"network.searchDomains": "network: {searchDomains: [" + numbered("d%d", n) + "]}", "profiles": "profiles: {" + numbered("p%d: {}", n) + "}",
			"profiles.coredns.extraHosts": "profiles: {coredns: {extraHosts: [" + many("a", n) + "]}}", "profiles.firewall.ports": "profiles: {firewall: {ports: [" + many("{port: 1}", n) + "]}}",
			"profiles.a": "profiles: {a: {" + numbered("k%d: 1", n) + "}}", "overlays": "overlays: [" + many("a", n) + "]", "own": "own: [" + many("cni", n) + "]",
			"pools": "pools: {" + numbered("p%d: {}", n) + "}", "": "{" + numbered("k%d: 1", n) + "}",
		} {
			if len(text) > yamlfile.MaxBytes {
				t.Fatal(where, len(text))
			}
			_, list = Parse("t.yaml", []byte(text), testKnown)
			if at := list[len(list)-1]; len(list) != 1 || at.Code != codeLimit || at.Path != where || at.Position.Line != 1 {
				t.Errorf("%d entries of %s: %d messages, the last one %v", n, where, len(list), at)
			}
		}
	}
}

func TestNotText(t *testing.T) {
	for text, at := range map[string]string{"kind: \xff": "t.yaml:1:7", "a: b\nkind: \u2028": "t.yaml:2:7", "a: b\rc: d": "t.yaml:1:5"} {
		_, list := Parse("t.yaml", []byte(text), testKnown)
		if len(list) != 1 || list[0].Code != codeSyntax || list[0].Position.String() != at {
			t.Errorf("%q: %v", text, list)
		}
	}
}

func TestSecretsAreNotShown(t *testing.T) {
	for password, code := range map[string]string{"hunter2": codeUser, "4711": codeType} {
		text := strings.Replace(head, "hosts:", "access:\n  users:\n    - {name: core, passwordHash: "+password+"}\nhosts:", 1)
		_, list := Parse("t.yaml", []byte(text), testKnown)
		var out strings.Builder
		diag.Printer{ReadFile: func(string) ([]byte, error) { return []byte(text), nil }}.Print(&out, list)
		if len(list) != 1 || list[0].Code != code || strings.Contains(out.String(), password) {
			t.Errorf("%s", &out)
		}
	}
}

// fleet gives a topology of n workers that are declared one by one.
func fleet(n int) []byte {
	var b strings.Builder
	b.WriteString(strings.NewReplacer("10.240.0.0/12", "10.0.0.0/8", "10.96.0.0/16", "172.16.0.0/16", "/22", "/16").Replace(head))
	for i := range n {
		fmt.Fprintf(&b, "  - {name: w%d, roles: [worker], address: 192.168.%d.%d/16, gateway: 192.168.200.1, mac: \"52:54:00:00:%02x:%02x\", labels: {disk: ssd}}\n", i, i/250, i%250+1, i/250, i%250)
	}
	return []byte(b.String())
}

func BenchmarkParse(b *testing.B) {
	for _, n := range []int{1_000, 10_000} {
		text := fleet(n)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				if topology, list := Parse("fleet.yaml", text, testKnown); len(list) > 0 || len(topology.Hosts) != n+1 {
					b.Fatalf("%d hosts, %v", len(topology.Hosts), list)
				}
			}
		})
	}
}

// TestHostileFilesAreQuick holds that no bound is reached the slow way.
func TestHostileFilesAreQuick(t *testing.T) {
	var keys strings.Builder
	for i := range 200_000 {
		fmt.Fprintf(&keys, "k%d: 1\n", i)
	}
	for name, text := range map[string]string{
		"unknown keys":    keys.String(),
		"one long key":    strings.Repeat("k", 8<<20) + ": 1\n",
		"merged mappings": "a: &a {" + strings.ReplaceAll(keys.String()[:500_000], "\n", ", ") + "}\n<<: *a\n" + keys.String(),
	} {
		start := time.Now()
		if _, list := Parse("t.yaml", []byte(text), testKnown); !list.HasErrors() {
			t.Errorf("%s: taken", name)
		}
		if took := time.Since(start); took > 20*time.Second {
			t.Errorf("%s: took %s", name, took)
		}
	}
}
