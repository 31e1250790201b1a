package media

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"hash/crc32"
	"io"
	"slices"
	"strings"
	"unicode/utf16"
)

// Sizes of a GUID partition table.
const (
	blockSize  = 512
	headerSize = 92
	alignment  = 1 << 20 // where partitions begin
	maxEntries = 1024
)

// Types of partitions, as the table holds them.
const (
	typeESP       = "28732ac11ff8d211ba4b00a0c93ec93b"
	typeBIOSBoot  = "4861682149646f6e744e656564454649"
	typeLinux     = "af3dc60f838472478e793d69d8477de4"
	typeRootAMD64 = "e3bc684fcde8b14d96e7fbcaf984b709"
	typeRootARM64 = "45b021b9f01dc341af444c6f280d3fae"
)

// table is a GUID partition table.
type table struct {
	mbr     []byte // the first block
	header  []byte
	entries []byte // of all partitions, used or not
	size    int    // of one entry
}

// partition is a used entry.
type partition struct {
	kind, name string
	first      int64 // block
}

// readTable reads the table of a disk.
func readTable(disk io.ReaderAt) (*table, error) {
	head := make([]byte, 2*blockSize)
	if _, err := disk.ReadAt(head, 0); err != nil || string(head[blockSize:blockSize+8]) != "EFI PART" {
		return nil, errors.New("it has no GUID partition table")
	}
	t := &table{mbr: head[:blockSize], header: head[blockSize : blockSize+headerSize]}
	if crc32.ChecksumIEEE(zeroed(t.header)) != t.number(16) || t.number(12) != headerSize {
		return nil, errors.New("the header of its partition table is damaged")
	}
	count := int(t.number(80))
	t.size = int(t.number(84))
	if count < 1 || count > maxEntries || t.size < 128 || t.size > 4096 || t.size%128 != 0 {
		return nil, errors.New("its partition table has a size that nobody writes")
	}
	t.entries = make([]byte, count*t.size)
	if _, err := disk.ReadAt(t.entries, int64(binary.LittleEndian.Uint64(t.header[72:]))*blockSize); err != nil || crc32.ChecksumIEEE(t.entries) != t.number(88) {
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

func (t *table) number(at int) uint32 { return binary.LittleEndian.Uint32(t.header[at:]) }

// partitions lists the used entries.
func (t *table) partitions() []partition {
	var out []partition
	for e := range slices.Chunk(t.entries, t.size) {
		if kind := hex.EncodeToString(e[:16]); strings.Trim(kind, "0") != "" {
			out = append(out, partition{kind: kind, name: nameOf(e[56:128]), first: int64(binary.LittleEndian.Uint64(e[32:]))})
		}
	}
	return out
}

func nameOf(raw []byte) string {
	var units []uint16
	for pair := range slices.Chunk(raw, 2) {
		unit := binary.LittleEndian.Uint16(pair)
		if unit == 0 {
			break
		}
		units = append(units, unit)
	}
	return string(utf16.Decode(units))
}

// blocks is how many blocks the entries take.
func (t *table) blocks() int64 { return int64(len(t.entries)+blockSize-1) / blockSize }

// place says where a partition of so many bytes goes on a disk of the given
// size: at its end, so that what is before can grow.
func (t *table) place(disk, size int64) int64 {
	usable := disk - (1+t.blocks())*blockSize
	return (usable - size) / alignment * alignment
}

// grown is a table with one more partition on a bigger disk: what must be
// written, by offset. The identity of the partition follows from the seed.
func (t *table) grown(old, disk, start, size int64, seed []byte) ([]patch, error) {
	free := -1
	for i := 0; i < len(t.entries); i += t.size {
		if len(bytes.Trim(t.entries[i:i+16], "\x00")) == 0 {
			free = i
			break
		}
	}
	if free < 0 {
		return nil, errors.New("its partition table is full")
	}
	entries := bytes.Clone(t.entries)
	copy(entries[free:], ownEntry(start, size, seed))
	last := disk/blockSize - 1
	header := func(own, other, table int64) []byte {
		h := bytes.Clone(t.header)
		binary.LittleEndian.PutUint64(h[24:], uint64(own))
		binary.LittleEndian.PutUint64(h[32:], uint64(other))
		binary.LittleEndian.PutUint64(h[48:], uint64(last-1-t.blocks()))
		binary.LittleEndian.PutUint64(h[72:], uint64(table))
		binary.LittleEndian.PutUint32(h[88:], crc32.ChecksumIEEE(entries))
		binary.LittleEndian.PutUint32(h[16:], crc32.ChecksumIEEE(zeroed(h)))
		return append(h, make([]byte, blockSize-headerSize)...)
	}
	first := int64(binary.LittleEndian.Uint64(t.header[72:]))
	padded := append(bytes.Clone(entries), make([]byte, t.blocks()*blockSize-int64(len(entries)))...)
	mbr := bytes.Clone(t.mbr)
	binary.LittleEndian.PutUint32(mbr[458:], uint32(min(last, 0xffffffff))) // what it protects
	return []patch{
		{0, append(mbr, header(1, last, first)...)},
		{first * blockSize, padded},
		// The old copy at the old end would confuse who looks for one.
		{old - (1+t.blocks())*blockSize, make([]byte, (1+t.blocks())*blockSize)},
		{(last - t.blocks()) * blockSize, append(bytes.Clone(padded), header(last, 1, last-t.blocks())...)},
	}, nil
}

// ownEntry is the entry of a partition of ours.
func ownEntry(start, size int64, seed []byte) []byte {
	out := make([]byte, 128)
	kind, _ := hex.DecodeString(typeLinux)
	copy(out, kind)
	id := sha256.Sum256(append([]byte("kubespore partition\x00"), seed...))
	id[7] = id[7]&0x0f | 0x80 // version 8: made by rules of one's own
	id[8] = id[8]&0x3f | 0x80
	copy(out[16:], id[:16])
	binary.LittleEndian.PutUint64(out[32:], uint64(start/blockSize))
	binary.LittleEndian.PutUint64(out[40:], uint64((start+size)/blockSize-1))
	for i, unit := range utf16.Encode([]rune("kubespore")) {
		binary.LittleEndian.PutUint16(out[56+2*i:], unit)
	}
	return out
}
