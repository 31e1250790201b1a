package payload

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/input"
)

// packagesFolder is where the download script puts the packages that an
// image is made, by the file that the image has in a bundle.
func packagesFolder(imageFile string) string {
	return strings.TrimSuffix(imageFile, ".tar") + ".packages"
}

// madeOf makes an image of the Debian packages in a folder; nil when there is no
// such folder. Nothing of them is run: the image has one layer, which holds their
// files, and the same packages give the same bytes.
func madeOf(dir string, i *Image) (*Found, error) {
	if len(i.Packages) == 0 {
		return nil, nil
	}
	entries, err := os.ReadDir(dir) // sorted by name
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(entries) == 0 {
		return nil, nil
	}
	if err != nil {
		return nil, diag.Failf("W004", diag.Position{File: dir}, "cannot be read: %s", because(err))
	}
	root := newRoot()
	for _, e := range entries {
		file := filepath.Join(dir, e.Name())
		if err := root.add(file, i.Arch); err != nil {
			var known *diag.Failure
			if errors.As(err, &known) {
				return nil, err
			}
			return nil, diag.Failf("W009", diag.Position{File: file}, "the package is damaged: %s", because(err)).WithHint("download it again")
		}
	}
	return root.image(i)
}

// root is the file system of an image under way.
type root struct {
	entries map[string]rootEntry
}

type rootEntry struct {
	header  tar.Header
	content []byte
	from    string // the package
}

// unmerged are folders that are links into /usr on every current Debian, while
// packages may still name them.
var unmerged = regexp.MustCompile(`^(bin|sbin|lib|lib32|lib64|libx32)(/|$)`)

// notInImages are folders that no program in a container reads.
var notInImages = regexp.MustCompile(`^(usr/share/(doc|man|info|lintian|locale|bash-completion|bug|zsh|fish|misc|perl[^/]*)|usr/lib/(systemd|udev)|usr/lib/[^/]+/perl[^/]*|etc/(init\.d|default|systemd)|var/lib/dpkg)(/|$)`)

// newRoot has what containers expect and packages do not bring: Debian makes it
// by scripts, which do not run here.
func newRoot() *root {
	r := &root{entries: map[string]rootEntry{}}
	for _, dir := range []string{"etc", "root", "run", "tmp", "usr", "usr/bin", "usr/sbin", "usr/lib", "usr/lib64", "var"} {
		mode := int64(0o755)
		if dir == "tmp" {
			mode = 0o1777
		}
		r.put(tar.Header{Typeflag: tar.TypeDir, Name: dir, Mode: mode}, nil)
	}
	for _, link := range []string{"bin", "sbin", "lib", "lib64"} {
		r.put(tar.Header{Typeflag: tar.TypeSymlink, Name: link, Linkname: "usr/" + link, Mode: 0o777}, nil)
	}
	r.put(tar.Header{Typeflag: tar.TypeSymlink, Name: "var/run", Linkname: "/run", Mode: 0o777}, nil)
	r.put(tar.Header{Typeflag: tar.TypeReg, Name: "etc/passwd", Mode: 0o644}, []byte("root:x:0:0:root:/root:/usr/sbin/nologin\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"))
	r.put(tar.Header{Typeflag: tar.TypeReg, Name: "etc/group", Mode: 0o644}, []byte("root:x:0:\nnogroup:x:65534:\n"))
	return r
}

func (r *root) put(h tar.Header, content []byte) {
	h.Size = int64(len(content))
	r.entries[h.Name] = rootEntry{header: h, content: content}
}

// add unpacks a package.
func (r *root) add(file, arch string) error {
	text, err := input.ReadUpTo(file, mostPackage)
	if err != nil {
		return err
	}
	members, err := arMembers(text)
	if err != nil {
		return err
	}
	if err := checkControl(file, members, arch); err != nil {
		return err
	}
	return eachFile(members, "data.tar", func(h *tar.Header, content io.Reader) error {
		name := merged(strings.TrimPrefix(path.Clean("/"+h.Name), "/"))
		if name == "" || notInImages.MatchString(name) {
			return nil
		}
		// Owners by number alone: names are those of another machine.
		out := tar.Header{Typeflag: h.Typeflag, Name: name, Linkname: h.Linkname, Mode: h.Mode & 0o7777, Uid: h.Uid, Gid: h.Gid, ModTime: h.ModTime}
		if h.Typeflag == tar.TypeLink {
			out.Linkname = merged(strings.TrimPrefix(path.Clean("/"+h.Linkname), "/"))
		}
		old, there := r.entries[name]
		if there && (old.header.Typeflag == tar.TypeDir || old.header.Typeflag == tar.TypeSymlink) && old.from == "" {
			return nil
		}
		if there && old.header.Typeflag != tar.TypeDir && old.from != "" {
			return fmt.Errorf("it brings /%s, which %s brings too", name, filepath.Base(old.from))
		}
		read, err := input.ReadAllUpTo(content, mostPackage)
		if err != nil {
			return err
		}
		r.put(out, read)
		e := r.entries[name]
		e.from = file
		r.entries[name] = e
		return nil
	})
}

// merged gives the place of a file where /bin, /lib and the like are links.
func merged(name string) string {
	if unmerged.MatchString(name) {
		return "usr/" + name
	}
	return name
}

// checkControl refuses a package of another architecture.
func checkControl(file string, members map[string][]byte, arch string) error {
	var got string
	err := eachFile(members, "control.tar", func(h *tar.Header, content io.Reader) error {
		if path.Clean("/"+h.Name) != "/control" {
			return nil
		}
		text, err := input.ReadAll(content)
		for line := range strings.Lines(string(text)) {
			if value, found := strings.CutPrefix(line, "Architecture:"); found {
				got = strings.TrimSpace(value)
			}
		}
		return err
	})
	if err == nil && got != arch && got != "all" {
		return wrongArch(filepath.Base(file), got, arch)
	}
	return err
}

// eachFile reads one of the archives in a package.
func eachFile(members map[string][]byte, archive string, each func(*tar.Header, io.Reader) error) error {
	for name, text := range members {
		if !strings.HasPrefix(name, archive) {
			continue
		}
		plain, err := uncompressed(path.Ext(name), bytes.NewReader(text))
		if err != nil {
			return err
		}
		for r := tar.NewReader(plain); ; {
			h, err := r.Next()
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return err
			}
			if err := each(h, r); err != nil {
				return err
			}
		}
	}
	return fmt.Errorf("it has no %s", archive)
}

// uncompressed expands what an ending stands for, as dpkg writes them.
func uncompressed(ending string, r io.Reader) (io.Reader, error) {
	switch ending {
	case ".xz":
		return xz.NewReader(r)
	case ".zst":
		return zstd.NewReader(r)
	case ".gz":
		return gzip.NewReader(r)
	case ".tar":
		return r, nil
	}
	return nil, fmt.Errorf("it is compressed as %s", ending)
}

// arMembers reads the archive that a package is (deb(5), ar(5)).
func arMembers(text []byte) (map[string][]byte, error) {
	const magic, header = "!<arch>\n", 60
	rest, found := bytes.CutPrefix(text, []byte(magic))
	if !found {
		return nil, errors.New("it is not a package of Debian")
	}
	out := map[string][]byte{}
	for len(rest) > 0 {
		if len(rest) < header {
			return nil, io.ErrUnexpectedEOF
		}
		size, err := strconv.Atoi(strings.TrimSpace(string(rest[48:58])))
		if err != nil || size < 0 || header+size > len(rest) {
			return nil, io.ErrUnexpectedEOF
		}
		out[strings.TrimRight(string(rest[:16]), " /")] = rest[header : header+size]
		rest = rest[min(len(rest), header+size+size%2):]
	}
	return out, nil
}

// image makes the image of what was unpacked.
func (r *root) image(i *Image) (*Found, error) {
	layer, err := r.layer()
	if err != nil {
		return nil, err
	}
	// Not compressed: the bytes must not depend on who compresses them.
	made := static.NewLayer(layer, types.OCIUncompressedLayer)
	base := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	image, err := mutate.AppendLayers(base, made)
	if err != nil {
		return nil, err
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy()
	config.OS, config.Architecture = "linux", i.Arch
	config.Config.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin"}
	if image, err = mutate.ConfigFile(image, config); err != nil {
		return nil, err
	}
	return choose(i.Ref, i, []candidate{{platform: v1.Platform{OS: "linux", Architecture: i.Arch}, open: func() (v1.Image, error) { return image, nil }}})
}

// layer writes the tree in one order, hard links behind what they link to.
func (r *root) layer() ([]byte, error) {
	names := make([]string, 0, len(r.entries))
	for name := range r.entries {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		isLink := func(name string) bool { return r.entries[name].header.Typeflag == tar.TypeLink }
		if isLink(a) != isLink(b) {
			return order(!isLink(a), !isLink(b))
		}
		return strings.Compare(a, b)
	})
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, name := range names {
		e := r.entries[name]
		h := e.header
		h.Format = tar.FormatGNU
		if h.Typeflag == tar.TypeDir {
			h.Name += "/"
		}
		if err := w.WriteHeader(&h); err != nil {
			return nil, err
		}
		if _, err := w.Write(e.content); err != nil {
			return nil, err
		}
	}
	return out.Bytes(), w.Close()
}
