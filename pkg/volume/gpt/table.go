package gpt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"slices"
)

const maxEntries = 1024

// Table is the table of a disk that another program made.
type Table struct {
	mbr     []byte // the first block
	header  []byte
	entries []byte // of all partitions, used or not
	size    int    // of one entry
}

// Patch is what is written over a disk.
type Patch struct {
	At   int64
	Data []byte
}

// Read reads the table of a disk. An error says what is wrong with "it".
func Read(disk io.ReaderAt) (*Table, error) {
	head := make([]byte, 2*Sector)
	if _, err := disk.ReadAt(head, 0); err != nil || string(head[Sector:Sector+8]) != "EFI PART" {
		return nil, errors.New("it has no GUID partition table")
	}
	t := &Table{mbr: head[:Sector], header: head[Sector : Sector+headerSize]}
	if crc32.ChecksumIEEE(zeroed(t.header)) != t.number(16) || t.number(12) != headerSize {
		return nil, errors.New("the header of its partition table is damaged")
	}
	count := int(t.number(80))
	t.size = int(t.number(84))
	if count < 1 || count > maxEntries || t.size < entrySize || t.size > 4096 || t.size%entrySize != 0 {
		return nil, errors.New("its partition table has a size that no program writes")
	}
	t.entries = make([]byte, count*t.size)
	if _, err := disk.ReadAt(t.entries, int64(binary.LittleEndian.Uint64(t.header[72:]))*Sector); err != nil || crc32.ChecksumIEEE(t.entries) != t.number(88) {
		return nil, errors.New("its partition table is damaged")
	}
	return t, nil
}

// zeroed gives a header as its own checksum is counted.
func zeroed(header []byte) []byte {
	out := bytes.Clone(header)
	copy(out[16:20], make([]byte, 4))
	return out
}

func (t *Table) number(at int) uint32 { return binary.LittleEndian.Uint32(t.header[at:]) }

// Partitions lists the partitions, in the order of the table.
func (t *Table) Partitions() []Partition {
	var out []Partition
	for e := range slices.Chunk(t.entries, t.size) {
		if used(e) {
			out = append(out, partition(e))
		}
	}
	return out
}

func used(entry []byte) bool { return len(bytes.Trim(entry[:16], "\x00")) > 0 }

// blocks is how many blocks the entries take.
func (t *Table) blocks() int64 { return int64(len(t.entries)+Sector-1) / Sector }

// Place says where a partition of so many bytes goes on a disk of the given
// size: at its end, so that what is before can grow.
func (t *Table) Place(disk, size int64) int64 {
	usable := disk - (1+t.blocks())*Sector
	return (usable - size) / Align * Align
}

// Grow puts one more partition, of the type Linux, into the table, on a disk that
// was made bigger, from old bytes to disk: it gives what must be written. start and
// size of the partition are in bytes; its identity follows from the seed.
func (t *Table) Grow(old, disk int64, name string, start, size int64, seed []byte) ([]Patch, error) {
	free := -1
	for i := 0; i < len(t.entries); i += t.size {
		if !used(t.entries[i:]) {
			free = i
			break
		}
	}
	if free < 0 {
		return nil, errors.New("its partition table is full")
	}
	entries := bytes.Clone(t.entries)
	own := Partition{Type: Linux, Name: name, First: start / Sector, Last: (start+size)/Sector - 1}
	copy(entries[free:], own.entry(identity("kubespore partition\x00", seed), 0))
	last := disk/Sector - 1
	header := func(own, other, table int64) []byte {
		h := bytes.Clone(t.header)
		binary.LittleEndian.PutUint64(h[24:], uint64(own))
		binary.LittleEndian.PutUint64(h[32:], uint64(other))
		binary.LittleEndian.PutUint64(h[48:], uint64(last-1-t.blocks()))
		binary.LittleEndian.PutUint64(h[72:], uint64(table))
		binary.LittleEndian.PutUint32(h[88:], crc32.ChecksumIEEE(entries))
		binary.LittleEndian.PutUint32(h[16:], crc32.ChecksumIEEE(zeroed(h)))
		return append(h, make([]byte, Sector-headerSize)...)
	}
	first := int64(binary.LittleEndian.Uint64(t.header[72:]))
	padded := append(bytes.Clone(entries), make([]byte, t.blocks()*Sector-int64(len(entries)))...)
	mbr := bytes.Clone(t.mbr)
	binary.LittleEndian.PutUint32(mbr[458:], uint32(min(last, 0xffffffff))) // what it protects
	return []Patch{
		{0, append(mbr, header(1, last, first)...)},
		{first * Sector, padded},
		// The old copy at the old end would confuse who looks for one.
		{old - (1+t.blocks())*Sector, make([]byte, (1+t.blocks())*Sector)},
		{(last - t.blocks()) * Sector, append(bytes.Clone(padded), header(last, 1, last-t.blocks())...)},
	}, nil
}
