package iso9660

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
)

// descriptorsAt is the sector of the first volume descriptor; those before are
// left to the machine.
const descriptorsAt = 16

// sectorWriter writes parts, each from the beginning of a sector.
type sectorWriter struct {
	w       *bufio.Writer
	written int64
}

// Write implements io.Writer.
func (s *sectorWriter) Write(data []byte) (int, error) {
	n, err := s.w.Write(data)
	s.written += int64(n)
	return n, err
}

// pad fills up the sector.
func (s *sectorWriter) pad() error {
	if rest := s.written % sector; rest != 0 {
		_, err := s.Write(make([]byte, sector-rest))
		return err
	}
	return nil
}

// part writes bytes and fills up the sector.
func (s *sectorWriter) part(data []byte) error {
	if _, err := s.Write(data); err != nil {
		return err
	}
	return s.pad()
}

func (v *volume) write(out *sectorWriter) error {
	parts := [][]byte{make([]byte, descriptorsAt*sector), v.descriptor(), terminator(), v.pathTable(binary.LittleEndian), v.pathTable(binary.BigEndian)}
	for _, f := range v.folders {
		records, more := f.records(f == v.root, v.when)
		parts = append(parts, records, more)
	}
	for _, p := range parts {
		if err := out.part(p); err != nil {
			return err
		}
	}
	for _, f := range v.files {
		if err := f.content(out); err != nil {
			return err
		}
	}
	return nil
}

// content copies a file, which must have the size it was announced with.
func (n *node) content(out *sectorWriter) error {
	r, err := n.file.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	copied, err := io.Copy(out, r)
	if err != nil {
		return err
	}
	if copied != n.size {
		return fmt.Errorf("%s has %d bytes, and %d were expected: something changes it", n.file.Path, copied, n.size)
	}
	return out.pad()
}

func (v *volume) pathTable(order binary.AppendByteOrder) []byte {
	var out []byte
	for _, f := range v.folders {
		name := f.short
		if f == v.root {
			name = itself
		}
		out = append(out, byte(len(name)), 0)
		out = order.AppendUint32(out, f.start)
		out = order.AppendUint16(out, uint16(f.parent.number))
		out = append(out, name...)
		if len(name)%2 == 1 {
			out = append(out, 0)
		}
	}
	return out
}

// descriptor is the primary volume descriptor.
func (v *volume) descriptor() []byte {
	out := append([]byte{1}, "CD001\x01\x00"...)
	out = append(out, filled("", 32)...)
	out = append(out, filled(v.label, 32)...)
	out = append(out, make([]byte, 8)...)
	out = append(out, bothOrders(v.sectors)...)
	out = append(out, make([]byte, 32)...)
	out = append(out, bothShort(1)...)
	out = append(out, bothShort(1)...)
	out = append(out, bothShort(sector)...)
	out = append(out, bothOrders(uint32(v.table))...)
	out = binary.LittleEndian.AppendUint32(out, v.tables[0])
	out = binary.LittleEndian.AppendUint32(out, 0)
	out = binary.BigEndian.AppendUint32(out, v.tables[1])
	out = binary.BigEndian.AppendUint32(out, 0)
	out = append(out, record(v.root, itself, v.when, nil)...)
	for _, text := range []string{"", "", "", "KUBESPORE"} { // set, publisher, preparer, application
		out = append(out, filled(text, 128)...)
	}
	out = append(out, filled("", 3*37)...) // copyright, abstract, bibliography
	for range 2 {                          // made, changed
		out = append(out, v.when.Format("20060102150405")+"00\x00"...)
	}
	for range 2 { // expires, effective from: never said
		out = append(out, strings.Repeat("0", 16)+"\x00"...)
	}
	out = append(out, 1, 0)
	return append(out, make([]byte, sector-len(out))...)
}

func terminator() []byte { return append([]byte{0xff}, "CD001\x01"...) }

// filled pads a text with blanks.
func filled(text string, size int) string { return text + strings.Repeat(" ", size-len(text)) }
