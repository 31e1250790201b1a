package media

import (
	"bytes"
	"compress/gzip"
	"io"
	"path"

	"github.com/cavaliergopher/cpio"
)

// Initrd is an archive that a boot loader gives the kernel in addition to the system's
// own initramfs.
func Initrd(install string) Medium {
	return Medium{
		Name: "initrd", Formats: []string{ignition, cloudInit}, NeedsSystem: true,
		Make: func(h *Host) ([]File, error) {
			path := h.Name + ".initrd"
			if h.Format == ignition {
				document, err := liveDocument(h, h.target(install), mirror{})
				return []File{documentArchive(path, h, document)}, err
			}
			if !h.target(install).none() {
				return nil, noInstall(h)
			}
			f, err := seedArchive(path, h)
			return []File{f}, err
		},
	}
}

// member is a file of an archive. What a link points to is its content.
type member struct {
	name    string
	mode    cpio.FileMode
	content []byte
	guest   bool // its folder is there, perhaps behind a link, or no program needs the file
}

// archive writes a compressed cpio archive. The kernel makes no folders by
// itself, so they come before what is in them.
func archive(w io.Writer, members ...member) error {
	z, err := gzip.NewWriterLevel(w, gzip.BestCompression)
	if err != nil {
		return err
	}
	a := cpio.NewWriter(z)
	there := map[string]bool{}
	for _, m := range members {
		for _, folder := range parents(m.name) {
			if m.guest || there[folder] {
				continue
			}
			there[folder] = true
			if err := a.WriteHeader(&cpio.Header{Name: folder, Mode: cpio.TypeDir | 0o755, Links: 2, ModTime: FixedTime()}); err != nil {
				return err
			}
		}
		if err := a.WriteHeader(&cpio.Header{Name: m.name, Mode: m.mode, Links: 1, Size: int64(len(m.content)), ModTime: FixedTime()}); err != nil {
			return err
		}
		if _, err := a.Write(m.content); err != nil {
			return err
		}
	}
	if err := a.Close(); err != nil {
		return err
	}
	return z.Close()
}

// parents gives the folders above a path, the highest first.
func parents(name string) []string {
	var out []string
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		out = append([]string{dir}, out...)
	}
	return out
}

// archived is an archive in memory.
func archived(name string, content []byte) ([]byte, error) {
	var b bytes.Buffer
	err := archive(&b, member{name: name, mode: cpio.TypeReg | 0o600, content: content})
	return b.Bytes(), err
}
