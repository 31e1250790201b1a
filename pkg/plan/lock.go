package plan

import (
	"path"
	"regexp"
	"strings"

	"github.com/kubespore/kubespore/pkg/profile"
)

// Lock is what the operator has pinned: the digest of every program and image
// that machines may install, and the file of the payload that holds it. It
// stands next to the topology; the zero value pins nothing.
type Lock struct {
	Binaries []LockedBinary `json:"binaries"` // sorted by File
	Images   []LockedImage  `json:"images"`   // sorted by File
	// Packages of distributions, those that machines install and others that the
	// operator put into a folder.
	Packages []LockedPackage `json:"packages,omitempty"` // sorted by File
}

// LockedBinary is a pinned program.
type LockedBinary struct {
	Name    string `json:"name"`
	Version string `json:"version,omitempty"`
	Arch    string `json:"arch"`
	File    string `json:"file"` // in the payload: binaries/amd64/kubelet-v1.36.3
	SHA256  string `json:"sha256"`
	Size    int64  `json:"size"`
}

// LockedImage is a pinned container image.
type LockedImage struct {
	Ref    string `json:"ref"`
	Arch   string `json:"arch"`
	Digest string `json:"digest"` // of the image: sha256:...
	File   string `json:"file"`   // its archive in the payload: images/amd64/registry.k8s.io_pause_3.10.2.tar
	SHA256 string `json:"sha256"` // of the archive
	Size   int64  `json:"size"`
}

// LockedPackage is a pinned package of a distribution.
type LockedPackage struct {
	File   string `json:"file"` // in the payload: packages/debian-12-amd64/conntrack_1.4.7-1_amd64.deb
	SHA256 string `json:"sha256"`
	Size   int64  `json:"size"`
}

// Empty says whether nothing is pinned.
func (l Lock) Empty() bool { return len(l.Binaries)+len(l.Images) == 0 }

// Binary gives the pinned program, or nil.
func (l Lock) Binary(name, version, arch string) *LockedBinary {
	for i := range l.Binaries {
		if b := &l.Binaries[i]; b.Name == name && b.Version == version && b.Arch == arch {
			return b
		}
	}
	return nil
}

// Image gives the pinned image, or nil.
func (l Lock) Image(ref, arch string) *LockedImage {
	for i := range l.Images {
		if x := &l.Images[i]; x.Ref == ref && x.Arch == arch {
			return x
		}
	}
	return nil
}

// Package gives the pinned package, or nil.
func (l Lock) Package(file string) *LockedPackage {
	for i := range l.Packages {
		if x := &l.Packages[i]; x.File == file {
			return x
		}
	}
	return nil
}

// PackagesDir is where a payload has packages of distributions, those that
// machines install in folders such as debian-12-amd64.
const PackagesDir = "packages"

// PackagesOf gives the pinned packages for a system and an architecture, of all
// its releases: a machine knows its own.
func (l Lock) PackagesOf(s *profile.System, arch string) []LockedPackage {
	if s == nil || s.OSRelease == "" {
		return nil
	}
	var out []LockedPackage
	for _, x := range l.Packages {
		if id, _, of := SplitPackageFolder(path.Base(path.Dir(x.File))); id == s.OSRelease && of == arch {
			out = append(out, x)
		}
	}
	return out
}

// SplitPackageFolder takes the name of a folder of packages apart: ID and release
// as in /etc/os-release, and the architecture. Other names give nothing.
func SplitPackageFolder(name string) (id, release, arch string) {
	m := packageFolder.FindStringSubmatch(name)
	if m == nil {
		return "", "", ""
	}
	return m[1], m[2], m[3]
}

var packageFolder = regexp.MustCompile(`^([a-z][a-z0-9._-]*)-([0-9][0-9.]*)-(amd64|arm64)$`)

// pin notes at each part what is pinned for it.
func (l Lock) pin(c *collected, arch string) {
	for i := range c.binaries {
		c.binaries[i].Locked = l.Binary(c.binaries[i].Name, c.binaries[i].Version, c.binaries[i].Arch)
	}
	for i := range c.images {
		c.images[i].Locked = l.Image(c.images[i].Ref, arch)
	}
}

// AnyArch stands for every architecture: what is pinned with it is a file of
// objects, and no program.
const AnyArch = "any"

// ArchMark stands for the architecture in the URL of a program.
const ArchMark = "{arch}"

// For gives the source of a program for an architecture.
func (r BinaryRef) For(arch string) (url, member string) {
	return strings.ReplaceAll(r.URL, ArchMark, arch), strings.ReplaceAll(r.Member, ArchMark, arch)
}
