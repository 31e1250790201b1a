package network

import (
	"encoding/binary"
	"net/netip"
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
	f, err := ReadFirewall(tableOfTest)
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
		if got := f.Lets(c.protocol, []netip.Addr{netip.MustParseAddr(c.source)})[c.port]; got != c.want {
			t.Errorf("%s %d from %s: %v", c.protocol, c.port, c.source, got)
		}
	}
}

// A rule that opens something in words that the lab does not know is not a table
// that it can compare a machine with.
func TestUnknownRule(t *testing.T) {
	for _, rule := range []string{"tcp dport { 80, 443 } accept", "ip saddr @friends4 tcp dport 80 accept", "accept"} {
		if _, err := ReadFirewall(strings.Replace(tableOfTest, "tcp dport 6443 accept", rule, 1)); err == nil {
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
