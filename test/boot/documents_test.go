package main

import "testing"

// TestReadNetwork finds the hardware address that a machine must have for its document:
// that of the port itself, also where the port is a member of a bond.
func TestReadNetwork(t *testing.T) {
	for path, text := range map[string]string{
		"/etc/systemd/network/10-eth0.network":                     "[Match]\nMACAddress=52:54:00:00:03:21\n[Network]\nAddress=192.168.200.21/24\n",
		"/etc/systemd/network/20-eth0.network":                     "[Match]\nPermanentMACAddress=52:54:00:00:03:21\n[Network]\nBond=bond0\n",
		"/etc/NetworkManager/system-connections/eth0.nmconnection": "[ethernet]\nmac-address=52:54:00:00:03:21\n",
	} {
		var h host
		h.readNetwork(path, text)
		if h.Hardware != "52:54:00:00:03:21" {
			t.Errorf("%s: %q", path, h.Hardware)
		}
	}
}
