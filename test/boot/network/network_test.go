package network

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/kubespore/kubespore/test/boot/documents"
)

func TestLastOf(t *testing.T) {
	for prefix, want := range map[string]string{
		"192.168.200.21/24": "192.168.200.254",
		"192.168.200.21/22": "192.168.203.254",
		"10.0.0.1/30":       "10.0.0.2",
		"fd00:200::21/64":   "fd00:200::ffff:ffff:ffff:fffe",
	} {
		if got := lastOf(netip.MustParsePrefix(prefix)).String(); got != want {
			t.Errorf("%s: %s, want %s", prefix, got, want)
		}
	}
}

// The lab has an address among the machines; where these stand in networks of
// their own it is the gateway of each.
func TestLabAddresses(t *testing.T) {
	at := func(address, gateway string) documents.Host {
		return documents.Host{Addresses: []string{address}, Gateways: []string{gateway}}
	}
	for want, hosts := range map[string][]documents.Host{
		"[192.168.1.254/24 192.168.1.1/24 172.31.1.1/32]": {at("192.168.1.11/24", "192.168.1.1"), at("172.16.5.2/32", "172.31.1.1")},
		"[192.168.1.254/24]":                              {at("192.168.1.11/24", "192.168.1.1"), at("192.168.1.12/24", "192.168.1.1")},
		"[192.0.2.254/24 192.0.2.1/24 198.51.100.1/24]":   {at("192.0.2.11/24", "192.0.2.1"), at("198.51.100.12/24", "198.51.100.1")},
	} {
		if got := fmt.Sprint(LabAddresses(hosts)); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	hosts := []documents.Host{at("192.168.1.11/24", "192.168.1.1"), at("172.16.5.2/32", "172.31.1.1")}
	if got := fmt.Sprint(OnLink(hosts, LabAddresses(hosts))); got != "[172.16.5.2]" {
		t.Errorf("%s is on the lab's link", got)
	}
}
