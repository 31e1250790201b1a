package payload

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/kubespore/kubespore/pkg/plan"
)

// Bill is the bill of materials of a cluster: each part once, with who needs it.
type Bill struct {
	Cluster    string   `json:"cluster"`
	Kubernetes string   `json:"kubernetes"`
	Binaries   []Binary `json:"binaries"` // sorted by File
	Images     []Image  `json:"images"`   // sorted by File
	// Needed are the packages of distributions that hosts need where the images of
	// their systems lack them.
	Needed []Needed `json:"needed,omitempty"` // sorted by System, Arch and Name
	// Packages are the files of packages that are locked.
	Packages []plan.LockedPackage `json:"packages,omitempty"` // sorted by File
}

// Needed is a package of a distribution.
type Needed struct {
	Name     string   `json:"name"`
	System   string   `json:"system"` // ID in /etc/os-release
	Arch     string   `json:"arch"`
	Tool     string   `json:"tool"`               // that installs it
	Programs []string `json:"programs,omitempty"` // that it brings
	Profiles []string `json:"profiles"`
	Hosts    []string `json:"hosts"`
}

// Binary is a program that hosts install, or a file of objects that they apply.
type Binary struct {
	Name     string   `json:"name"`
	Version  string   `json:"version,omitempty"`
	Arch     string   `json:"arch"`
	Paths    []string `json:"paths"` // where hosts install it
	File     string   `json:"file"`  // in a bundle
	URL      string   `json:"url,omitempty"`
	Member   string   `json:"member,omitempty"` // in the archive at URL
	SHA256   string   `json:"sha256,omitempty"` // when it is locked
	Size     int64    `json:"size,omitempty"`
	Profiles []string `json:"profiles"`
	Hosts    []string `json:"hosts"`
}

// Image is a container image that something on hosts or in the cluster names.
type Image struct {
	Ref    string `json:"ref"`
	Arch   string `json:"arch"`
	File   string `json:"file"`             // its archive in a bundle
	Digest string `json:"digest,omitempty"` // of the image, when it is locked
	// Packages are those of Debian that the image is made of: no registry has it.
	Packages []string `json:"packages,omitempty"`
	SHA256   string   `json:"sha256,omitempty"` // of the archive
	Size     int64    `json:"size,omitempty"`
	Profiles []string `json:"profiles"`
	Hosts    []string `json:"hosts"`
}

// title names a program for people.
func (b *Binary) title() string {
	name := strings.TrimSpace(b.Name + " " + b.Version)
	if b.Arch == plan.AnyArch {
		return name
	}
	return name + " for " + b.Arch
}

// isManifest says whether it is a file of objects, and no program.
func (b *Binary) isManifest() bool { return b.Arch == plan.AnyArch }

// title names an image for people.
func (i *Image) title() string { return i.Ref + " for " + i.Arch }

// NewBill lists what the hosts of a plan need.
func NewBill(p *plan.Plan) *Bill {
	binaries, images, needed := map[string]*Binary{}, map[string]*Image{}, map[string]*Needed{}
	for _, h := range p.Hosts {
		for _, b := range h.Binaries {
			addBinary(binaries, h, b)
		}
		for _, i := range h.Images {
			addImage(images, h, i)
		}
		for _, x := range h.Packages {
			addNeeded(needed, h, x)
		}
	}
	out := &Bill{Cluster: p.Topology.Cluster.Name, Kubernetes: p.Cluster.Version}
	for _, file := range slices.Sorted(maps.Keys(binaries)) {
		out.Binaries = append(out.Binaries, *binaries[file])
	}
	for _, file := range slices.Sorted(maps.Keys(images)) {
		out.Images = append(out.Images, *images[file])
	}
	for _, key := range slices.Sorted(maps.Keys(needed)) {
		out.Needed = append(out.Needed, *needed[key])
	}
	return out
}

func addNeeded(to map[string]*Needed, h *plan.Host, ref plan.PackageRef) {
	if h.System == nil {
		return
	}
	key := strings.Join([]string{h.System.OSRelease, h.Arch, ref.Name}, " ")
	x := to[key]
	if x == nil {
		x = &Needed{Name: ref.Name, System: h.System.OSRelease, Arch: h.Arch, Tool: h.System.PackageTool}
		to[key] = x
	}
	if ref.Program != "" {
		x.Programs = addOnce(x.Programs, ref.Program)
	}
	x.Profiles, x.Hosts = addOnce(x.Profiles, ref.Profile), addOnce(x.Hosts, h.Name)
}

func addBinary(to map[string]*Binary, h *plan.Host, ref plan.BinaryRef) {
	file := binaryFile(ref.Name, ref.Version, ref.Arch)
	b := to[file]
	if b == nil {
		b = &Binary{Name: ref.Name, Version: ref.Version, Arch: ref.Arch, File: file}
		b.URL, b.Member = ref.For(ref.Arch)
		if l := ref.Locked; l != nil {
			b.SHA256, b.Size = l.SHA256, l.Size
		}
		to[file] = b
	}
	b.Paths, b.Profiles, b.Hosts = addOnce(b.Paths, ref.Path), addOnce(b.Profiles, ref.Profile), addOnce(b.Hosts, h.Name)
}

func addImage(to map[string]*Image, h *plan.Host, ref plan.ImageRef) {
	file := imageFile(ref.Ref, h.Arch)
	i := to[file]
	if i == nil {
		i = &Image{Ref: ref.Ref, Arch: h.Arch, File: file, Packages: ref.Packages}
		if l := ref.Locked; l != nil {
			i.Digest, i.SHA256, i.Size = l.Digest, l.SHA256, l.Size
		}
		to[file] = i
	}
	i.Profiles, i.Hosts = addOnce(i.Profiles, ref.Profile), addOnce(i.Hosts, h.Name)
}

// addOnce adds a word to a sorted set.
func addOnce(set []string, element string) []string {
	at, found := slices.BinarySearch(set, element)
	if found {
		return set
	}
	return slices.Insert(set, at, element)
}

// binaryFile is where a bundle has a program.
func binaryFile(name, version, arch string) string {
	if version != "" {
		name += "-" + version
	}
	if arch == plan.AnyArch {
		return path.Join("manifests", fileName(name)+".yaml")
	}
	return path.Join("binaries", arch, fileName(name))
}

// imageFile is where a bundle has the archive of an image.
func imageFile(ref, arch string) string { return path.Join("images", arch, imageFileName(ref)+".tar") }

// imageFileName makes the name of a file out of a reference. A volume holds
// names of at most 64 characters in one of its two lists: a digest is cut to its
// first twelve digits, and of a longer name the end stands, behind a sum of all.
func imageFileName(ref string) string {
	const digits, longest = 12, 56
	name, digest, pinned := strings.Cut(ref, "@sha256:")
	if pinned {
		name += "-" + digest[:min(len(digest), digits)]
	}
	if name = fileName(name); len(name) <= longest {
		return name
	}
	sum := sha256.Sum256([]byte(ref))
	tail := hex.EncodeToString(sum[:])[:digits]
	return tail + "-" + name[len(name)-(longest-len(tail)-1):]
}

// fileName makes a name of a file, a volume and a URL out of a text.
func fileName(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '.', r == '-':
			return r
		}
		return '_'
	}, s)
}

// unlocked gives the titles of what is in the bill and not pinned.
func (b *Bill) unlocked() []string {
	var out []string
	for i := range b.Binaries {
		if b.Binaries[i].SHA256 == "" {
			out = append(out, b.Binaries[i].title())
		}
	}
	for i := range b.Images {
		if b.Images[i].SHA256 == "" {
			out = append(out, b.Images[i].title())
		}
	}
	return out
}

// sortLock puts a lock into the order in which it is written.
func sortLock(l *plan.Lock) {
	slices.SortFunc(l.Binaries, func(a, b plan.LockedBinary) int { return cmp.Compare(a.File, b.File) })
	slices.SortFunc(l.Packages, func(a, b plan.LockedPackage) int { return cmp.Compare(a.File, b.File) })
	slices.SortFunc(l.Images, func(a, b plan.LockedImage) int { return cmp.Compare(a.File, b.File) })
}
