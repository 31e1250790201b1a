package squashfs

import (
	"bufio"
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"time"
)

const (
	magic          = 0x73717368
	superblockSize = 96
	blockLog       = 17
	blockSize      = 1 << blockLog
	zlibCompressor = 1

	// Of a block of data: it is stored as it is.
	storedBlock = 1 << 24

	// What is nowhere.
	none32 = math.MaxUint32
	none64 = math.MaxUint64

	// Inodes, identities and attributes are not compressed; no fragments.
	plainTables  = 0x0001 | 0x0008 | 0x0100 | 0x0800
	noFragments  = 0x0010
	noAttributes = 0x0200
)

// Types of inodes: those with room for everything.
const (
	folderType = 1 // as names of a folder say it
	fileType   = 2
	extended   = 7 // more, as inodes say it
)

// superblock is the head of a file system.
type superblock struct {
	Magic, Inodes, Time, BlockSize, Fragments  uint32
	Compressor, BlockLog, Flags, IDs           uint16
	Major, Minor                               uint16
	Root, Used                                 uint64
	IDTable, AttributeTable, InodeTable        uint64
	FolderTable, FragmentTable, NumbersToInode uint64
}

// Options are what a file system has besides files.
type Options struct {
	When time.Time // all dates in it
	// Label gives the SELinux label of a file or folder ("" is the root); files
	// have none when it is nil.
	Label func(path string, folder bool) string
}

// writer writes a file system from its beginning to its end.
type writer struct {
	out     *bufio.Writer
	at      uint64
	options Options
	head    superblock
	inodes  table
	folders table
	labels  []string
}

// Write writes a file system at the beginning of w.
func Write(w io.WriteSeeker, o Options, files []File) error {
	nodes, err := tree(files)
	if err != nil {
		return err
	}
	if _, err := w.Seek(superblockSize, io.SeekStart); err != nil {
		return err
	}
	s := &writer{out: bufio.NewWriterSize(w, 1<<20), at: superblockSize, options: o}
	s.head = superblock{
		Magic: magic, Inodes: uint32(len(nodes)), Time: uint32(o.When.Unix()), BlockSize: blockSize,
		Compressor: zlibCompressor, BlockLog: blockLog, Flags: plainTables | noFragments, IDs: 1, Major: 4,
		AttributeTable: none64, NumbersToInode: none64,
	}
	if err := s.contents(nodes); err != nil {
		return err
	}
	if err := errors.Join(s.tables(nodes), s.out.Flush()); err != nil {
		return err
	}
	if _, err := w.Seek(0, io.SeekStart); err != nil {
		return err
	}
	return binary.Write(w, binary.LittleEndian, &s.head)
}

// Write implements io.Writer.
func (s *writer) Write(data []byte) (int, error) {
	n, err := s.out.Write(data)
	s.at += uint64(n)
	return n, err
}

// contents writes what is in the files, block by block.
func (s *writer) contents(nodes []*node) error {
	// Programs are half as big with the quickest compression, and images are
	// compressed already: more only costs time.
	z, err := zlib.NewWriterLevel(nil, zlib.BestSpeed)
	if err != nil {
		return err
	}
	for _, n := range nodes {
		if n.isFolder() {
			continue
		}
		if err := s.content(n, z); err != nil {
			return err
		}
	}
	return nil
}

// content writes a file, which must have the size it was announced with.
func (s *writer) content(n *node, z *zlib.Writer) error {
	r, err := n.file.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	n.data = s.at
	var size int64
	block := make([]byte, blockSize)
	for {
		count, err := io.ReadFull(r, block)
		if count > 0 {
			size += int64(count)
			if err := s.block(n, z, block[:count]); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			break
		}
		if err != nil {
			return err
		}
	}
	if size != n.file.Size {
		return fmt.Errorf("%s has %d bytes, and %d were expected: something changes it", n.path, size, n.file.Size)
	}
	return nil
}

// block writes a block of a file, compressed where that makes it smaller.
func (s *writer) block(n *node, z *zlib.Writer, data []byte) error {
	var packed bytes.Buffer
	z.Reset(&packed)
	if _, err := z.Write(data); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	if packed.Len() < len(data) {
		n.blocks = append(n.blocks, uint32(packed.Len()))
		_, err := s.Write(packed.Bytes())
		return err
	}
	n.blocks = append(n.blocks, uint32(len(data))|storedBlock)
	_, err := s.Write(data)
	return err
}
