package plan

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/coreos/go-systemd/v22/unit"

	"github.com/kubespore/kubespore/pkg/topology"
)

// DiskFacts is what a file system lies on: a disk, a partition or an array.
type DiskFacts struct {
	Path                             string // where the topology says it: hosts[0].disks[1].partitions[0]
	Device, Filesystem, Label, Mount string
	Options                          []string
	Wipe, LUKS                       bool
	Unit                             string // systemd's name of the mount point: var-lib-etcd.mount
	Ident                            string // fit for names
}

// TableFacts is a disk with partitions.
type TableFacts struct {
	Device     string
	Wipe       bool
	Partitions []PartitionFacts
}

// PartitionFacts is a partition.
type PartitionFacts struct {
	Number int
	Name   string
	MiB    int64 // 0: the rest of the disk
}

// ArrayFacts is a RAID.
type ArrayFacts struct {
	Name, Level string
	Devices     []string // spares are the last ones
	Spares      int
}

var notIdent = regexp.MustCompile(`[^a-z0-9]+`)

// diskFacts gives all file systems of a host.
func diskFacts(h *topology.Host) []DiskFacts {
	var out []DiskFacts
	taken := map[string]int{}
	add := func(path, device string, v topology.Volume) {
		if v.Mount == "" {
			return
		}
		ident := strings.Trim(notIdent.ReplaceAllString(strings.ToLower(cmp.Or(v.Label, v.Mount)), "-"), "-")
		taken[ident]++
		out = append(out, DiskFacts{Path: path, Device: device, Filesystem: v.Filesystem, Label: v.Label, Mount: v.Mount, Options: v.Options,
			Wipe: v.Wipe, LUKS: v.LUKS, Unit: unit.UnitNamePathEscape(v.Mount) + ".mount", Ident: numbered(ident, taken[ident]-1)})
	}
	for i, d := range h.Disks {
		path := fmt.Sprintf("%s.disks[%d]", h.Path, i)
		add(path, d.Device, d.Volume)
		for k, p := range d.Partitions {
			p.Wipe = p.Wipe || d.Wipe
			add(fmt.Sprintf("%s.partitions[%d]", path, k), p.Device(), p.Volume)
		}
	}
	for i, a := range h.Arrays {
		add(fmt.Sprintf("%s.arrays[%d]", h.Path, i), a.Device(), a.Volume)
	}
	return out
}

func tableFacts(list []topology.Disk) []TableFacts {
	var out []TableFacts
	for _, d := range list {
		if len(d.Partitions) == 0 {
			continue
		}
		t := TableFacts{Device: d.Device, Wipe: d.Wipe}
		for i, p := range d.Partitions {
			t.Partitions = append(t.Partitions, PartitionFacts{Number: i + 1, Name: p.Name, MiB: p.Size >> 20})
		}
		out = append(out, t)
	}
	return out
}

func arrayFacts(list []topology.Array) []ArrayFacts {
	var out []ArrayFacts
	for _, a := range list {
		out = append(out, ArrayFacts{Name: a.Name, Level: a.Level, Devices: slices.Concat(a.Devices, a.Spares), Spares: len(a.Spares)})
	}
	return out
}
