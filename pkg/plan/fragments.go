package plan

import (
	"maps"
	"slices"
	"strings"

	"github.com/kubespore/kubespore/pkg/profile"
)

// paramList begins the name of a list that is a parameter: param.exports.
const paramList = "param."

// lists are the names that a fragment may repeat for, besides parameters.
var lists = map[string]func(*Cluster, *HostFacts) []any{
	"interfaces":       func(_ *Cluster, h *HostFacts) []any { return kindOf(h, "") },
	"bonds":            func(_ *Cluster, h *HostFacts) []any { return kindOf(h, "bond") },
	"bridges":          func(_ *Cluster, h *HostFacts) []any { return kindOf(h, "bridge") },
	"dummies":          func(_ *Cluster, h *HostFacts) []any { return kindOf(h, "dummy") },
	"leases":           func(_ *Cluster, h *HostFacts) []any { return anys(h.Primary.Leases) },
	"vlans":            func(_ *Cluster, h *HostFacts) []any { return kindOf(h, "vlan") },
	"plainDisks":       func(_ *Cluster, h *HostFacts) []any { return disksOf(h, func(d DiskFacts) bool { return !d.LUKS }) },
	"encryptedDisks":   func(_ *Cluster, h *HostFacts) []any { return disksOf(h, func(d DiskFacts) bool { return d.LUKS }) },
	"partitionedDisks": func(_ *Cluster, h *HostFacts) []any { return pointers(h.Tables) },
	"arrays":           func(_ *Cluster, h *HostFacts) []any { return pointers(h.Arrays) },
	"lockedPackages":   func(_ *Cluster, h *HostFacts) []any { return anys(h.LockedPackages) },
	"nodeTunnels": func(_ *Cluster, h *HostFacts) []any {
		return slices.DeleteFunc(kindOf(h, "wireguard"), func(i any) bool { return !i.(*InterfaceFacts).Primary })
	},
	"tunnels": func(_ *Cluster, h *HostFacts) []any { return kindOf(h, "wireguard") },
	"users":   func(c *Cluster, _ *HostFacts) []any { return anys(c.Users) },
}

// Lists gives the names that a fragment may repeat for, besides param.NAME.
func Lists() []string { return slices.Sorted(maps.Keys(lists)) }

func anys[T any](list []T) []any {
	out := make([]any, len(list))
	for i, v := range list {
		out[i] = v
	}
	return out
}

// pointers gives the elements as interfaces and disks are given.
func pointers[T any](list []T) []any {
	out := make([]any, len(list))
	for i := range list {
		out[i] = &list[i]
	}
	return out
}

func kindOf(h *HostFacts, kind string) []any {
	var out []any
	for i := range h.Interfaces {
		if kind == "" || h.Interfaces[i].Kind == kind {
			out = append(out, &h.Interfaces[i])
		}
	}
	return out
}

func disksOf(h *HostFacts, fits func(DiskFacts) bool) []any {
	var out []any
	for i := range h.Disks {
		if fits(h.Disks[i]) {
			out = append(out, &h.Disks[i])
		}
	}
	return out
}

// fragments gives the Butane files of the profile on the host.
func (s scope) fragments() []FragmentFile {
	var out []FragmentFile
	for i := range s.instance.Fragments {
		f := &s.instance.Fragments[i]
		if !s.applies(&f.When) {
			continue
		}
		if f.Each == "" {
			out = append(out, FragmentFile{File: f.File})
			continue
		}
		for _, e := range s.elements(f) {
			out = append(out, FragmentFile{File: f.File, Each: e})
		}
	}
	return out
}

// elements gives what a fragment repeats for.
func (s scope) elements(f *profile.Fragment) []any {
	if list, ok := lists[f.Each]; ok {
		return list(s.cluster, s.host.HostFacts)
	}
	name, isParam := strings.CutPrefix(f.Each, paramList)
	switch v := s.instance.params[name].(type) {
	case []any:
		return v
	case map[string]any:
		var out []any
		for _, k := range slices.Sorted(maps.Keys(v)) {
			out = append(out, map[string]any{"key": k, "value": v[k]})
		}
		return out
	}
	known := Lists()
	if isParam {
		known = nil
		for _, q := range s.instance.Params {
			if q.Type == "list" || q.Type == "hosts" || q.Type == "map" || q.Type == "flags" {
				known = append(known, paramList+q.Name)
			}
		}
	}
	s.errorAt("P035", f.Position, "", "there is no list %s to repeat for", f.Each).WithHint("%s", suggest(f.Each, known, "lists"))
	return nil
}
