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
	"interfaces": func(_ *Cluster, h *HostFacts) []any { return kindOf(h, "") },
	"bonds":      func(_ *Cluster, h *HostFacts) []any { return kindOf(h, "bond") },
	"bridges":    func(_ *Cluster, h *HostFacts) []any { return kindOf(h, "bridge") },
	"dummies":    func(_ *Cluster, h *HostFacts) []any { return kindOf(h, "dummy") },
	"leases":     func(_ *Cluster, h *HostFacts) []any { return anys(h.Primary.Leases) },
	"vlans":      func(_ *Cluster, h *HostFacts) []any { return kindOf(h, "vlan") },
	"plainDisks": func(_ *Cluster, h *HostFacts) []any {
		return pointersTo(h.Disks, func(d *DiskFacts) bool { return !d.LUKS })
	},
	"encryptedDisks": func(_ *Cluster, h *HostFacts) []any {
		return pointersTo(h.Disks, func(d *DiskFacts) bool { return d.LUKS })
	},
	"partitionedDisks": func(_ *Cluster, h *HostFacts) []any {
		return pointersTo(h.Tables, func(*TableFacts) bool { return true })
	},
	"arrays": func(_ *Cluster, h *HostFacts) []any {
		return pointersTo(h.Arrays, func(*ArrayFacts) bool { return true })
	},
	"lockedPackages": func(_ *Cluster, h *HostFacts) []any { return anys(h.LockedPackages) },
	"nodeTunnels": func(_ *Cluster, h *HostFacts) []any {
		return pointersTo(h.Interfaces, func(i *InterfaceFacts) bool { return i.Kind == "wireguard" && i.Primary })
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

// pointersTo gives the elements for which something holds, whose methods templates call.
func pointersTo[T any](list []T, fits func(*T) bool) []any {
	var out []any
	for i := range list {
		if fits(&list[i]) {
			out = append(out, &list[i])
		}
	}
	return out
}

func kindOf(h *HostFacts, kind string) []any {
	return pointersTo(h.Interfaces, func(i *InterfaceFacts) bool { return kind == "" || i.Kind == kind })
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
