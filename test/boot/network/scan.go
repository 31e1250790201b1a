package network

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// Within does something in a network namespace. Sockets opened there stay there; the
// thread that went in is never unlocked, and ends with it.
func Within(namespace string, do func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		done <- func() error {
			f, err := os.Open(namespace)
			if err != nil {
				return err
			}
			defer f.Close()
			if err := unix.Setns(int(f.Fd()), unix.CLONE_NEWNET); err != nil {
				return fmt.Errorf("entering %s: %w", namespace, err)
			}
			return do()
		}()
	}()
	return <-done
}

// PortSet is a set of ports.
type PortSet [1 << 16]bool

// Outcome is what came back from the TCP ports of an address.
type Outcome struct {
	Open    PortSet // answered the call
	refused PortSet // let in and refused: no program listens there
}

// Answered says whether the port sent anything back, a refusal included.
func (o *Outcome) Answered(port int) bool { return o.Open[port] || o.refused[port] }

// ScanTCP sends the first segment of a connection to every port of an address
// and hears what comes back. Ports that should answer and do not are asked up
// to three times, since a busy machine drops packets.
func ScanTCP(from, to netip.Addr, should *PortSet) (*Outcome, error) {
	network := "ip4:tcp"
	if to.Is6() {
		network = "ip6:tcp"
	}
	c, err := net.DialIP(network, &net.IPAddr{IP: from.AsSlice()}, &net.IPAddr{IP: to.AsSlice()})
	if err != nil {
		return nil, err
	}
	defer c.Close()
	if err := c.SetReadBuffer(8 << 20); err != nil {
		return nil, err
	}
	// Below the ports that the kernel gives to its own connections.
	own := uint16(20000 + rand.IntN(10000))
	heard := make(chan *Outcome)
	go hear(c, own, heard)
	var errs []error
	for pass := range 3 {
		for port := 1; port < 1<<16; port++ {
			if pass > 0 && !should[port] {
				continue
			}
			if _, err := c.Write(segment(from, to, own, uint16(port))); err != nil && !errors.Is(err, unix.EPERM) {
				errs = append(errs, err)
			}
			breathe(port)
		}
		time.Sleep(300 * time.Millisecond)
	}
	if err := c.SetReadDeadline(time.Now()); err != nil {
		return nil, err
	}
	return <-heard, errors.Join(errs...)
}

// breathe leaves the other side time to look at what it was sent.
func breathe(count int) {
	if count%256 == 0 {
		time.Sleep(time.Millisecond)
	}
}

// hear collects answers until the deadline of the connection.
func hear(c *net.IPConn, own uint16, heard chan<- *Outcome) {
	o := &Outcome{}
	buffer := make([]byte, 2048)
	for {
		n, err := c.Read(buffer)
		if err != nil {
			heard <- o
			return
		}
		s := buffer[:n]
		if len(s) > 0 && s[0]>>4 == 4 { // IPv4 packets come with their header
			s = s[min(n, int(s[0]&0xf)*4):]
		}
		if len(s) < 20 || binary.BigEndian.Uint16(s[2:]) != own {
			continue
		}
		port, flags := binary.BigEndian.Uint16(s), s[13]
		switch {
		case flags&flagRST != 0:
			o.refused[port] = true
		case flags&(flagSYN|flagACK) == flagSYN|flagACK:
			o.Open[port] = true
		}
	}
}

const (
	flagSYN = 0x02
	flagRST = 0x04
	flagACK = 0x10
)

// segment is the first segment of a TCP connection.
func segment(from, to netip.Addr, source, destination uint16) []byte {
	s := make([]byte, 20)
	binary.BigEndian.PutUint16(s[0:], source)
	binary.BigEndian.PutUint16(s[2:], destination)
	binary.BigEndian.PutUint32(s[4:], rand.Uint32())
	s[12], s[13] = 5<<4, flagSYN
	binary.BigEndian.PutUint16(s[14:], 1024)
	// The checksum is over the addresses, too.
	sum := uint32(unix.IPPROTO_TCP) + uint32(len(s))
	for _, part := range [][]byte{from.AsSlice(), to.AsSlice(), s} {
		for i := 0; i < len(part); i += 2 {
			sum += uint32(binary.BigEndian.Uint16(part[i:]))
		}
	}
	for sum>>16 != 0 {
		sum = sum&0xffff + sum>>16
	}
	binary.BigEndian.PutUint16(s[16:], ^uint16(sum))
	return s
}

// MarkLength is the length of the datagrams of scanUDP, header included, by
// which the machine knows them.
const MarkLength = 8 + 23

// ScanUDP sends a datagram to every port of an address that is in the set.
func ScanUDP(from, to netip.Addr, ports *PortSet) error {
	c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(from, 0)))
	if err != nil {
		return err
	}
	defer c.Close()
	for port := 1; port < 1<<16; port++ {
		if !ports[port] {
			continue
		}
		// What the other side refuses comes back as an error of the next one.
		_, _ = c.WriteToUDPAddrPort(make([]byte, MarkLength-8), netip.AddrPortFrom(to, uint16(port)))
		breathe(port)
	}
	time.Sleep(200 * time.Millisecond)
	return nil
}
