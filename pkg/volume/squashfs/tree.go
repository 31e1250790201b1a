package squashfs

import (
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
)

// maxName is the longest name of a file.
const maxName = 255

// File is a file of the file system.
type File struct {
	Path       string // relative, with slashes: images/a.tar
	Size       int64
	Executable bool
	Open       func() (io.ReadCloser, error)
}

// node is a folder or a file.
type node struct {
	name, path string
	file       *File // nil for a folder
	children   []*node
	parent     *node
	number     uint32
	at         uint64   // of the inode, from the beginning of its table
	data       uint64   // of the content, from the beginning of the file system
	blocks     []uint32 // their sizes as they are stored
}

func (n *node) isFolder() bool { return n.file == nil }

// tree sorts files into folders and numbers them level by level, so that the
// numbers in a folder are near one another.
func tree(files []File) ([]*node, error) {
	root := &node{}
	for i := range files {
		if err := root.insert(&files[i]); err != nil {
			return nil, err
		}
	}
	all := []*node{root}
	for i := 0; i < len(all); i++ {
		all[i].number = uint32(i + 1)
		slices.SortFunc(all[i].children, func(a, b *node) int { return strings.Compare(a.name, b.name) })
		all = append(all, all[i].children...)
	}
	return all, nil
}

func (n *node) insert(f *File) error {
	if path.IsAbs(f.Path) || path.Clean(f.Path) != f.Path || f.Path == "." || f.Path == ".." || strings.HasPrefix(f.Path, "../") {
		return fmt.Errorf("%q is not a path of a file", f.Path)
	}
	parts := strings.Split(f.Path, "/")
	for i, name := range parts {
		if len(name) > maxName {
			return fmt.Errorf("the name %s is too long: more than %d bytes", name, maxName)
		}
		last := i == len(parts)-1
		at := slices.IndexFunc(n.children, func(c *node) bool { return c.name == name })
		switch {
		case at < 0:
			c := &node{name: name, path: path.Join(parts[:i+1]...), parent: n}
			if last {
				c.file = f
			}
			n.children = append(n.children, c)
			n = c
		case last || !n.children[at].isFolder():
			return fmt.Errorf("%s is there twice", n.children[at].path)
		default:
			n = n.children[at]
		}
	}
	return nil
}
