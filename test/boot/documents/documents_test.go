package documents

import (
	"reflect"
	"testing"
)

// TestReadNetwork finds the hardware address that a machine must have for its document:
// that of the port itself, also where the port is a member of a bond.
func TestReadNetwork(t *testing.T) {
	for path, text := range map[string]string{
		"/etc/systemd/network/10-eth0.network":                     "[Match]\nMACAddress=52:54:00:00:03:21\n[Network]\nAddress=192.168.200.21/24\n",
		"/etc/systemd/network/20-eth0.network":                     "[Match]\nPermanentMACAddress=52:54:00:00:03:21\n[Network]\nBond=bond0\n",
		"/etc/NetworkManager/system-connections/eth0.nmconnection": "[ethernet]\nmac-address=52:54:00:00:03:21\n",
	} {
		var h Host
		h.readNetwork(path, text)
		if h.Hardware != "52:54:00:00:03:21" {
			t.Errorf("%s: %q", path, h.Hardware)
		}
	}
}

// Both formats of a document say the same of its machine.
func TestFilesIn(t *testing.T) {
	for format, document := range map[string]string{
		Ignition:  `{"storage":{"files":[{"path":"/etc/a","contents":{"source":"data:,one%0A"}},{"path":"/etc/b","contents":{"source":"data:;base64,AAE="}}]}}`,
		CloudInit: "#cloud-config\nwrite_files:\n  - path: /etc/a\n    content: |\n      one\n  - path: /etc/b\n    encoding: b64\n    content: AAE=\n",
	} {
		got, err := filesIn([]byte(document))
		if want := map[string]string{"/etc/a": "one\n", "/etc/b": "\x00\x01"}; err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %q, %v", format, got, err)
		}
	}
}
