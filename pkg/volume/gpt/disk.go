package gpt

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"unicode/utf16"
)

const (
	// Start is where the partition of a [Disk] begins.
	Start = Align

	entries     = 128
	tableSize   = entries * entrySize
	tableBlocks = tableSize / Sector
)

// Disk is a disk of one read-only partition.
type Disk struct {
	Name string // of the partition
	Size int64  // of its content, in bytes
	Seed []byte // the identities of disk and partition are made of it
}

// disk is a disk laid out, in sectors.
type disk struct {
	Disk
	first, last, end int64 // of the partition; the last sector of the disk
}

// Write writes the tables around the partition's content, which stands, or will
// stand, at Start.
func (d Disk) Write(w io.WriterAt) error {
	if length := len(utf16.Encode([]rune(d.Name))); length == 0 || length > nameLength {
		return fmt.Errorf("%q is not a name of a partition: it takes 1 to %d characters", d.Name, nameLength)
	}
	size := (Start + d.Size + (tableBlocks+1)*Sector + Align - 1) / Align * Align
	l := disk{Disk: d, first: Start / Sector, last: (Start+d.Size+Sector-1)/Sector - 1, end: size/Sector - 1}
	table := l.table()
	for at, part := range map[int64][]byte{
		0:                   l.protection(),
		1:                   l.header(table, 1, l.end, 2),
		2:                   table,
		l.end - tableBlocks: table,
		l.end:               l.header(table, l.end, 1, l.end-tableBlocks),
	} {
		if _, err := w.WriteAt(part, at*Sector); err != nil {
			return err
		}
	}
	return nil
}

// protection keeps programs that do not know the table off the disk.
func (d *disk) protection() []byte {
	out := make([]byte, Sector)
	copy(out[446:], []byte{0, 0, 2, 0, 0xee, 0xff, 0xff, 0xff})
	binary.LittleEndian.PutUint32(out[454:], 1)
	binary.LittleEndian.PutUint32(out[458:], uint32(min(d.end, 0xffffffff)))
	out[510], out[511] = 0x55, 0xaa
	return out
}

// table is the list of partitions: one.
func (d *disk) table() []byte {
	own := Partition{Type: Linux, Name: d.Name, First: d.first, Last: d.last}
	return append(own.entry(identity("partition\n", d.Seed), readOnly), make([]byte, tableSize-entrySize)...)
}

// header is one of the two heads of the table: where it is itself, where the
// other and where its copy of the table.
func (d *disk) header(table []byte, at, other, list int64) []byte {
	out := append([]byte("EFI PART"), 0, 0, 1, 0)
	for _, n := range []uint32{headerSize, 0, 0} { // size, checksum, reserved
		out = binary.LittleEndian.AppendUint32(out, n)
	}
	for _, n := range []int64{at, other, 2 + tableBlocks, d.end - tableBlocks - 1} {
		out = binary.LittleEndian.AppendUint64(out, uint64(n))
	}
	out = append(out, identity("disk\n", d.Seed)...)
	out = binary.LittleEndian.AppendUint64(out, uint64(list))
	for _, n := range []uint32{entries, entrySize, crc32.ChecksumIEEE(table)} {
		out = binary.LittleEndian.AppendUint32(out, n)
	}
	binary.LittleEndian.PutUint32(out[16:], crc32.ChecksumIEEE(out))
	return append(out, make([]byte, Sector-len(out))...)
}
