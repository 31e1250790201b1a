package rehearse

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
)

// Door is a way from this machine, and from nothing else, to one port of the
// machines' network. QEMU's own network stack is a further member of that network
// for it, with addresses that no machine has; it lets nothing out.
type Door struct {
	Listen  string // address and port here
	Target  netip.AddrPort
	network netip.Prefix
	own     [3]netip.Addr // its own address, and those of services that QEMU insists on
}

// OpenDoor makes a door to a port of a machine. taken says which addresses of the
// machine's network something else has.
func OpenDoor(machine netip.Prefix, port uint16, taken func(netip.Addr) bool) (*Door, error) {
	if !machine.Addr().Is4() {
		return nil, fmt.Errorf("QEMU's door leads to IPv4 addresses alone, and the machine's is %s", machine.Addr())
	}
	d := &Door{network: machine.Masked(), Target: netip.AddrPortFrom(machine.Addr(), port)}
	found := 0
	for at := lastOf(d.network).Prev(); found < len(d.own); at = at.Prev() { // the very last is for broadcasts
		if at == d.network.Addr() || !d.network.Contains(at) {
			return nil, fmt.Errorf("the network %s has no three addresses to spare", d.network)
		}
		if at != machine.Addr() && !taken(at) {
			d.own[found] = at
			found++
		}
	}
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	d.Listen = l.Addr().String()
	return d, l.Close()
}

// lastOf gives the last address of an IPv4 network.
func lastOf(network netip.Prefix) netip.Addr {
	first := network.Addr().As4()
	last := binary.BigEndian.Uint32(first[:]) | uint32(1<<(32-network.Bits())-1)
	return netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, last)))
}

// arguments are QEMU's for the door and the cable that it hangs on, joined by a hub.
// Any machine can carry them, since they are not ports of it.
func (d *Door) arguments(cable string) []string {
	return []string{
		"-netdev", fmt.Sprintf("user,id=door,restrict=on,ipv6=off,net=%s,host=%s,dns=%s,dhcpstart=%s,hostfwd=tcp:%s-%s", d.network, d.own[0], d.own[1], d.own[2], d.Listen, d.Target),
		"-netdev", cable + ",id=doorcable",
		"-netdev", "hubport,id=doorside,hubid=0,netdev=door",
		"-netdev", "hubport,id=cableside,hubid=0,netdev=doorcable",
	}
}
