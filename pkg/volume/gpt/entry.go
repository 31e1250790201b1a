package gpt

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"unicode/utf16"
)

// Sizes that every table here has, in bytes.
const (
	Sector = 512
	// Align is where partitions begin, or a multiple of it.
	Align = 1 << 20

	headerSize = 92
	entrySize  = 128
	nameLength = 36 // UTF-16 units
)

// Types of partitions, as a table holds them, in hexadecimal.
const (
	ESP       = "28732ac11ff8d211ba4b00a0c93ec93b"
	BIOSBoot  = "4861682149646f6e744e656564454649"
	Linux     = "af3dc60f838472478e793d69d8477de4" // Linux filesystem data
	RootAMD64 = "e3bc684fcde8b14d96e7fbcaf984b709"
	RootARM64 = "45b021b9f01dc341af444c6f280d3fae"
)

// Partition is a partition in a table. First and Last are sectors.
type Partition struct {
	Type, Name  string
	First, Last int64
}

const readOnly = 1 << 60 // an attribute

// entry is how a table holds a partition.
func (p Partition) entry(identity []byte, attributes uint64) []byte {
	out, _ := hex.DecodeString(p.Type) // one of the above
	out = append(out, identity...)
	for _, n := range []uint64{uint64(p.First), uint64(p.Last), attributes} {
		out = binary.LittleEndian.AppendUint64(out, n)
	}
	for _, unit := range utf16.Encode([]rune(p.Name)) {
		out = binary.LittleEndian.AppendUint16(out, unit)
	}
	return append(out, make([]byte, entrySize-len(out))...)
}

// partition reads an entry.
func partition(entry []byte) Partition {
	var name []uint16
	for pair := range slices.Chunk(entry[56:entrySize], 2) {
		unit := binary.LittleEndian.Uint16(pair)
		if unit == 0 {
			break
		}
		name = append(name, unit)
	}
	return Partition{
		Type: hex.EncodeToString(entry[:16]), Name: string(utf16.Decode(name)),
		First: int64(binary.LittleEndian.Uint64(entry[32:])), Last: int64(binary.LittleEndian.Uint64(entry[40:])),
	}
}

// identity makes one out of a seed, for what is called so. The version of such
// identities is 8: made by a scheme of our own.
func identity(what string, seed []byte) []byte {
	sum := sha256.Sum256(append([]byte(what), seed...))
	sum[7] = sum[7]&0x0f | 0x80
	sum[8] = sum[8]&0x3f | 0x80
	return sum[:16]
}
