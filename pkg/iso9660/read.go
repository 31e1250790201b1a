package iso9660

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
)

// ErrNoVolume says that something is not an ISO 9660 volume.
var ErrNoVolume = errors.New("it is not an ISO 9660 volume")

// maxFolder bounds the records of a folder, so that a damaged volume cannot ask
// for all memory.
const maxFolder = 16 << 20

// Extent is where a file stands on a volume.
type Extent struct{ Offset, Size int64 }

// Find gives the place of a file on a volume. Names are those of Rock Ridge or
// plain ones, whatever their case: images/ignition.img finds
// IMAGES/IGNITION.IMG;1. What is not there is fs.ErrNotExist.
func Find(r io.ReaderAt, name string) (Extent, error) {
	descriptor := make([]byte, sector)
	if _, err := r.ReadAt(descriptor, descriptorsAt*sector); err != nil {
		return Extent{}, ErrNoVolume
	}
	if descriptor[0] != 1 || string(descriptor[1:6]) != "CD001" {
		return Extent{}, ErrNoVolume
	}
	at, folder, err := readRecord(descriptor[156:190])
	if err != nil {
		return Extent{}, err
	}
	for _, part := range strings.Split(path.Clean(name), "/") {
		if !folder {
			return Extent{}, fs.ErrNotExist
		}
		if at, folder, err = lookUp(r, at, part); err != nil {
			return Extent{}, err
		}
	}
	if folder {
		return Extent{}, fmt.Errorf("%s is a folder", name)
	}
	return at, nil
}

// lookUp finds a name in a folder.
func lookUp(r io.ReaderAt, folder Extent, name string) (Extent, bool, error) {
	if folder.Size > maxFolder {
		return Extent{}, false, errors.New("the volume is damaged: a folder is too big")
	}
	records := make([]byte, folder.Size)
	if _, err := r.ReadAt(records, folder.Offset); err != nil {
		return Extent{}, false, errors.New("the volume is cut off")
	}
	for i := 0; i < len(records); {
		size := int(records[i])
		if size == 0 { // the next record begins with the next sector
			i += sector - i%sector
			continue
		}
		if i+size > len(records) || size < 34 {
			return Extent{}, false, errors.New("the volume is damaged: a record is cut off")
		}
		if record := records[i : i+size]; isNamed(record, name) {
			return readRecord(record)
		}
		i += size
	}
	return Extent{}, false, fs.ErrNotExist
}

// isNamed says whether a record has a name, plain or by Rock Ridge.
func isNamed(record []byte, name string) bool {
	length := int(record[32])
	if 33+length > len(record) {
		return false
	}
	plain, _, _ := strings.Cut(string(record[33:33+length]), ";")
	if strings.EqualFold(strings.TrimSuffix(plain, "."), name) {
		return true
	}
	use := record[min(len(record), 33+length+1-length%2):]
	for len(use) >= 5 && int(use[2]) >= 5 && int(use[2]) <= len(use) {
		if string(use[:2]) == "NM" && string(use[5:use[2]]) == name {
			return true
		}
		use = use[use[2]:]
	}
	return false
}

// readRecord gives the place of what a record names, and whether that is a
// folder.
func readRecord(record []byte) (Extent, bool, error) {
	if len(record) < 34 {
		return Extent{}, false, errors.New("the volume is damaged: a record is cut off")
	}
	start, size := binary.LittleEndian.Uint32(record[2:]), binary.LittleEndian.Uint32(record[10:])
	return Extent{int64(start) * sector, int64(size)}, record[25]&2 != 0, nil
}
