package main

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

const tableOfTest = `table inet kubespore {
	set nodes4 {
		typeof ip saddr
		elements = { 192.168.200.0/24 }
	}

	set etcd4 {
		typeof ip saddr
		elements = { 192.168.200.21, 192.168.200.22 }
	}

	chain input {
		type filter hook input priority 0; policy drop;
		ct state { established, related } accept
		ct state invalid drop
		iif lo accept
		icmp type { echo-request } accept
		ip saddr @control_planes4 meta l4proto 112 accept comment "VRRP"
		ip daddr @services4 ip saddr @nodes4 accept
		meta l4proto { tcp, udp, sctp } th dport 30000-32767 accept comment "NodePorts"
		tcp dport 6443 accept comment "API server"
		ip saddr @etcd4 tcp dport 2380 accept comment "etcd among members"
		ip saddr 10.0.0.0/8 udp dport 8472 accept comment "flannel"
	}
}
`

func TestFirewall(t *testing.T) {
	f, err := readFirewall(tableOfTest)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		protocol, source string
		port             int
		want             bool
	}{
		{"tcp", "198.51.100.1", 6443, true},
		{"tcp", "198.51.100.1", 2380, false},
		{"tcp", "192.168.200.22", 2380, true},
		{"tcp", "192.168.200.23", 2380, false},
		{"tcp", "198.51.100.1", 32767, true},
		{"udp", "198.51.100.1", 30000, true},
		{"udp", "10.1.2.3", 8472, true},
		{"tcp", "10.1.2.3", 8472, false},
		{"udp", "198.51.100.1", 8472, false},
		{"tcp", "198.51.100.1", 22, false},
	} {
		if got := f.lets(c.protocol, []netip.Addr{netip.MustParseAddr(c.source)})[c.port]; got != c.want {
			t.Errorf("%s %d from %s: %v", c.protocol, c.port, c.source, got)
		}
	}
}

// A rule that opens something in words that the lab does not know is not a table
// that it can hold a machine against.
func TestUnknownRule(t *testing.T) {
	for _, rule := range []string{"tcp dport { 80, 443 } accept", "ip saddr @friends4 tcp dport 80 accept", "accept"} {
		if _, err := readFirewall(strings.Replace(tableOfTest, "tcp dport 6443 accept", rule, 1)); err == nil {
			t.Errorf("%q is taken for a rule", rule)
		}
	}
}

// The receiver sums all up, and gets all ones.
func TestSegmentChecksum(t *testing.T) {
	for _, pair := range [][2]string{{"192.168.200.254", "192.168.200.21"}, {"fd00:200::ff", "fd00:200::21"}} {
		from, to := netip.MustParseAddr(pair[0]), netip.MustParseAddr(pair[1])
		s := segment(from, to, 20001, 6443)
		sum := uint32(6 + len(s))
		for _, part := range [][]byte{from.AsSlice(), to.AsSlice(), s} {
			for i := 0; i < len(part); i += 2 {
				sum += uint32(binary.BigEndian.Uint16(part[i:]))
			}
		}
		for sum>>16 != 0 {
			sum = sum&0xffff + sum>>16
		}
		if sum != 0xffff {
			t.Errorf("%v: %x", pair, sum)
		}
	}
}

func TestPortsIn(t *testing.T) {
	got := portsIn("table inet lab {\n\tset seen {\n\t\tsize 65536\n\t\telements = { 8472, 30000,\n\t\t\t     32767 }\n\t}\n}\n")
	for port := range got {
		if want := slices.Contains([]int{8472, 30000, 32767}, port); got[port] != want {
			t.Errorf("port %d: %v", port, got[port])
		}
	}
}

// Page and result are held against each other in both directions.
func TestAgainst(t *testing.T) {
	checks, err := readChecks(`{"Controls":[{"tests":[{"results":[
		{"test_number":"1.1.12","status":"FAIL"},{"test_number":"1.2.15","status":"FAIL"},
		{"test_number":"1.2.16","status":"PASS"},{"test_number":"1.2.17","status":"WARN"},
		{"test_number":"1.2.18","status":"WARN"},{"test_number":"1.2.19","status":"PASS"}]}]}]}`)
	if err != nil {
		t.Fatal(err)
	}
	page := "| check | what |\n|---|---|\n| 1.1.12 | etcd |\n| 1.2.16 | audit |\n| 1.2.99 | gone |\n| 4.1.1 | of another target |\n\n## Checks that kube-bench leaves to people\n\n| 1.2.18, 1.2.19 | of the operator |\n"
	var got []string
	for _, err := range readHardening(page).against(checks) {
		got = append(got, strings.Fields(err.Error())[0])
	}
	if want := []string{"1.2.15", "1.2.16", "1.2.17", "1.2.99"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestWithArgument(t *testing.T) {
	got, err := withArgument("apiServer:\n  extraArgs: [{name: v, value: \"2\"}]\nclusterName: one\n")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"name: v\n", "name: event-ttl\n", "value: 47m\n", "clusterName: one\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if _, err := withArgument("clusterName: one\n"); err == nil {
		t.Error("a configuration without an API server is taken")
	}
}
