package rehearse

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
)

func TestOpenDoor(t *testing.T) {
	for name, test := range map[string]struct {
		machine string
		taken   []string
		want    string // QEMU's option, but for the port here; "" for no door
	}{
		"the last addresses":   {"10.0.0.21/24", nil, "net=10.0.0.0/24,host=10.0.0.254,dns=10.0.0.253,dhcpstart=10.0.0.252"},
		"but for those taken":  {"10.0.0.252/24", []string{"10.0.0.254", "10.0.0.251"}, "net=10.0.0.0/24,host=10.0.0.253,dns=10.0.0.250,dhcpstart=10.0.0.249"},
		"of a wide network":    {"192.168.201.21/22", nil, "net=192.168.200.0/22,host=192.168.203.254,"},
		"a network too narrow": {"10.0.0.1/30", nil, ""},
		"another family":       {"fd00::21/64", nil, ""},
	} {
		machine := netip.MustParsePrefix(test.machine)
		d, err := OpenDoor(machine, 6443, func(a netip.Addr) bool { return slices.Contains(test.taken, a.String()) })
		if test.want == "" {
			if err == nil {
				t.Errorf("%s: there is a door", name)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		m := Machine{Name: "cp1", Door: d}
		got := strings.Join((&Options{}).arguments(&m, []string{"wire"}, "doorwire"), " ")
		for _, want := range []string{test.want, "restrict=on", "hostfwd=tcp:127.0.0.1:", "-" + machine.Addr().String() + ":6443 ", "-netdev doorwire,id=doorcable ", "-netdev wire,id=net0 ", "virtio-net-pci,netdev=net0,"} {
			if !strings.Contains(got, want) {
				t.Errorf("%s: %s is not in %s", name, want, got)
			}
		}
	}
}
