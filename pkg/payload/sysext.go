package payload

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/input"
	"github.com/kubespore/kubespore/pkg/volume/squashfs"
)

// Sysext is a systemd-sysext image: the programs of one architecture, where
// hosts have them.
type Sysext struct {
	File   string `json:"file"`
	Arch   string `json:"arch"`
	SHA256 string `json:"sha256"`
	Size   int64  `json:"size"`
}

// sysextSums lists the images of a folder with their digests.
const sysextSums = "SHA256SUMS"

// systemdArches are systemd's names of our architectures.
var systemdArches = map[string]string{"amd64": "x86-64", "arm64": "arm64"}

// WriteSysexts writes the programs of a bundle as systemd-sysext images into a
// folder, one for each architecture. The same bundle and time give the same
// bytes.
func WriteSysexts(dir, bundle string, bill *Bill, when time.Time) ([]Sysext, error) {
	byArch := map[string][]File{}
	var arches []string
	for i := range bill.Binaries {
		b := &bill.Binaries[i]
		if b.isManifest() {
			continue // no program: machines take it from the payload, like images
		}
		if byArch[b.Arch] == nil {
			arches = append(arches, b.Arch) // the bill is sorted by them
		}
		files, err := extending(bundle, b)
		if err != nil {
			return nil, err
		}
		byArch[b.Arch] = append(byArch[b.Arch], files...)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, cannotWrite(dir, err)
	}
	var out []Sysext
	var sums strings.Builder
	for _, arch := range arches {
		image, err := writeSysext(dir, arch, byArch[arch], when)
		if err != nil {
			return nil, err
		}
		out = append(out, image)
		fmt.Fprintf(&sums, "%s  %s\n", image.SHA256, filepath.Base(image.File))
	}
	return out, replaceFile(filepath.Join(dir, sysextSums), func(f *os.File) error {
		_, err := f.WriteString(sums.String())
		return err
	})
}

// extending gives the files that an image has for a program.
func extending(bundle string, b *Binary) ([]File, error) {
	name := filepath.Join(bundle, filepath.FromSlash(b.File))
	info, err := os.Stat(name)
	if err != nil {
		return nil, unreadable(bundle, err)
	}
	var out []File
	for _, p := range b.Paths {
		if !strings.HasPrefix(p, "/opt/") && !strings.HasPrefix(p, "/usr/") {
			return nil, diag.Failf("W012", diag.Position{}, "a systemd-sysext image cannot hold %s: it extends /opt and /usr, and nothing else", p).
				WithHint("give %s a path below /opt in its profile", b.Name)
		}
		out = append(out, File{Path: p[1:], Size: info.Size(), Executable: true, Open: func() (io.ReadCloser, error) { return input.Open(name) }})
	}
	return out, nil
}

func writeSysext(dir, arch string, files []File, when time.Time) (Sysext, error) {
	name := "kubespore-" + arch
	seen := map[string]bool{}
	for _, f := range files {
		if seen[f.Path] {
			return Sysext{}, diag.Failf("W012", diag.Position{}, "one systemd-sysext image cannot hold two programs /%s: hosts differ in its version", f.Path).
				WithHint("write the images from topologies with one version each")
		}
		seen[f.Path] = true
	}
	// Any system with such processors: what is in the image needs no more.
	release := "ID=_any\nARCHITECTURE=" + systemdArches[arch] + "\n"
	files = append(files, File{
		Path: "usr/lib/extension-release.d/extension-release." + name, Size: int64(len(release)),
		Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(release)), nil },
	})
	out := Sysext{File: filepath.Join(dir, name+".raw"), Arch: arch}
	err := replaceFile(out.File, func(f *os.File) error {
		if err := squashfs.Write(f, squashfs.Options{When: when, Label: label}, files); err != nil {
			return err
		}
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return err
		}
		sum := sha256.New()
		var err error
		out.Size, err = io.Copy(sum, f)
		out.SHA256 = hex.EncodeToString(sum.Sum(nil))
		return err
	})
	return out, err
}

// runtimes are the programs that SELinux lets start containers.
var runtimes = map[string]bool{"containerd": true, "containerd-shim-runc-v2": true, "runc": true}

// label gives the SELinux label that the policies of Fedora and Red Hat have for
// a path. An image that is merged is read-only: a label cannot be set on it.
func label(name string, folder bool) string {
	kind := "usr_t"
	switch {
	case name == "":
		kind = "root_t"
	case path.Base(path.Dir(name)) == "bin" && !folder && runtimes[path.Base(name)]:
		kind = "container_runtime_exec_t"
	case strings.Contains("/"+name+"/", "/bin/"):
		kind = "bin_t"
	case strings.HasPrefix(name+"/", "usr/lib/"):
		kind = "lib_t"
	}
	return "system_u:object_r:" + kind + ":s0"
}
