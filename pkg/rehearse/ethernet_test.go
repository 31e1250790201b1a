package rehearse

import (
	"encoding/binary"
	"errors"
	"net"
	"os"
	"testing"
	"time"
)

// everyone is the address of frames for all.
var everyone = hardware{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}

const typeIPv4 = 0x0800

// Frames reach the machine that they are for, or all that are not their sender. The
// door hears questions for addresses and what is sent to it, and nothing else. A
// program that is not at the end of a cable neither speaks nor listens.
func TestEthernet(t *testing.T) {
	e, err := openEthernet(3)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	stations := plugIn(t, e)
	a, b, c, door := stations[0], stations[1], stations[2], stations[3]
	stranger := &station{UDPConn: dial(t, e.cables[0]), address: hardware{2, 9}, name: "a stranger"}
	unheard := hardware{2, 8}
	for _, test := range []struct {
		name string
		from *station
		to   hardware
		kind uint16
		hear []*station
	}{
		{"for one", a, b.address, typeIPv4, []*station{b}},
		{"for all", a, everyone, typeIPv4, []*station{b, c}},
		{"a question for an address", b, everyone, typeARP, []*station{a, c, door}},
		{"for an address that was not heard yet", b, unheard, typeIPv4, []*station{a, c}},
		{"for the door", c, door.address, typeIPv4, []*station{door}},
		{"of the door, for one", door, a.address, typeIPv4, []*station{a}},
		{"of a stranger", stranger, everyone, typeARP, nil},
	} {
		text := test.from.send(t, test.to, test.kind, test.name)
		for _, s := range test.hear {
			if got, err := s.receive(10 * time.Second); got != text {
				t.Errorf("%s: %s hears %q, %v", test.name, s.name, got, err)
			}
		}
	}
	// Each read what was for it, so that whatever is left was not.
	for _, s := range append(stations, stranger) {
		if got, err := s.receive(200 * time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s hears %q, %v", s.name, got, err)
		}
	}
	if _, err := a.Write([]byte("short")); err != nil {
		t.Fatal(err)
	}
	a.send(t, b.address, typeIPv4, "after a frame that is cut off")
	if got, err := b.receive(10 * time.Second); err != nil || got[frameHeader:] != "after a frame that is cut off" {
		t.Errorf("after a frame that is cut off: %q, %v", got, err)
	}
}

// station is what QEMU has at the end of a cable.
type station struct {
	*net.UDPConn
	address hardware
	name    string
}

// plugIn connects a station to each cable, the door last, and lets each say who it is.
func plugIn(t *testing.T, e *ethernet) (out []*station) {
	t.Helper()
	names := []string{"a", "b", "c", "the door"}
	for i, c := range e.cables {
		s := &station{UDPConn: dial(t, c), address: hardware{2, byte(i)}, name: names[i]}
		s.send(t, everyone, typeARP, "here I am")
		for _, other := range out {
			if _, err := other.receive(10 * time.Second); err != nil {
				t.Fatalf("%s does not hear %s: %v", other.name, s.name, err)
			}
		}
		if len(out) == 0 { // no one hears the first
			waitForPeer(t, e, c)
		}
		out = append(out, s)
	}
	return out
}

func dial(t *testing.T, c *cable) *net.UDPConn {
	t.Helper()
	conn, err := net.DialUDP("udp4", nil, c.LocalAddr().(*net.UDPAddr))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// send writes a frame and gives it.
func (s *station) send(t *testing.T, to hardware, kind uint16, text string) string {
	t.Helper()
	frame := binary.BigEndian.AppendUint16(append(to[:], s.address[:]...), kind)
	frame = append(frame, text...)
	if _, err := s.Write(frame); err != nil {
		t.Fatal(err)
	}
	return string(frame)
}

func (s *station) receive(within time.Duration) (string, error) {
	frame := make([]byte, largestFrame)
	if err := s.SetReadDeadline(time.Now().Add(within)); err != nil {
		return "", err
	}
	n, err := s.Read(frame)
	return string(frame[:n]), err
}

// waitForPeer waits until a cable knows who is at its end.
func waitForPeer(t *testing.T, e *ethernet, c *cable) {
	t.Helper()
	for range 1000 {
		e.mu.Lock()
		known := c.peer.IsValid()
		e.mu.Unlock()
		if known {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("a cable does not learn who is at its end")
}
