package iso9660

import (
	"bufio"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"
)

// sector is the size of all that is addressed on a volume.
const sector = 2048

// maxFile is the size that a file of one extent cannot reach.
const maxFile = 1 << 32

// maxBuffer is how much is written at a time; a small volume is written at
// once.
const maxBuffer = 1 << 20

// File is a file of the volume.
type File struct {
	Path       string // relative, with slashes: images/a.tar
	Size       int64
	Executable bool
	Open       func() (io.ReadCloser, error)
}

// node is a folder or a file on the volume.
type node struct {
	name     string // as Rock Ridge gives it
	short    string // as plain ISO 9660 gives it
	file     *File  // nil for a folder
	children []*node
	parent   *node
	number   int // of a folder in the path table
	start    uint32
	size     int64 // of the content, or of the folder's records
	more     uint32
	moreSize int
}

func (n *node) isFolder() bool { return n.file == nil }

// volume is a volume laid out: where everything is.
type volume struct {
	label   string
	when    time.Time
	root    *node
	folders []*node // in the order of the path table
	files   []*node // in the order of their content
	tables  [2]uint32
	table   int64 // size of a path table in bytes
	sectors uint32
}

// Write writes a volume with the label and files. All dates on it are the
// time given.
func Write(w io.Writer, label string, when time.Time, files []File) error {
	if err := checkLabel(label); err != nil {
		return err
	}
	root, err := tree(files)
	if err != nil {
		return err
	}
	v := &volume{label: label, when: when.UTC(), root: root}
	v.layOut()
	out := &sectorWriter{w: bufio.NewWriterSize(w, int(min(v.sectors, maxBuffer/sector))*sector)}
	if err := v.write(out); err != nil {
		return err
	}
	return out.w.Flush()
}

// checkLabel accepts what a volume descriptor can hold. Small letters are not
// in the standard, and in every implementation: config-2 is looked for so.
func checkLabel(label string) error {
	valid := func(r rune) bool {
		return r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '_' || r == '-'
	}
	if label == "" || len(label) > 32 || strings.ContainsFunc(label, func(r rune) bool { return !valid(r) }) {
		return fmt.Errorf("%q is not a volume label: it takes 1 to 32 of A-Z, a-z, 0-9, _ and -", label)
	}
	return nil
}

// tree sorts files into folders.
func tree(files []File) (*node, error) {
	root := &node{}
	root.parent = root
	for i := range files {
		f := &files[i]
		if f.Size >= maxFile {
			return nil, fmt.Errorf("%s is too big for a volume: 4 GiB or more", f.Path)
		}
		if path.IsAbs(f.Path) || path.Clean(f.Path) != f.Path || f.Path == "." || strings.HasPrefix(f.Path, "../") {
			return nil, fmt.Errorf("%q is not a path of a file on a volume", f.Path)
		}
		parent := root
		parts := strings.Split(f.Path, "/")
		for _, name := range parts[:len(parts)-1] {
			folder := parent.child(name)
			if folder == nil {
				folder = parent.add(name, nil)
			} else if !folder.isFolder() {
				return nil, fmt.Errorf("%s is both a file and a folder", name)
			}
			parent = folder
		}
		name := parts[len(parts)-1]
		if parent.child(name) != nil {
			return nil, fmt.Errorf("there are two files %s", f.Path)
		}
		if len(name) > maxName {
			return nil, fmt.Errorf("the name %s is too long for a volume: more than %d bytes", name, maxName)
		}
		parent.add(name, f)
	}
	root.sort()
	return root, nil
}

func (n *node) child(name string) *node {
	i := slices.IndexFunc(n.children, func(c *node) bool { return c.name == name })
	if i < 0 {
		return nil
	}
	return n.children[i]
}

func (n *node) add(name string, f *File) *node {
	c := &node{name: name, file: f, parent: n}
	if f != nil {
		c.size = f.Size
	}
	n.children = append(n.children, c)
	return c
}

// sort orders the names and gives each a short one. What plain ISO 9660 calls
// a file matters to readers without Rock Ridge only: a number is unique.
func (n *node) sort() {
	slices.SortFunc(n.children, func(a, b *node) int { return strings.Compare(a.name, b.name) })
	for i, c := range n.children {
		if c.isFolder() {
			c.short = fmt.Sprintf("D%07d", i)
			c.sort()
		} else {
			c.short = fmt.Sprintf("F%07d.;1", i)
		}
	}
}

// layOut decides where everything goes: descriptors, path tables, folders,
// files.
func (v *volume) layOut() {
	v.number()
	next := uint32(descriptorsAt + 2)
	for _, f := range v.folders {
		v.table += int64(8 + roundToEven(max(len(f.short), 1)))
	}
	for i := range v.tables {
		v.tables[i] = next
		next += sectorsOf(v.table)
	}
	for _, f := range v.folders {
		f.measure(f == v.root)
		f.start = next
		next += sectorsOf(f.size)
		f.more = next
		next += sectorsOf(int64(f.moreSize))
	}
	for _, f := range v.files {
		f.start = next
		next += sectorsOf(f.size)
	}
	v.sectors = next
}

// number lists folders level by level, which is the order of the path table.
func (v *volume) number() {
	v.folders = []*node{v.root}
	for i := 0; i < len(v.folders); i++ {
		v.folders[i].number = i + 1
		for _, c := range v.folders[i].children {
			if c.isFolder() {
				v.folders = append(v.folders, c)
			} else {
				v.files = append(v.files, c)
			}
		}
	}
}

func sectorsOf(size int64) uint32 { return uint32((size + sector - 1) / sector) }

func roundToEven(n int) int { return n + n%2 }
