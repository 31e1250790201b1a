package media

import (
	"encoding/binary"
	"fmt"
	"io"
	"slices"

	"github.com/kubespore/kubespore/pkg/volume/gpt"
)

// cluster is the unit of a qcow2 image.
const cluster = 1 << 16

// tableEntries is how many clusters one table of the second level describes.
const tableEntries = cluster / 8

// copied marks a table entry of a cluster that is not shared.
const copied = -1 << 63

// layer is a qcow2 image that holds what differs from another image.
type layer struct {
	backing, format string // the other image, as QEMU is to find it
	size            int64
	clusters        map[int64][]byte // by number
}

// layerOver makes a layer of patches over a base.
func layerOver(base io.ReaderAt, baseSize, size int64, patches []gpt.Patch) (*layer, error) {
	out := &layer{size: size, clusters: map[int64][]byte{}}
	for _, p := range patches {
		for data, at := p.Data, p.At; len(data) > 0; {
			number, inside := at/cluster, int(at%cluster)
			if out.clusters[number] == nil {
				content := make([]byte, cluster)
				if left := baseSize - number*cluster; left > 0 {
					if _, err := base.ReadAt(content[:min(left, cluster)], number*cluster); err != nil && err != io.EOF {
						return nil, err
					}
				}
				out.clusters[number] = content
			}
			n := copy(out.clusters[number][inside:], data)
			data, at = data[n:], at+int64(n)
		}
	}
	return out, nil
}

// write writes the image: header, reference counts, tables, clusters. Every
// cluster of the file is used once, so one block of counts is enough for
// 2 GiB of them.
func (l *layer) write(w io.Writer) error {
	var numbers []int64
	for n := range l.clusters {
		numbers = append(numbers, n)
	}
	slices.Sort(numbers)
	var tables []int64 // of the second level that are needed
	for _, n := range numbers {
		if t := n / tableEntries; !slices.Contains(tables, t) {
			tables = append(tables, t)
		}
	}
	firstEntries := (l.size + cluster*tableEntries - 1) / (cluster * tableEntries)
	firstClusters := (firstEntries*8 + cluster - 1) / cluster
	secondAt := 3 + firstClusters // after the header and two clusters of counts
	dataAt := secondAt + int64(len(tables))
	used := dataAt + int64(len(numbers))
	if used > cluster/2 {
		return fmt.Errorf("a layer of %d clusters is too big", used)
	}
	header, err := l.header(firstEntries)
	if err != nil {
		return err
	}
	counts := make([]byte, cluster)
	for i := range used {
		binary.BigEndian.PutUint16(counts[2*i:], 1)
	}
	parts := [][]byte{header, entriesAt(1, map[int64]int64{0: 2 * cluster}), counts}
	first := map[int64]int64{}
	var seconds [][]byte
	for i, t := range tables {
		first[t] = (secondAt+int64(i))*cluster | copied
		second := map[int64]int64{}
		for j, n := range numbers {
			if n/tableEntries == t {
				second[n%tableEntries] = (dataAt+int64(j))*cluster | copied
			}
		}
		seconds = append(seconds, entriesAt(1, second))
	}
	parts = append(append(parts, entriesAt(firstClusters, first)), seconds...)
	for _, n := range numbers {
		parts = append(parts, l.clusters[n])
	}
	for _, p := range parts {
		if _, err := w.Write(p); err != nil {
			return err
		}
	}
	return nil
}

// entriesAt is a table of so many clusters with the entries given.
func entriesAt(clusters int64, entries map[int64]int64) []byte {
	out := make([]byte, clusters*cluster)
	for i, value := range entries {
		binary.BigEndian.PutUint64(out[8*i:], uint64(value))
	}
	return out
}

// header is that of version 3, with the format and the name of the other image.
func (l *layer) header(firstEntries int64) ([]byte, error) {
	const length = 104
	format := append([]byte(l.format), make([]byte, (8-len(l.format)%8)%8)...)
	extension := binary.BigEndian.AppendUint32(nil, 0xe2792aca)
	extension = binary.BigEndian.AppendUint32(extension, uint32(len(l.format)))
	extension = append(append(extension, format...), make([]byte, 8)...) // the last one ends the list
	if len(l.backing) > 1023 {
		return nil, fmt.Errorf("the name of the image is too long: %s", l.backing)
	}
	out := []byte("QFI\xfb")
	for _, field := range []any{
		uint32(3), uint64(length + len(extension)), uint32(len(l.backing)), // version, name
		uint32(16), uint64(l.size), uint32(0), // bits of a cluster, size, no encryption
		uint32(firstEntries), uint64(3 * cluster), // tables
		uint64(cluster), uint32(1), // counts
		uint32(0), uint64(0), // snapshots
		uint64(0), uint64(0), uint64(0), // features
		uint32(4), uint32(length), // bits of a count, as a power of two
	} {
		var err error
		if out, err = binary.Append(out, binary.BigEndian, field); err != nil {
			return nil, err
		}
	}
	out = append(append(out, extension...), l.backing...)
	return append(out, make([]byte, cluster-len(out))...), nil
}
