package media

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/lima-vm/go-qcow2reader"
	"github.com/lima-vm/go-qcow2reader/image"
	"github.com/lima-vm/go-qcow2reader/image/qcow2"
	"github.com/lima-vm/go-qcow2reader/image/raw"
	"golang.org/x/sys/unix"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/profile"
	"github.com/kubespore/kubespore/pkg/volume/gpt"
	"github.com/kubespore/kubespore/pkg/volume/iso9660"
)

// base is a disk image that documents are put into.
type base struct {
	file   *os.File
	disk   image.Image
	table  *gpt.Table
	system imageSystem
}

// Disk is a disk image with one more partition: the seed volume, where
// cloud-init looks for it. size is that of the disk; 0 makes it as small as it
// may be. dir is where the media go.
func Disk(source *os.File, size int64, dir string) (Medium, error) {
	b, err := openBase(source)
	if err != nil {
		return Medium{}, err
	}
	return Medium{
		Name: "disk", Formats: []string{cloudInit}, NeedsSystem: true,
		Instead: "the file systems in which an image with Ignition looks for its document cannot be written safely from here: use media embed, initrd, pxe or config-drive",
		Make: func(h *Host) ([]File, error) {
			if err := b.fits(h); err != nil {
				return nil, err
			}
			patches, size, err := b.with(h, size)
			if err != nil {
				return nil, err
			}
			if b.disk.Type() == raw.Type {
				return []File{{Path: h.Name + ".raw", Host: h.Name, Write: func(w io.Writer) error { return b.copy(w, patches) }}}, nil
			}
			l, err := layerOver(b.disk, b.disk.Size(), size, patches)
			if err != nil {
				return nil, err
			}
			l.backing, l.format = b.seenFrom(dir), string(qcow2.Type)
			return []File{{Path: h.Name + ".qcow2", Host: h.Name, Write: l.write}}, nil
		},
	}, nil
}

// openBase opens an image of a known system.
func openBase(source *os.File) (*base, error) {
	unknown := func(why string) error {
		return diag.Failf("M014", diag.Position{File: source.Name()}, "this is not a disk image of a system that kubespore knows: %s", why).
			WithHint("take the cloud image of a system that reads cloud-init, raw or qcow2, as it was downloaded")
	}
	disk, err := qcow2reader.Open(source)
	if err != nil {
		return nil, unknown("it is damaged")
	}
	if kind := disk.Type(); kind != qcow2.Type && kind != raw.Type {
		return nil, unknown("its format is " + string(kind))
	}
	if err := disk.Readable(); err != nil {
		return nil, unknown("it is encrypted, or has features that cannot be read here")
	}
	t, err := gpt.Read(disk)
	if err != nil {
		return nil, unknown(err.Error())
	}
	system, err := systemOnDisk(disk, t)
	if err != nil {
		return nil, unknown(err.Error())
	}
	return &base{source, disk, t, system}, nil
}

// fits refuses a host whose document the image would not read.
func (b *base) fits(h *Host) error {
	switch s, arch := b.system.of(h), b.system.arch; {
	case s != nil && !slices.Contains(s.Formats, cloudInit):
		return diag.Failf("M015", diag.Position{File: b.file.Name()}, "this is an image of %s, which reads Ignition, and %s has a document for cloud-init", s.Name, h.Name).
			WithHint("take the image of the system that the topology names: %s", h.OS)
	case s != nil && s.Name != h.OS:
		return diag.Failf("M015", diag.Position{File: b.file.Name()}, "this is an image of %s, and %s runs %s", s.Name, h.Name, h.OS).
			WithHint("take the image of %s, or make media with --host for the hosts that run %s", h.OS, s.Name)
	case arch != "" && arch != h.Arch:
		return diag.Failf("M015", diag.Position{File: b.file.Name()}, "this is an image for %s, and %s is %s", arch, h.Name, h.Arch).
			WithHint("take the image for %s, or make media with --host for the hosts that are %s", h.Arch, arch)
	}
	return nil
}

// with gives what must be written to the image for a host, and how big the
// disk is then.
func (b *base) with(h *Host, size int64) ([]gpt.Patch, int64, error) {
	files, err := seedFiles(h)
	if err != nil {
		return nil, 0, err
	}
	var seed bytes.Buffer
	if err := iso9660.Write(&seed, seedLabel, FixedTime(), files); err != nil {
		return nil, 0, err
	}
	room := int64(seed.Len()+gpt.Align-1) / gpt.Align * gpt.Align
	old := b.disk.Size()
	least := (old+gpt.Align-1)/gpt.Align*gpt.Align + room + gpt.Align // the last for the copy of the table
	if size == 0 {
		size = least
	}
	if size < least {
		return nil, 0, diag.Failf("M016", h.Position, "a disk of %d bytes has no room for the image and the document of %s", size, h.Name).
			WithHint("write --disk-size %dM or more; what lies between is for the root file system to grow into", (least+gpt.Align-1)/gpt.Align)
	}
	start := b.table.Place(size, room)
	patches, err := b.table.Grow(old, size, "kubespore", start, room, seed.Bytes())
	if err != nil {
		return nil, 0, diag.Failf("M014", diag.Position{File: b.file.Name()}, "no document can be put into this image: %s", err).WithHint("use media iso together with it")
	}
	return append(patches, gpt.Patch{At: start, Data: seed.Bytes()}), size, nil
}

// seenFrom gives the name by which an image in the folder of media finds the
// base.
func (b *base) seenFrom(dir string) string {
	from, err1 := filepath.Abs(dir)
	to, err2 := filepath.Abs(b.file.Name())
	relative, err3 := filepath.Rel(from, to)
	if err1 != nil || err2 != nil || err3 != nil {
		return b.file.Name()
	}
	return filepath.ToSlash(relative)
}

// copy writes a raw base with patches over it. Holes stay holes where the
// target can have any.
func (b *base) copy(w io.Writer, patches []gpt.Patch) error {
	slices.SortFunc(patches, func(p, q gpt.Patch) int { return cmp.Compare(p.At, q.At) })
	out := &sparse{w: w}
	for _, p := range patches {
		if err := out.from(b.file, b.disk.Size(), p.At); err != nil {
			return err
		}
		if err := out.write(p.Data); err != nil {
			return err
		}
	}
	return nil
}

// sparse writes a disk from its beginning to its end, and leaves out zeros.
type sparse struct {
	w  io.Writer
	at int64
}

const sparseBlock = 1 << 20

// from copies what a disk of the given size has up to an offset; behind its end
// there are zeros.
func (s *sparse) from(disk *os.File, size, to int64) error {
	for s.at < to {
		start, end := stretch(disk, s.at, min(size, to))
		if start == end {
			return s.skip(to - s.at)
		}
		if err := s.skip(start - s.at); err != nil {
			return err
		}
		block := make([]byte, min(sparseBlock, end-start))
		for s.at < end {
			part := block[:min(sparseBlock, end-s.at)]
			if _, err := disk.ReadAt(part, s.at); err != nil {
				return err
			}
			if err := s.write(part); err != nil {
				return err
			}
		}
	}
	return nil
}

// stretch gives the next part of a file, up to an end, that need not be zeros;
// an empty one where there is none. Where the file system does not know its
// holes, that is all of it.
func stretch(f *os.File, at, end int64) (int64, int64) {
	start, err := f.Seek(at, unix.SEEK_DATA)
	switch {
	case at >= end || errors.Is(err, unix.ENXIO): // only a hole is left
		return end, end
	case err != nil:
		return at, end
	}
	hole, err := f.Seek(start, unix.SEEK_HOLE)
	if err != nil {
		hole = end
	}
	return min(start, end), min(hole, end)
}

func (s *sparse) write(data []byte) error {
	if isZero(data) {
		return s.skip(int64(len(data)))
	}
	s.at += int64(len(data))
	_, err := s.w.Write(data)
	return err
}

// skip writes zeros: none where the target can have a hole.
func (s *sparse) skip(n int64) error {
	s.at += n
	if seeker, ok := s.w.(io.Seeker); ok {
		_, err := seeker.Seek(n, io.SeekCurrent)
		return err
	}
	_, err := io.CopyN(s.w, zeros{}, n)
	return err
}

// zeros has no end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func isZero(data []byte) bool {
	return len(data) == 0 || data[0] == 0 && bytes.Equal(data[1:], data[:len(data)-1])
}

// imageSystem is what an image shows of the system in it.
type imageSystem struct {
	partitions, labels []string
	arch               string // "" where it does not show
}

// systemOnDisk looks at the partitions of an image.
func systemOnDisk(disk io.ReaderAt, t *gpt.Table) (imageSystem, error) {
	var kinds []string
	out := imageSystem{}
	for _, p := range t.Partitions() {
		kinds, out.partitions = append(kinds, p.Type), append(out.partitions, p.Name)
		out.labels = append(out.labels, volumeLabel(disk, p.First*gpt.Sector))
	}
	hasKind := func(kind string) bool { return slices.Contains(kinds, kind) }
	switch {
	case !hasKind(gpt.ESP) && !hasKind(gpt.BIOSBoot):
		return out, errors.New("nothing in it boots")
	case hasKind(gpt.RootAMD64):
		out.arch = "amd64"
	case hasKind(gpt.RootARM64):
		out.arch = "arm64"
	case !hasKind(gpt.Linux):
		return out, errors.New("it has no partition for Linux")
	}
	return out, nil
}

// of gives the system whose image this is, by the marks that its facts name; nil
// where the image shows none of them.
func (i imageSystem) of(h *Host) *profile.System {
	candidates := h.Known
	if h.System != nil { // before the system that it is a rebuild of
		candidates = slices.Concat([]*profile.System{h.System}, h.Known)
	}
	for _, s := range candidates {
		missing := func(name string) bool { return !slices.Contains(i.partitions, name) }
		named := len(s.Boot.Partitions) > 0 && !slices.ContainsFunc(s.Boot.Partitions, missing)
		if named || s.Boot.Label != "" && slices.Contains(i.labels, s.Boot.Label) {
			return s
		}
	}
	return nil
}

// volumeLabel reads the label of an ext4 or XFS file system; "" when there is
// none.
func volumeLabel(disk io.ReaderAt, at int64) string {
	head := make([]byte, 2048)
	if _, err := disk.ReadAt(head, at); err != nil {
		return ""
	}
	label := []byte{}
	switch {
	case string(head[:4]) == "XFSB":
		label = head[108:120]
	case head[1080] == 0x53 && head[1081] == 0xef: // ext4
		label = head[1144:1160]
	}
	text, _, _ := strings.Cut(string(label), "\x00")
	return text
}
