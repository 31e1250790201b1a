package rehearse

import (
	"encoding/binary"
	"net"
	"net/netip"
	"sync"
)

// largestFrame is more than any port of QEMU's sends at once, in bytes.
const largestFrame = 64 << 10

// Of an Ethernet frame: two addresses, then the type of what follows.
const (
	frameHeader = 14
	typeARP     = 0x0806
)

// hardware is an address of a port.
type hardware [6]byte

// ethernet is the switch of a rehearsal. QEMU's own networks give each frame to all,
// the one who sent it included. The stack behind a door takes what passes by for
// calls to the outside, and refuses them in the name of the machine that was called:
// it must see its own frames alone.
type ethernet struct {
	cables []*cable
	mu     sync.Mutex
	behind map[hardware]*cable // where frames of an address came from last
}

// cable ends in a UDP socket here and in one of QEMU's there.
type cable struct {
	*net.UDPConn
	door bool           // a door is at its end, no machine
	peer netip.AddrPort // not valid until the first frame came
}

// openEthernet opens a switch with a number of cables to machines. Close ends it.
func openEthernet(machines int) (*ethernet, error) {
	e := &ethernet{behind: map[hardware]*cable{}}
	for i := range machines + 1 {
		c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			e.Close()
			return nil, err
		}
		e.cables = append(e.cables, &cable{UDPConn: c, door: i == machines})
	}
	for _, c := range e.cables {
		go e.carry(c)
	}
	return e, nil
}

// machines and door give the cables of each.
func (e *ethernet) machines() []*cable { return e.cables[:len(e.cables)-1] }
func (e *ethernet) door() *cable       { return e.cables[len(e.cables)-1] }

// Close pulls all cables.
func (e *ethernet) Close() {
	for _, c := range e.cables {
		c.UDPConn.Close()
	}
}

// carry hands on what a cable brings, until it is pulled.
func (e *ethernet) carry(from *cable) {
	frame := make([]byte, largestFrame)
	for {
		n, sender, err := from.ReadFromUDPAddrPort(frame)
		if err != nil {
			return
		}
		e.forward(from, sender, frame[:n])
	}
}

// forward sends a frame to where its address is, or to all others. The program that sent the
// first frame has the cable; those of other programs of this machine are dropped.
func (e *ethernet) forward(from *cable, sender netip.AddrPort, frame []byte) {
	if len(frame) < frameHeader {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if !from.peer.IsValid() {
		from.peer = sender
	}
	if from.peer != sender {
		return
	}
	destination, source := hardware(frame[:6]), hardware(frame[6:12])
	e.behind[source] = from
	for _, to := range e.cables {
		if to != from && to.peer.IsValid() && e.takes(to, destination, binary.BigEndian.Uint16(frame[12:])) {
			_, _ = to.WriteToUDPAddrPort(frame, to.peer) // networks lose frames
		}
	}
}

// takes says whether a cable gets a frame: one for an address at its end; for all or
// for an address that was not heard yet, each machine; of these a door gets questions
// for addresses alone.
func (e *ethernet) takes(to *cable, destination hardware, kind uint16) bool {
	if known, heard := e.behind[destination]; heard {
		return to == known
	}
	return !to.door || kind == typeARP
}

// option is QEMU's for the other end of the cable, which takes any free port.
func (c *cable) option() string {
	return "socket,udp=" + c.LocalAddr().String() + ",localaddr=127.0.0.1:0"
}
