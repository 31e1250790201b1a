package hardware

import (
	"fmt"
	"maps"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kubespore/kubespore/test/boot/lab"
	"github.com/kubespore/kubespore/test/boot/network"
	"github.com/kubespore/kubespore/test/boot/process"
)

// GiveLease has DHCP give a machine an address from now on, which the machine asks for
// by its name. It does not know other machines.
func GiveLease(r *lab.Run, machine, address string) error {
	if _, err := netip.ParseAddr(address); err != nil {
		return err
	}
	if r.Leases == nil {
		r.Leases = map[string]string{}
	}
	r.Leases[machine] = address
	if r.DHCP != nil {
		if err := r.DHCP.Kill(); err != nil {
			return err
		}
		r.Services = slices.DeleteFunc(r.Services, func(p *process.Process) bool { return p == r.DHCP })
	}
	file := filepath.Join(r.Dir, "leases.conf")
	if err := os.WriteFile(file, []byte(leaseSettings(network.LabAddresses(r.Hosts)[0], r.Leases)), 0o644); err != nil {
		return err
	}
	var err error
	r.DHCP, err = launchDNSMasq(r, file)
	return err
}

// leaseSettings are those of dnsmasq. Two minutes is the shortest lease that it gives.
func leaseSettings(own netip.Prefix, leases map[string]string) string {
	var out strings.Builder
	mask := net.IP(net.CIDRMask(own.Bits(), 32))
	fmt.Fprintf(&out, "port=0\ninterface=lan\nbind-interfaces\ndhcp-authoritative\ndhcp-range=%s,static,%s,2m\n", own.Masked().Addr(), mask)
	for _, machine := range slices.Sorted(maps.Keys(leases)) {
		fmt.Fprintf(&out, "dhcp-host=%s,%s,2m\n", machine, leases[machine])
	}
	return out.String()
}
