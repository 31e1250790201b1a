package media

import (
	"bytes"
	"compress/gzip"
	"io"
	"path"

	"github.com/cavaliergopher/cpio"

	"github.com/kubespore/kubespore/pkg/diag"
)

// initrdPath is where the initramfs of a system looks for its document.
func initrdPath(system string) string {
	switch system {
	case "fedora-coreos":
		return "config.ign"
	case "flatcar":
		return "usr/share/oem/config.ign"
	}
	return "usr/lib/ignition/user.ign" // Ignition's own, which those two are copied to
}

// Initrd is an archive that a boot loader gives the kernel beside the system's
// own initramfs.
func Initrd(install string) Medium {
	return Medium{
		Name: "initrd", Formats: []string{ignition}, NeedsSystem: true,
		Instead: "cloud-init looks for nothing in the initramfs: use media iso",
		Make: func(h *Host) ([]File, error) {
			document, err := liveDocument(h, install)
			if err != nil {
				return nil, err
			}
			return []File{{Path: h.Name + ".initrd", Host: h.Name, Write: func(w io.Writer) error {
				return archive(w, member{name: initrdPath(h.OS), mode: cpio.TypeReg | 0o600, content: document})
			}}}, nil
		},
	}
}

// member is a file of an archive. What a link points to is its content.
type member struct {
	name    string
	mode    cpio.FileMode
	content []byte
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
			if there[folder] {
				continue
			}
			there[folder] = true
			if err := a.WriteHeader(&cpio.Header{Name: folder, Mode: cpio.TypeDir | 0o755, Links: 2, ModTime: made()}); err != nil {
				return err
			}
		}
		if err := a.WriteHeader(&cpio.Header{Name: m.name, Mode: m.mode, Links: 1, Size: int64(len(m.content)), ModTime: made()}); err != nil {
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

// liveDocument gives what a machine that boots from a medium reads: its own
// document, or one that writes the system to a disk, with the document for its
// first boot from there.
func liveDocument(h *Host, install string) ([]byte, error) {
	document, err := h.Read(h.document())
	if err != nil || install == "" {
		return document, err
	}
	if h.OS != "fedora-coreos" {
		return nil, noInstall(h)
	}
	return installer(document, install)
}

func noInstall(h *Host) error {
	return diag.Failf("M008", h.Position, "--install knows how to make Fedora CoreOS install itself, and %s runs %s", h.Name, h.OS).
		WithHint("leave out --install, or install the machine from its own medium: docs/delivery.md")
}
