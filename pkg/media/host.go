package media

import (
	"io"
	"slices"
	"strings"
	"time"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/profile"
)

// Formats of documents.
const (
	ignition  = "ignition"
	cloudInit = "cloud-init"
)

// Host is a machine and its finished document.
type Host struct {
	Name     string
	Format   string            // ignition or cloud-init
	OS       string            // as the topology says; "" when only the build is known
	System   *profile.System   // its facts; nil when only the build is known
	Known    []*profile.System // all that profiles describe, to tell whose an image is
	Arch     string
	MACs     []string // of its Ethernet ports, the one for booting first
	Serial   string
	Install  Target        // the disk that the topology says; a flag counts before it
	Position diag.Position // where the topology declares it, when that is known
	// Read gives a file of the document: config.ign, or user-data, meta-data and
	// network-config.
	Read func(name string) ([]byte, error)
}

// document names the file that is the document itself.
func (h *Host) document() string {
	if h.Format == ignition {
		return "config.ign"
	}
	return "user-data"
}

// boot says how the machine's system starts.
func (h *Host) boot() profile.Boot {
	if h.System == nil {
		return profile.Boot{}
	}
	return h.System.Boot
}

// Firmware is where the Ignition of the machine's system looks among what QEMU's
// firmware device holds.
func (h *Host) Firmware() string { return h.boot().Firmware }

// File is a file of a medium.
type File struct {
	Path  string // in the folder of media, with slashes
	Host  string // "" for one that all machines share
	Write func(io.Writer) error
}

// Medium is a kind of media.
type Medium struct {
	Name    string   // as the command line calls it
	Formats []string // of the documents that it carries
	Instead string   // what to use for documents of the other format
	// NeedsSystem says that it matters which system the machines run, which a
	// build alone does not tell.
	NeedsSystem bool
	Shared      []File // one for all machines
	// Gather gives further ones, which depend on who the machines are. It is
	// called once, before Make.
	Gather func([]Host) ([]File, diag.List)
	// Care is what to be told of the files; "" stands for what holds keys.
	Care string
	// Make gives the files for a host. Their content is made when it is written.
	Make func(*Host) ([]File, error)
}

// FixedTime is the date on everything that has one. A medium changes when its
// document does, so its own date does not show that; this one is the first that
// every file system can hold.
func FixedTime() time.Time { return time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC) }

// Select gives the hosts that a medium is for, in order of their names. Those
// whose documents it cannot carry are an error when they were asked for by
// name; else they are left out, and named, unless nothing would be left.
func Select(m Medium, hosts []Host, named bool) (taken []Host, left []string, list diag.List) {
	if m.NeedsSystem && len(hosts) > 0 && hosts[0].OS == "" {
		list.Errorf("M012", diag.Position{}, "", "media %s must know which system the machines run, and a build does not say", m.Name).
			WithHint("name the topology in place of the build's folder, and the folder with --build")
		return nil, nil, list
	}
	for _, h := range hosts {
		if slices.Contains(m.Formats, h.Format) {
			taken = append(taken, h)
			continue
		}
		left = append(left, h.Name)
		if named {
			list.Errorf("M003", h.Position, "", "%s has a document for %s, which media %s cannot carry", h.Name, programOf(h.Format), m.Name).WithHint("%s", m.Instead)
		}
	}
	if len(taken) == 0 && !named {
		list.Errorf("M003", diag.Position{}, "", "no host has a document for %s, which is what media %s carries", programOf(m.Formats[0]), m.Name).WithHint("%s", m.Instead)
	}
	slices.SortFunc(taken, func(a, b Host) int { return strings.Compare(a.Name, b.Name) })
	slices.Sort(left)
	return taken, left, list
}

// programOf names a format as its program is called.
func programOf(format string) string {
	if format == ignition {
		return "Ignition"
	}
	return format
}
