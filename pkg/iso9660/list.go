package iso9660

import (
	"encoding/binary"
	"errors"
	"io"
	"path"
	"strings"
)

var errDamaged = errors.New("the volume is damaged")

// These are more folders in folders, and a bigger one, than anybody makes; a
// damaged volume may have a folder in itself.
const (
	maxDepth = 64
	maxFiles = 1 << 16
)

// Read lists the files of a volume, under their Rock Ridge names where they
// have one. Their contents are read when they are opened.
func Read(r io.ReaderAt) ([]File, error) {
	head := make([]byte, sector)
	if _, err := r.ReadAt(head, descriptorsAt*sector); err != nil || head[0] != 1 || string(head[1:6]) != "CD001" {
		return nil, ErrNoVolume
	}
	v := &lister{r: r}
	root, err := parseRecord(head[156:190])
	if err != nil || !root.folder {
		return nil, errDamaged
	}
	err = v.folder("", root, 0) // fills out
	return v.out, err
}

type lister struct {
	r    io.ReaderAt
	seen int
	out  []File
}

// found is a record of a folder.
type found struct {
	Extent
	name       string
	folder     bool
	special    bool // the folder itself, or the one above
	executable bool
	use        []byte
}

// parseRecord reads a record.
func parseRecord(record []byte) (found, error) {
	at, folder, err := readRecord(record)
	if err != nil || len(record) < 33+int(record[32]) || record[32] == 0 {
		return found{}, errDamaged
	}
	id := string(record[33 : 33+int(record[32])])
	f := found{Extent: at, folder: folder, special: id == itself || id == above}
	f.name, _, _ = strings.Cut(id, ";")
	if record[25]&0x80 != 0 { // a file of more than one part
		return f, errDamaged
	}
	after := 33 + len(id) + (len(id)+1)%2
	f.use = record[min(after, len(record)):]
	return f, nil
}

// folder reads what is in a folder.
func (v *lister) folder(name string, in found, depth int) error {
	if depth > maxDepth || in.Size > maxFolder {
		return errDamaged
	}
	for at := int64(0); at < in.Size; at += sector {
		block := make([]byte, sector)
		if _, err := v.r.ReadAt(block, in.Offset+at); err != nil {
			return errDamaged
		}
		for len(block) > 0 && block[0] != 0 {
			size := int(block[0])
			if size > len(block) {
				return errDamaged
			}
			if err := v.record(name, block[:size], depth); err != nil {
				return err
			}
			block = block[size:]
		}
	}
	return nil
}

// record reads one record of a folder and what it stands for.
func (v *lister) record(folder string, record []byte, depth int) error {
	f, err := parseRecord(record)
	if err != nil || f.special {
		return err
	}
	if err := v.rockRidge(&f); err != nil {
		return err
	}
	v.seen++
	name := path.Join(folder, f.name)
	if v.seen > maxFiles || f.name == "" || f.name == "." || f.name == ".." || strings.Contains(f.name, "/") {
		return errDamaged
	}
	if f.folder {
		return v.folder(name, f, depth+1)
	}
	v.out = append(v.out, File{Path: name, Size: f.Size, Executable: f.executable, Open: func() (io.ReadCloser, error) {
		return io.NopCloser(io.NewSectionReader(v.r, f.Offset, f.Size)), nil
	}})
	return nil
}

// rockRidge reads the name and the mode that stand beside a record, and where
// it is continued.
func (v *lister) rockRidge(f *found) error {
	named := ""
	for use, turns := f.use, 0; len(use) >= 4 && use[2] >= 4 && int(use[2]) <= len(use); {
		data := use[4:use[2]]
		next := use[use[2]:]
		switch kind := string(use[:2]); {
		case kind == "NM" && len(data) > 1:
			named += string(data[1:])
		case kind == "PX" && len(data) >= 4:
			f.executable = binary.LittleEndian.Uint32(data)&0o111 != 0
		case kind == "CE" && len(data) >= 24:
			size := binary.LittleEndian.Uint32(data[16:])
			if turns++; turns > 8 || size > sector {
				return errDamaged
			}
			more := make([]byte, size)
			if _, err := v.r.ReadAt(more, int64(binary.LittleEndian.Uint32(data))*sector+int64(binary.LittleEndian.Uint32(data[8:]))); err != nil {
				return errDamaged
			}
			next = append(next[:len(next):len(next)], more...)
		}
		use = next
	}
	if named != "" {
		f.name = named
	}
	return nil
}
