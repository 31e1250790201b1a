package report

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What a table lets in is read with its sources; both families of a set are one.
func TestOpenings(t *testing.T) {
	got := openings(`
table inet kubespore {
	set nodes4 {
		typeof ip saddr
		elements = { 192.168.200.0/22, 10.0.0.0/8 }
	}
	set nodes6 {
		typeof ip6 saddr
	}
	chain to_pods {
		ip saddr @nodes4 tcp dport 1 accept comment "another chain"
	}
	chain input {
		type filter hook input priority 0; policy drop;
		iif lo accept
		udp sport 67 udp dport 68 accept comment "DHCP"
		ip saddr @nodes4 meta l4proto { tcp, udp, sctp } th dport 30000-32767 accept comment "NodePorts"
		meta l4proto { tcp, udp, sctp } th dport 30000-32767 accept comment "NodePorts"
		tcp dport 22 accept comment "ssh"
		ip saddr @nodes4 tcp dport 10250 accept comment "kubelet"
		ip6 saddr @nodes6 tcp dport 10250 accept comment "kubelet"
		ip saddr @nodes4 meta l4proto 112 accept comment "VRRP"
		ip6 saddr 2001:db8::/64 tcp dport 8080 accept comment "topology"
	}
}
`)
	nodes := []string{"192.168.200.0/22", "10.0.0.0/8"}
	want := []Opening{
		{Proto: "vrrp", From: []string{"nodes"}, Sources: nodes, For: "VRRP"},
		{Port: "22", Proto: "tcp", From: []string{"anywhere"}, For: "ssh"},
		{Port: "68", Proto: "udp", From: []string{"anywhere"}, For: "DHCP"},
		{Port: "8080", Proto: "tcp", From: []string{"2001:db8::/64"}, Sources: []string{"2001:db8::/64"}, For: "topology"},
		{Port: "10250", Proto: "tcp", From: []string{"nodes"}, Sources: nodes, For: "kubelet"},
		{Port: "30000-32767", Proto: "tcp, udp, sctp", From: []string{"anywhere"}, For: "NodePorts"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestNames(t *testing.T) {
	for want, hosts := range map[string][]string{
		"":                          nil,
		"cp1, cp2, cp3":             {"cp3", "cp1", "cp2"},
		"gpu01, w001 to w004, w006": {"w001", "w002", "w003", "w004", "w006", "gpu01"},
		"w8 to w11":                 {"w10", "w11", "w8", "w9"},
		"a1, b1, c1, d1, e1, f1, g1, h1 and 1 more": {"a1", "b1", "c1", "d1", "e1", "f1", "g1", "h1", "i1"},
	} {
		if got := names(hosts); got != want {
			t.Errorf("names(%q) = %q, want %q", hosts, got, want)
		}
	}
}
