package rehearse

import (
	"bytes"
	"encoding/binary"
	"io"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/input"
)

// Programs are QEMU's own, by their paths.
type Programs struct{ System, Image string }

// Find looks for the programs, as exec.LookPath does.
func Find(look func(string) (string, error)) (p Programs, list diag.List) {
	for _, program := range []struct {
		name, debian, fedora string
		path                 *string
	}{
		{"qemu-system-x86_64", "qemu-system-x86", "qemu-system-x86", &p.System},
		{"qemu-img", "qemu-utils", "qemu-img", &p.Image},
	} {
		found, err := look(program.name)
		if err != nil {
			list.Errorf("Q001", diag.Position{}, "", "%s is not installed here", program.name).
				WithHint("apt install %s, dnf install %s, or brew install qemu", program.debian, program.fedora)
		}
		*program.path = found
	}
	return p, list
}

// Image is a disk image of the system that machines run.
type Image struct {
	Path, Format string
	Size         int64 // of the disk
}

const (
	qcow2Magic   = "QFI\xfb"
	bootable     = "\x55\xaa" // where the first block of a disk with partitions ends
	smallestDisk = 4096
)

// OpenImage looks at an image: raw or qcow2. One that QEMU is to boot from must
// have partitions.
func OpenImage(name string, boots bool) (Image, error) {
	f, err := input.Open(name)
	if err != nil {
		return Image{}, err
	}
	defer f.Close()
	head := make([]byte, smallestDisk)
	if _, err := io.ReadFull(f, head); err != nil {
		return Image{}, noImage(name)
	}
	if bytes.HasPrefix(head, []byte(qcow2Magic)) {
		return Image{name, "qcow2", int64(binary.BigEndian.Uint64(head[24:]))}, nil
	}
	if boots && string(head[510:512]) != bootable {
		return Image{}, noImage(name)
	}
	info, err := f.Stat()
	if err != nil {
		return Image{}, err
	}
	return Image{name, "raw", info.Size()}, nil
}

func noImage(name string) error {
	return diag.Failf("Q002", diag.Position{File: name}, "this is not a disk image that boots, raw or qcow2").
		WithHint("take the cloud image of the system that the topology names, and unpack it when its name ends in .xz, .bz2 or .gz")
}
