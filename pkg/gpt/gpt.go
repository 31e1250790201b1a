package gpt

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"unicode/utf16"
)

const (
	sector = 512
	align  = 1 << 20
	// Start is where the partition begins.
	Start = align

	entries     = 128
	entrySize   = 128
	headerSize  = 92
	tableSize   = entries * entrySize
	tableBlocks = tableSize / sector
	nameLength  = 36

	readOnly = 1 << 60
)

// linuxData is the type "Linux filesystem data" of a partition:
// 0FC63DAF-8483-4772-8E79-3D69D8477DE4.
var linuxData = [16]byte{0xaf, 0x3d, 0xc6, 0x0f, 0x83, 0x84, 0x72, 0x47, 0x8e, 0x79, 0x3d, 0x69, 0xd8, 0x47, 0x7d, 0xe4}

// Disk is a disk of one read-only partition.
type Disk struct {
	Name string // of the partition
	Size int64  // of its content, in bytes
	Seed []byte // the identities of disk and partition are made of it
}

// disk is a disk laid out, in sectors.
type disk struct {
	Disk
	first, last, end uint64 // of the partition; the last sector of the disk
}

// Write writes the tables around the partition's content, which stands, or will
// stand, at Start.
func (d Disk) Write(w io.WriterAt) error {
	name := utf16.Encode([]rune(d.Name))
	if len(name) == 0 || len(name) > nameLength {
		return fmt.Errorf("%q is no name of a partition: it takes 1 to %d characters", d.Name, nameLength)
	}
	size := (Start + d.Size + (tableBlocks+1)*sector + align - 1) / align * align
	l := disk{Disk: d, first: Start / sector, last: uint64(Start+d.Size+sector-1)/sector - 1, end: uint64(size/sector) - 1}
	table := l.table(name)
	for at, part := range map[uint64][]byte{
		0:                   l.protection(),
		1:                   l.header(table, 1, l.end, 2),
		2:                   table,
		l.end - tableBlocks: table,
		l.end:               l.header(table, l.end, 1, l.end-tableBlocks),
	} {
		if _, err := w.WriteAt(part, int64(at)*sector); err != nil {
			return err
		}
	}
	return nil
}

// identity makes an identity for something out of the seed, in the form of a
// random one.
func (d *disk) identity(what string) []byte {
	sum := sha256.Sum256(append([]byte(what+"\n"), d.Seed...))
	sum[7] = sum[7]&0x0f | 0x40
	sum[8] = sum[8]&0x3f | 0x80
	return sum[:16]
}

// protection keeps programs that do not know the table off the disk.
func (d *disk) protection() []byte {
	out := make([]byte, sector)
	copy(out[446:], []byte{0, 0, 2, 0, 0xee, 0xff, 0xff, 0xff})
	binary.LittleEndian.PutUint32(out[454:], 1)
	binary.LittleEndian.PutUint32(out[458:], uint32(min(d.end, 0xffffffff)))
	out[510], out[511] = 0x55, 0xaa
	return out
}

// table is the list of partitions: one.
func (d *disk) table(name []uint16) []byte {
	out := append([]byte{}, linuxData[:]...)
	out = append(out, d.identity("partition")...)
	for _, n := range []uint64{d.first, d.last, readOnly} {
		out = binary.LittleEndian.AppendUint64(out, n)
	}
	for _, c := range name {
		out = binary.LittleEndian.AppendUint16(out, c)
	}
	return append(out, make([]byte, tableSize-len(out))...)
}

// header is one of the two heads of the table: where it is itself, where the
// other and where its copy of the table.
func (d *disk) header(table []byte, at, other, list uint64) []byte {
	out := append([]byte("EFI PART"), 0, 0, 1, 0)
	for _, n := range []uint32{headerSize, 0, 0} { // size, checksum, reserved
		out = binary.LittleEndian.AppendUint32(out, n)
	}
	for _, n := range []uint64{at, other, 2 + tableBlocks, d.end - tableBlocks - 1} {
		out = binary.LittleEndian.AppendUint64(out, n)
	}
	out = append(out, d.identity("disk")...)
	out = binary.LittleEndian.AppendUint64(out, list)
	for _, n := range []uint32{entries, entrySize, crc32.ChecksumIEEE(table)} {
		out = binary.LittleEndian.AppendUint32(out, n)
	}
	binary.LittleEndian.PutUint32(out[16:], crc32.ChecksumIEEE(out))
	return append(out, make([]byte, sector-len(out))...)
}
