package iso9660

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// What is wrong with a volume.
var (
	// ErrNoVolume says that something is not an ISO 9660 volume.
	ErrNoVolume = errors.New("it is not an ISO 9660 volume")
	errDamaged  = errors.New("the volume is damaged")
	errCutOff   = errors.New("the volume is cut off")
)

// These are more folders in folders, and bigger ones, than any program makes; a
// damaged volume may have a folder in itself, or one that fills all memory.
const (
	maxDepth  = 64
	maxFiles  = 1 << 16
	maxFolder = 16 << 20
)

// Extent is where a file stands on a volume.
type Extent struct{ Offset, Size int64 }

// found is what a record of a folder names.
type found struct {
	Extent
	name       string // by Rock Ridge, or plain
	plain      string // as ISO 9660 has it, without its version
	folder     bool
	special    bool // the folder itself, or the one above
	several    bool // a file of more than one part
	executable bool
}

// Find gives the place of a file on a volume. Names are those of Rock Ridge or
// plain ones, in any case: images/ignition.img finds
// IMAGES/IGNITION.IMG;1. What is not there is fs.ErrNotExist.
func Find(r io.ReaderAt, name string) (Extent, error) {
	at, err := root(r)
	if err != nil {
		return Extent{}, err
	}
	for _, part := range strings.Split(path.Clean(name), "/") {
		if !at.folder {
			return Extent{}, fs.ErrNotExist
		}
		entries, err := readFolder(r, at.Extent)
		if err != nil {
			return Extent{}, err
		}
		i := slices.IndexFunc(entries, func(e found) bool { return e.name == part || strings.EqualFold(e.plain, part) })
		if i < 0 {
			return Extent{}, fs.ErrNotExist
		}
		at = entries[i]
	}
	switch {
	case at.folder:
		return Extent{}, fmt.Errorf("%s is a folder", name)
	case at.several:
		return Extent{}, fmt.Errorf("%s has more than one part", name)
	}
	return at.Extent, nil
}

// Read lists the files of a volume, under their Rock Ridge names where they
// have one. Their contents are read when they are opened.
func Read(r io.ReaderAt) ([]File, error) {
	top, err := root(r)
	if err != nil {
		return nil, err
	}
	l := &lister{r: r}
	err = l.list("", top, 0) // fills out
	return l.out, err
}

type lister struct {
	r    io.ReaderAt
	seen int
	out  []File
}

func (l *lister) list(folder string, in found, depth int) error {
	if depth > maxDepth {
		return errDamaged
	}
	entries, err := readFolder(l.r, in.Extent)
	if err != nil {
		return err
	}
	for _, e := range entries {
		l.seen++
		if l.seen > maxFiles || e.several || e.name == "" || e.name == "." || e.name == ".." || strings.Contains(e.name, "/") {
			return errDamaged
		}
		name := path.Join(folder, e.name)
		if e.folder {
			if err := l.list(name, e, depth+1); err != nil {
				return err
			}
			continue
		}
		l.out = append(l.out, File{Path: name, Size: e.Size, Executable: e.executable, Open: func() (io.ReadCloser, error) {
			return io.NopCloser(io.NewSectionReader(l.r, e.Offset, e.Size)), nil
		}})
	}
	return nil
}

// root gives the folder at the top of a volume.
func root(r io.ReaderAt) (found, error) {
	head := make([]byte, sector)
	if _, err := r.ReadAt(head, descriptorsAt*sector); err != nil || head[0] != 1 || string(head[1:6]) != "CD001" {
		return found{}, ErrNoVolume
	}
	top, err := readRecord(r, head[156:190])
	if err == nil && !top.folder {
		err = errDamaged
	}
	return top, err
}

// readFolder gives what is in a folder, without the folder itself and the one
// above. No record goes beyond its sector.
func readFolder(r io.ReaderAt, in Extent) ([]found, error) {
	if in.Size > maxFolder {
		return nil, errDamaged
	}
	var out []found
	for at := int64(0); at < in.Size; at += sector {
		block := make([]byte, min(sector, in.Size-at))
		if _, err := r.ReadAt(block, in.Offset+at); err != nil {
			return nil, errCutOff
		}
		for len(block) > 0 && block[0] != 0 {
			size := int(block[0])
			if size > len(block) {
				return nil, errDamaged
			}
			e, err := readRecord(r, block[:size])
			if err != nil {
				return nil, err
			}
			if !e.special {
				out = append(out, e)
			}
			block = block[size:]
		}
	}
	return out, nil
}

func readRecord(r io.ReaderAt, record []byte) (found, error) {
	if len(record) < 34 || record[32] == 0 || len(record) < 33+int(record[32]) {
		return found{}, errDamaged
	}
	start, size := binary.LittleEndian.Uint32(record[2:]), binary.LittleEndian.Uint32(record[10:])
	id := string(record[33 : 33+int(record[32])])
	e := found{Extent: Extent{int64(start) * sector, int64(size)}, folder: record[25]&2 != 0, several: record[25]&0x80 != 0, special: id == itself || id == above}
	e.name, _, _ = strings.Cut(id, ";")
	e.plain = strings.TrimSuffix(e.name, ".")
	after := 33 + len(id) + (len(id)+1)%2
	return e, e.rockRidge(r, record[min(after, len(record)):])
}

// rockRidge reads the name and the mode that follow a record, and where they are
// continued.
func (e *found) rockRidge(r io.ReaderAt, systemUse []byte) error {
	named := ""
	for turns := 0; len(systemUse) >= 4 && systemUse[2] >= 4 && int(systemUse[2]) <= len(systemUse); {
		data := systemUse[4:systemUse[2]]
		next := systemUse[systemUse[2]:]
		switch kind := string(systemUse[:2]); {
		case kind == "NM" && len(data) > 1:
			named += string(data[1:])
		case kind == "PX" && len(data) >= 4:
			e.executable = binary.LittleEndian.Uint32(data)&0o111 != 0
		case kind == "CE" && len(data) >= 24:
			size := binary.LittleEndian.Uint32(data[16:])
			if turns++; turns > 8 || size > sector {
				return errDamaged
			}
			more := make([]byte, size)
			if _, err := r.ReadAt(more, int64(binary.LittleEndian.Uint32(data))*sector+int64(binary.LittleEndian.Uint32(data[8:]))); err != nil {
				return errDamaged
			}
			next = append(next[:len(next):len(next)], more...)
		}
		systemUse = next
	}
	if named != "" {
		e.name = named
	}
	return nil
}
