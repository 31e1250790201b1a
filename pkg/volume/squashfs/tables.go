package squashfs

import (
	"encoding/binary"
	"slices"
)

const (
	// metadataSize is the size of a block of a table.
	metadataSize = 8192
	// Of such a block: it is stored as it is.
	storedMetadata = 0x8000
	// securityNames begin with "security.".
	securityNames = 2
	labelName     = "selinux"
	// perRun is how many names of a folder may share a head.
	perRun = 256
)

// table is a sequence of records, cut into blocks only when it is written.
type table struct{ data []byte }

// add appends values as they stand in memory of a small machine.
func (t *table) add(values ...any) {
	for _, v := range values {
		t.data, _ = binary.Append(t.data, binary.LittleEndian, v) // integers and bytes always fit
	}
}

// here is where the next record will be.
func (t *table) here() uint64 { return uint64(len(t.data)) }

// reference says where a byte of a table is: the block that holds it, from
// the beginning of the table, and the byte in it.
func reference(at uint64) (block uint32, offset uint16) {
	return uint32(at / metadataSize * (metadataSize + 2)), uint16(at % metadataSize)
}

func packedReference(at uint64) uint64 {
	block, offset := reference(at)
	return uint64(block)<<16 | uint64(offset)
}

// write writes a table in blocks, and says where each begins.
func (t *table) write(s *writer) ([]uint64, error) {
	var begins []uint64
	for block := range slices.Chunk(t.data, metadataSize) {
		begins = append(begins, s.at)
		if err := binary.Write(s, binary.LittleEndian, uint16(len(block))|storedMetadata); err != nil {
			return nil, err
		}
		if _, err := s.Write(block); err != nil {
			return nil, err
		}
	}
	return begins, nil
}

// tables writes all that is not content, in the order that the kernel needs.
func (s *writer) tables(nodes []*node) error {
	// A folder names inodes that stand already: the deepest come first.
	for _, n := range slices.Backward(nodes) {
		s.inode(n)
	}
	s.head.Root = packedReference(nodes[0].at)
	var ids table
	ids.add(uint32(0)) // all is root's
	s.head.InodeTable = s.at
	if _, err := s.inodes.write(s); err != nil {
		return err
	}
	s.head.FolderTable = s.at
	if _, err := s.folders.write(s); err != nil {
		return err
	}
	s.head.FragmentTable = s.at
	begins, err := ids.write(s)
	if err != nil {
		return err
	}
	s.head.IDTable = s.at
	if err := binary.Write(s, binary.LittleEndian, begins); err != nil {
		return err
	}
	if err := s.attributes(); err != nil {
		return err
	}
	s.head.Used = s.at
	_, err = s.Write(make([]byte, -s.at%4096)) // whole pages, for a loop device
	return err
}

// inode writes the inode of a file or folder, and what the folder names.
func (s *writer) inode(n *node) {
	kind, mode := uint16(fileType), uint16(0o644)
	if n.isFolder() || n.file.Executable {
		mode = 0o755
	}
	var listing uint64
	var size uint32
	if n.isFolder() {
		kind = folderType
		listing = s.folders.here()
		s.listing(n)
		size = uint32(s.folders.here()-listing) + 3 // for . and .., which are not stored
	}
	n.at = s.inodes.here()
	s.inodes.add(kind+extended, mode, uint16(0), uint16(0), s.head.Time, n.number)
	if n.isFolder() {
		links, parent := uint32(2), s.head.Inodes+1
		for _, c := range n.children {
			if c.isFolder() {
				links++
			}
		}
		if n.parent != nil {
			parent = n.parent.number
		}
		block, offset := reference(listing)
		s.inodes.add(links, size, block, parent, uint16(0), offset, s.label(n))
		return
	}
	s.inodes.add(n.data, uint64(n.file.Size), uint64(0), uint32(1), uint32(none32), uint32(0), s.label(n), n.blocks)
}

// listing writes the names in a folder: runs of them share a head with the
// block of their inodes.
func (s *writer) listing(n *node) {
	block := func(c *node) uint32 { b, _ := reference(c.at); return b }
	for from := 0; from < len(n.children); {
		to := from
		for to < len(n.children) && to-from < perRun && block(n.children[to]) == block(n.children[from]) {
			to++
		}
		run := n.children[from:to]
		s.folders.add(uint32(len(run)-1), block(run[0]), run[0].number)
		for _, c := range run {
			kind := uint16(fileType)
			if c.isFolder() {
				kind = folderType
			}
			_, offset := reference(c.at)
			s.folders.add(offset, int16(c.number-run[0].number), kind, uint16(len(c.name)-1), []byte(c.name))
		}
		from = to
	}
}

// label gives the number of a node's label.
func (s *writer) label(n *node) uint32 {
	if s.options.Label == nil {
		return none32
	}
	label := s.options.Label(n.path, n.isFolder())
	at := slices.Index(s.labels, label)
	if at < 0 {
		at = len(s.labels)
		s.labels = append(s.labels, label)
	}
	return uint32(at)
}

// attributes writes the labels, and the table that numbers them.
func (s *writer) attributes() error {
	if len(s.labels) == 0 {
		s.head.Flags |= noAttributes
		return nil
	}
	var values, numbers table
	for _, label := range s.labels {
		at := values.here()
		// A label ends with a zero byte, as SELinux' own programs store it.
		values.add(uint16(securityNames), uint16(len(labelName)), []byte(labelName), uint32(len(label)+1), []byte(label), uint8(0))
		numbers.add(packedReference(at), uint32(1), uint32(values.here()-at))
	}
	begin := s.at
	if _, err := values.write(s); err != nil {
		return err
	}
	begins, err := numbers.write(s)
	if err != nil {
		return err
	}
	s.head.AttributeTable = s.at
	var head table
	head.add(begin, uint32(len(s.labels)), uint32(0), begins)
	_, err = s.Write(head.data)
	return err
}
