package verify

import (
	"crypto/sha256"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/kubespore/kubespore/pkg/document"
	"github.com/kubespore/kubespore/pkg/plan"
)

// machine is a document as the tree that it makes, looked up by path.
type machine struct {
	*plan.Host
	plan      *plan.Plan
	verbatim  map[string]bool // files of objects that are the user's own, line by line
	doc       *document.Document
	entries   []document.Entry // sorted by path
	paths     map[string]*document.Entry
	parents   map[string]bool // directories that exist because something lies in them
	units     []*unit
	objects   []object
	defines   map[string]*definition // see definition; nil until it is asked
	ends      endpoints
	listeners []listener
	dials     []dialled // by name
}

func newMachine(h *plan.Host, p *plan.Plan, doc *document.Document) (*machine, error) {
	entries, err := doc.Entries()
	if err != nil {
		return nil, err
	}
	m := &machine{Host: h, plan: p, doc: doc, entries: entries, paths: map[string]*document.Entry{}, parents: map[string]bool{}}
	for i := range entries {
		m.add(entries[i].Path, &entries[i])
	}
	for _, b := range h.Binaries {
		if m.paths[b.Path] == nil {
			m.add(b.Path, &document.Entry{Path: b.Path, Kind: document.KindFile, Mode: 0o755})
		}
	}
	for _, fs := range doc.Config.Storage.Filesystems {
		if fs.Path != nil {
			m.parents[*fs.Path] = true
		}
	}
	m.units = m.unitList()
	return m, nil
}

func (m *machine) add(name string, e *document.Entry) {
	m.paths[name] = e
	for dir := path.Dir(name); dir != "/" && !m.parents[dir]; dir = path.Dir(dir) {
		m.parents[dir] = true
	}
}

// file gives the entry at a path, following links inside the document.
func (m *machine) file(name string) *document.Entry {
	for range 8 {
		e := m.paths[name]
		if e == nil || e.Kind != document.KindLink {
			return e
		}
		if path.IsAbs(e.Target) {
			name = e.Target
		} else {
			name = path.Join(path.Dir(name), e.Target)
		}
	}
	return nil
}

// exists says whether a path will be there when services start: from the
// document, the payload, the image, or a unit that makes it.
func (m *machine) exists(name string) bool {
	return m.file(name) != nil || m.parents[name] || fromImage(name)
}

// where names a place in a document for a message.
func (m *machine) where(name string) string { return m.Name + ":" + name }

func digest(parts ...[]byte) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:", len(p))
		h.Write(p)
	}
	return string(h.Sum(nil))
}

// imagePaths are paths that every supported operating system image has, or
// that the kernel or systemd makes before services start.
var imagePaths = []string{
	"/bin", "/dev", "/etc/ca-certificates", "/etc/fstab", "/etc/machine-id", "/etc/os-release", "/etc/pki",
	"/etc/resolv.conf", "/etc/ssl", "/etc/ssl/certs", "/lib", "/lib/modules", "/opt", "/proc", "/run", "/run/xtables.lock",
	"/sbin", "/sys", "/tmp", "/usr", "/var", "/var/lib", "/var/log", "/var/log/pods", "/var/log/containers", "/root", "/home", "/boot",
}

// imageTrees are folders of the image whose content we do not know by name.
var imageTrees = []string{"/usr/bin/", "/usr/sbin/", "/bin/", "/sbin/", "/usr/lib/", "/usr/libexec/", "/lib/", "/proc/", "/sys/", "/dev/", "/etc/ssl/certs/"}

func fromImage(name string) bool {
	if slices.Contains(imagePaths, path.Clean(name)) {
		return true
	}
	return slices.ContainsFunc(imageTrees, func(tree string) bool { return strings.HasPrefix(name, tree) })
}
