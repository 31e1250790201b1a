package payload

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/input"
	"github.com/kubespore/kubespore/pkg/volume/gpt"
	"github.com/kubespore/kubespore/pkg/volume/iso9660"
	"github.com/kubespore/kubespore/pkg/volume/squashfs"
)

// File is a file of a bundle, in a folder or behind a URL.
type File = squashfs.File

// Bundle is a bundle in any form: a folder, a volume or the drive it is on, a
// web server, an artefact in a registry.
type Bundle struct {
	name  string
	files []File                              // sorted by path; none of a web server, which does not say what it has
	file  func(path string) (*Content, error) // nil when it is not there
	Close func() error
}

// OpenBundle finds out what form of a bundle a word of the command line names.
func OpenBundle(ctx context.Context, text string, web Web) (*Bundle, error) {
	if strings.HasPrefix(text, "http://") || strings.HasPrefix(text, "https://") {
		m, err := newMirror(text, web)
		if err != nil {
			return nil, err
		}
		return &Bundle{name: text, file: func(path string) (*Content, error) { return m.file(ctx, path) }, Close: func() error { return nil }}, nil
	}
	if strings.HasPrefix(text, artefactPrefix) {
		b, _, err := openArtefact(ctx, text, web)
		return b, err
	}
	b := &Bundle{name: text}
	b.file = b.look
	info, err := os.Stat(text)
	if err != nil {
		return nil, unreadable(text, err)
	}
	if info.IsDir() {
		b.Close = func() error { return nil }
		b.files, err = listFolder(text, func(string, fs.DirEntry) bool { return true })
		return b, err
	}
	f, err := input.OpenVolume(text)
	if err != nil {
		return nil, unreadable(text, err)
	}
	b.Close = f.Close
	if b.files, err = volumeFiles(f); err != nil {
		return nil, errors.Join(noBundle(text, f), f.Close())
	}
	return b, nil
}

// Part gives a file of the bundle that has some digest.
func (b *Bundle) Part(path, sha256 string) (File, error) {
	size, err := b.check(path, sha256, nil)
	if err != nil {
		return File{}, err
	}
	return File{Path: path, Size: size, Open: func() (io.ReadCloser, error) {
		c, err := b.file(path)
		if err != nil {
			return nil, err
		}
		return c.Open(0)
	}}, nil
}

// look finds a file among those that are listed.
func (b *Bundle) look(path string) (*Content, error) {
	at, found := slices.BinarySearchFunc(b.files, path, func(f File, path string) int { return strings.Compare(f.Path, path) })
	if !found {
		return nil, nil
	}
	f := &b.files[at]
	return &Content{Size: f.Size, Open: func(int64) (io.ReadCloser, error) { return f.Open() }}, nil
}

// volumeFiles lists a volume: an ISO, a disk image or the squashfs that it
// holds.
func volumeFiles(f *os.File) ([]File, error) {
	var out []File
	plain, err := iso9660.Read(f)
	for _, x := range plain {
		out = append(out, File(x))
	}
	if errors.Is(err, iso9660.ErrNoVolume) {
		out, err = squashfs.Read(io.NewSectionReader(f, gpt.Start, 1<<62))
	}
	if errors.Is(err, squashfs.ErrFormat) {
		out, err = squashfs.Read(f)
	}
	slices.SortFunc(out, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	return out, err
}

// listFolder lists what one wants of a folder, sorted.
func listFolder(dir string, wanted func(path string, e fs.DirEntry) bool) ([]File, error) {
	var out []File
	err := filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		if filepath.Dir(name) == filepath.Clean(dir) && e != nil && e.IsDir() && isOfFileSystem(e.Name()) {
			return fs.SkipDir // perhaps not to be read by this user
		}
		if err != nil || e.IsDir() {
			return err
		}
		relative, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		path := filepath.ToSlash(relative)
		info, err := e.Info()
		if err != nil || !wanted(path, e) {
			return err
		}
		out = append(out, File{
			Path: path, Size: info.Size(), Executable: strings.HasPrefix(path, "binaries/"),
			Open: func() (io.ReadCloser, error) { return input.OpenVolume(name) },
		})
		return nil
	})
	if err != nil {
		return nil, unreadable(dir, err)
	}
	slices.SortFunc(out, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	return out, nil
}

// isOfFileSystem says whether a folder at the top of a medium is what file systems and
// the desktops that saw it put there.
func isOfFileSystem(name string) bool {
	return slices.Contains([]string{"lost+found", "System Volume Information", "$RECYCLE.BIN", ".Spotlight-V100", ".fseventsd", ".Trashes"}, name) ||
		strings.HasPrefix(name, ".Trash-")
}

// fileSystems are those that a stick may have, by what stands where on it.
var fileSystems = []struct {
	at    int64
	magic string
	name  string
}{
	{1080, "\x53\xef", "ext2, ext3 or ext4"},
	{82, "FAT32", "FAT"}, {54, "FAT", "FAT"}, {3, "EXFAT", "exFAT"}, {3, "NTFS", "NTFS"},
	{0, "XFSB", "XFS"}, {65600, "_BHRfS_M", "btrfs"},
}

// fileSystemOf names the file system of a volume; "" when it is none of these.
func fileSystemOf(r io.ReaderAt) string {
	for _, x := range fileSystems {
		got := make([]byte, len(x.magic))
		if _, err := r.ReadAt(got, x.at); err == nil && string(got) == x.magic {
			return x.name
		}
	}
	return ""
}

// noBundle says what a volume is that is not a bundle.
func noBundle(name string, f *os.File) error {
	if system := fileSystemOf(f); system != "" {
		return diag.Failf("W008", diag.Position{File: name}, "this is a volume with the file system %s, which is read where it is mounted", system).
			WithHint("mount it and name the folder: mount -o ro %s /mnt; kubespore payload verify TOPOLOGY /mnt", name)
	}
	return diag.Failf("W008", diag.Position{File: name}, "this is not a bundle: neither an ISO nor a disk image that kubespore payload pack wrote").
		WithHint("name the folder, the volume or the drive it is on, or the URL of the mirror; of a drive with partitions, the partition")
}

// bundleFiles lists what is finished in a folder.
func bundleFiles(dir string) ([]File, error) {
	return listFolder(dir, func(path string, e fs.DirEntry) bool {
		return e.Type().IsRegular() && !strings.HasPrefix(path, partialDir+"/")
	})
}

func unreadable(dir string, err error) error {
	return diag.Failf("W008", diag.Position{File: dir}, "the bundle cannot be read: %s", because(err)).
		WithHint("name the folder that kubespore payload pack wrote")
}
