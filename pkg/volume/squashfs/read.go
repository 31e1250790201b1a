package squashfs

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"path"
)

// ErrFormat is the reason why something cannot be read.
var ErrFormat = errors.New("this is not a squashfs that kubespore wrote")

// Read lists the files of a file system that Write wrote. Their contents are
// read when they are opened.
func Read(r io.ReaderAt) ([]File, error) {
	f := &reader{r: r}
	if err := binary.Read(io.NewSectionReader(r, 0, superblockSize), binary.LittleEndian, &f.head); err != nil {
		return nil, ErrFormat
	}
	if h := &f.head; h.Magic != magic || h.Major != 4 || h.Compressor != zlibCompressor || h.BlockSize != blockSize || h.Flags&plainTables != plainTables {
		return nil, ErrFormat
	}
	return f.out, f.folder("", uint32(f.head.Root>>16), uint16(f.head.Root), 0)
}

type reader struct {
	r    io.ReaderAt
	head superblock
	seen uint32 // names
	out  []File
}

// tableReader reads records of a table from one place on.
type tableReader struct {
	r    io.ReaderAt
	next int64
	rest []byte
}

func (f *reader) table(begin uint64, block uint32, offset uint16) (*tableReader, error) {
	t := &tableReader{r: f.r, next: int64(begin) + int64(block)}
	if err := t.more(); err != nil || int(offset) > len(t.rest) {
		return nil, ErrFormat
	}
	t.rest = t.rest[offset:]
	return t, nil
}

// more reads the next block.
func (t *tableReader) more() error {
	var head [2]byte
	if _, err := t.r.ReadAt(head[:], t.next); err != nil {
		return ErrFormat
	}
	size := binary.LittleEndian.Uint16(head[:])
	if size&storedMetadata == 0 || size&^storedMetadata > metadataSize || size == storedMetadata {
		return ErrFormat
	}
	t.rest = make([]byte, size&^storedMetadata)
	if _, err := t.r.ReadAt(t.rest, t.next+2); err != nil {
		return ErrFormat
	}
	t.next += 2 + int64(len(t.rest))
	return nil
}

// Read implements io.Reader.
func (t *tableReader) Read(p []byte) (int, error) {
	if len(t.rest) == 0 {
		if err := t.more(); err != nil {
			return 0, err
		}
	}
	n := copy(p, t.rest)
	t.rest = t.rest[n:]
	return n, nil
}

// get reads values one after the other.
func (t *tableReader) get(values ...any) error {
	for _, v := range values {
		if err := binary.Read(t, binary.LittleEndian, v); err != nil {
			return ErrFormat
		}
	}
	return nil
}

// inodeHead is what all inodes begin with.
type inodeHead struct {
	Type, Mode, User, Group uint16
	Time, Number            uint32
}

// These are more folders in folders, and more names, than any program makes; a
// damaged file system may have a folder in itself.
const (
	maxDepth = 64
	maxNames = 1 << 16
)

// folder reads what is in a folder.
func (f *reader) folder(name string, block uint32, offset uint16, depth int) error {
	t, err := f.table(f.head.InodeTable, block, offset)
	if err != nil {
		return err
	}
	var head inodeHead
	var in struct {
		Links, Size, Block, Parent uint32
		Index, Offset              uint16
	}
	if err := t.get(&head, &in); err != nil {
		return err
	}
	if head.Type != folderType+extended || depth > maxDepth {
		return ErrFormat
	}
	if in.Size <= 3 {
		return nil
	}
	names, err := f.table(f.head.FolderTable, in.Block, in.Offset)
	if err != nil {
		return err
	}
	for left := int64(in.Size) - 3; left > 0; {
		var run struct{ Count, Block, Number uint32 }
		if err := names.get(&run); err != nil || run.Count >= perRun {
			return ErrFormat
		}
		left -= 12
		for range run.Count + 1 {
			size, err := f.name(names, name, run.Block, depth)
			if err != nil {
				return err
			}
			left -= size
		}
	}
	return nil
}

// name reads one name of a folder and what it stands for.
func (f *reader) name(t *tableReader, folder string, block uint32, depth int) (int64, error) {
	var entry struct {
		Offset     uint16
		Number     int16
		Type, Size uint16
	}
	f.seen++
	if err := t.get(&entry); err != nil || entry.Size >= maxName || f.seen > min(f.head.Inodes, maxNames) {
		return 0, ErrFormat
	}
	text := make([]byte, entry.Size+1)
	if err := t.get(&text); err != nil {
		return 0, err
	}
	size, name := int64(8+len(text)), path.Join(folder, string(text))
	if path.Dir(name) != path.Join(folder, ".") || string(text) == ".." || string(text) == "." {
		return 0, ErrFormat
	}
	if entry.Type == folderType {
		return size, f.folder(name, block, entry.Offset, depth+1)
	}
	return size, f.file(name, block, entry.Offset)
}

// file reads the inode of a file.
func (f *reader) file(name string, block uint32, offset uint16) error {
	t, err := f.table(f.head.InodeTable, block, offset)
	if err != nil {
		return err
	}
	var head inodeHead
	var in struct {
		Data, Size, Holes                  uint64
		Links, Fragment, Offset, Attribute uint32
	}
	if err := t.get(&head, &in); err != nil {
		return err
	}
	if head.Type != fileType+extended || in.Fragment != none32 || in.Size > 1<<62 {
		return ErrFormat
	}
	// A damaged size must not make us read more than there is.
	var blocks []uint32
	for range (in.Size + blockSize - 1) / blockSize {
		var block uint32
		if err := t.get(&block); err != nil {
			return err
		}
		blocks = append(blocks, block)
	}
	f.out = append(f.out, File{Path: name, Size: int64(in.Size), Executable: head.Mode&0o111 != 0, Open: func() (io.ReadCloser, error) {
		return io.NopCloser(&contentReader{r: f.r, at: int64(in.Data), left: int64(in.Size), blocks: blocks}), nil
	}})
	return nil
}

// contentReader reads a file block by block.
type contentReader struct {
	r        io.ReaderAt
	at, left int64
	blocks   []uint32
	rest     []byte
}

// Read implements io.Reader.
func (c *contentReader) Read(p []byte) (int, error) {
	if len(c.rest) == 0 {
		if len(c.blocks) == 0 {
			return 0, io.EOF
		}
		if err := c.block(); err != nil {
			return 0, err
		}
	}
	n := copy(p, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

func (c *contentReader) block() error {
	size, stored := c.blocks[0]&^storedBlock, c.blocks[0]&storedBlock != 0
	if size > blockSize {
		return ErrFormat
	}
	data := make([]byte, size)
	if _, err := c.r.ReadAt(data, c.at); err != nil {
		return fmt.Errorf("it ends too early")
	}
	if !stored {
		z, err := zlib.NewReader(bytes.NewReader(data))
		if err != nil {
			return errors.New("a block of it is damaged")
		}
		if data, err = io.ReadAll(io.LimitReader(z, blockSize+1)); err != nil {
			return errors.New("a block of it is damaged")
		}
	}
	if want := min(c.left, blockSize); int64(len(data)) != want {
		return errors.New("a block of it is damaged")
	}
	c.blocks, c.rest = c.blocks[1:], data
	c.at += int64(size)
	c.left -= int64(len(data))
	return nil
}
