package iso9660

import (
	"encoding/binary"
	"time"
)

// maxName is the longest name that fits into one record with all that stands
// next to it.
const maxName = 150

// Modes as POSIX writes them into Rock Ridge's PX.
const (
	modeFolder     = 0o040555
	modeFile       = 0o100444
	modeExecutable = 0o100555
)

// bothOrders gives a number in little and then in big endian, as ISO 9660 stores it.
func bothOrders(n uint32) []byte {
	return binary.BigEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, n), n)
}

func bothShort(n uint16) []byte {
	return binary.BigEndian.AppendUint16(binary.LittleEndian.AppendUint16(nil, n), n)
}

// stamp is a date of seven bytes, in UTC.
func stamp(t time.Time) []byte {
	return []byte{byte(t.Year() - 1900), byte(t.Month()), byte(t.Day()), byte(t.Hour()), byte(t.Minute()), byte(t.Second()), 0}
}

// entry is one field of the system use area.
func entry(signature string, data ...byte) []byte {
	return append([]byte{signature[0], signature[1], byte(4 + len(data)), 1}, data...)
}

// attributes are the mode, links and owner of a node: PX.
func attributes(n *node) []byte {
	mode, links := uint32(modeFile), uint32(1)
	switch {
	case n.isFolder():
		mode, links = modeFolder, 2
		for _, c := range n.children {
			if c.isFolder() {
				links++
			}
		}
	case n.file.Executable:
		mode = modeExecutable
	}
	var data []byte
	for _, number := range []uint32{mode, links, 0, 0} {
		data = append(data, bothOrders(number)...)
	}
	return entry("PX", data...)
}

// modified is TF: the time of the last change alone.
func modified(t time.Time) []byte { return entry("TF", append([]byte{1 << 1}, stamp(t)...)...) }

// named is NM: the name as it really is.
func named(name string) []byte { return entry("NM", append([]byte{0}, name...)...) }

// extension is ER, which says that the entries are those of Rock Ridge.
func extension() []byte {
	const id = "RRIP_1991A"
	const text = "THE ROCK RIDGE INTERCHANGE PROTOCOL PROVIDES SUPPORT FOR POSIX FILE SYSTEM SEMANTICS"
	const source = "PLEASE CONTACT DISC PUBLISHER FOR SPECIFICATION SOURCE.  SEE PUBLISHER IDENTIFIER IN PRIMARY VOLUME DESCRIPTOR FOR CONTACT INFORMATION."
	data := []byte{byte(len(id)), byte(len(text)), byte(len(source)), 1}
	return entry("ER", append(data, id+text+source...)...)
}

// record is a directory record: a node under the name that its folder gives it.
func record(n *node, id string, when time.Time, systemUse []byte) []byte {
	size := n.size
	flags := byte(0)
	if n.isFolder() {
		flags = 1 << 1
		size = int64(sectorsOf(n.size)) * sector
	}
	out := []byte{0, 0}
	out = append(out, bothOrders(n.start)...)
	out = append(out, bothOrders(uint32(size))...)
	out = append(out, stamp(when)...)
	out = append(out, flags, 0, 0)
	out = append(out, bothShort(1)...)
	out = append(out, byte(len(id)))
	out = append(out, id...)
	if len(out)%2 == 1 {
		out = append(out, 0)
	}
	out = append(out, systemUse...)
	if len(out)%2 == 1 {
		out = append(out, 0)
	}
	out[0] = byte(len(out))
	return out
}

// Names of a folder itself and of the one above it.
const (
	itself = "\x00"
	above  = "\x01"
)

// records gives the records of a folder, each whole in one sector, and what is
// continued elsewhere.
func (n *node) records(isRoot bool, when time.Time) (records, more []byte) {
	own := append(attributes(n), modified(when)...)
	if isRoot {
		// SP must come first; ER is too long for a record and continues.
		more = extension()
		n.moreSize = len(more)
		var continued []byte
		for _, number := range []uint32{n.more, 0, uint32(len(more))} {
			continued = append(continued, bothOrders(number)...)
		}
		own = append(entry("SP", 0xbe, 0xef, 0), append(own, entry("CE", continued...)...)...)
	}
	list := [][]byte{
		record(n, itself, when, own),
		record(n.parent, above, when, append(attributes(n.parent), modified(when)...)),
	}
	for _, c := range n.children {
		list = append(list, record(c, c.short, when, append(append(attributes(c), modified(when)...), named(c.name)...)))
	}
	for _, r := range list {
		if left := sector - len(records)%sector; left < len(r) {
			records = append(records, make([]byte, left)...)
		}
		records = append(records, r...)
	}
	return records, more
}

// measure finds out how much room the records of a folder take, which does not
// depend on what they say.
func (n *node) measure(isRoot bool) {
	records, more := n.records(isRoot, time.Unix(0, 0).UTC())
	n.size, n.moreSize = int64(len(records)), len(more)
}
