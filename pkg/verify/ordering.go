package verify

import (
	"path"
	"slices"
	"strings"

	"github.com/kubespore/kubespore/pkg/diag"
)

// bootOrder is what systemd itself orders: the left unit starts after those on
// the right (man bootup, man systemd.special).
var bootOrder = map[string][]string{
	"sysinit.target":                       {"local-fs.target", "swap.target", "systemd-modules-load.service", "systemd-sysctl.service", "systemd-tmpfiles-setup.service", "systemd-journald.service"},
	"basic.target":                         {"sysinit.target", "sockets.target", "timers.target", "paths.target"},
	"sockets.target":                       {"sysinit.target"},
	"paths.target":                         {"sysinit.target"},
	"local-fs.target":                      {"local-fs-pre.target"},
	"systemd-sysctl.service":               {"systemd-modules-load.service"},
	"systemd-tmpfiles-setup.service":       {"local-fs.target"},
	"network.target":                       {"network-pre.target"},
	"network-online.target":                {"network.target"},
	"systemd-networkd.service":             {"network-pre.target", "systemd-sysctl.service"},
	"NetworkManager.service":               {"network-pre.target", "basic.target"},
	"systemd-networkd-wait-online.service": {"systemd-networkd.service"},
	"time-set.target":                      {},
	"time-sync.target":                     {"time-set.target"},
	"multi-user.target":                    {"basic.target"},
	"graphical.target":                     {"multi-user.target"},
	"cloud-init.target":                    {"basic.target"},
}

// ordering proves that the order in which units start has no cycle; systemd
// breaks one by dropping a job, and a cluster then misses a service at random.
func ordering(m *machine, list []*unit, out *diag.List) {
	after := map[string][]string{}
	for name, others := range bootOrder {
		after[name] = append(after[name], others...)
	}
	for _, u := range list {
		if u.masked {
			continue
		}
		after[u.name] = append(after[u.name], u.unitNames("Unit", "After")...)
		for _, name := range u.unitNames("Unit", "Before") {
			after[name] = append(after[name], u.name)
		}
		implicit(u, after)
	}
	for _, cycle := range cycles(after) {
		item := ""
		for _, u := range list {
			if slices.Contains(cycle, u.name) {
				item = u.item
				break
			}
		}
		out.Errorf("V037", m.doc.At(item), m.Name, "the order of units has a cycle: %s", strings.Join(cycle, " after ")).
			WithHint("systemd drops one of them to break it: take away an After= or Before=, or say DefaultDependencies=no in a unit of early boot")
	}
}

// implicit adds the order that systemd gives to a unit by its type (man
// systemd.service, systemd.path, systemd.timer, systemd.mount; the sections on
// default dependencies).
func implicit(u *unit, after map[string][]string) {
	if u.value("Unit", "DefaultDependencies") == "no" {
		return
	}
	// A target comes after what it wants, unless that is told otherwise.
	for _, target := range u.unitNames("Install", "WantedBy", "RequiredBy") {
		if u.enabled && path.Ext(target) == ".target" && !slices.Contains(u.unitNames("Unit", "After"), target) {
			after[target] = append(after[target], u.name)
		}
	}
	switch path.Ext(u.name) {
	case ".service":
		after[u.name] = append(after[u.name], "sysinit.target", "basic.target")
	case ".path":
		after[u.name] = append(after[u.name], "sysinit.target")
		after["paths.target"] = append(after["paths.target"], u.name)
	case ".timer":
		after[u.name] = append(after[u.name], "sysinit.target")
		after["timers.target"] = append(after["timers.target"], u.name)
	case ".socket":
		after[u.name] = append(after[u.name], "sysinit.target")
		after["sockets.target"] = append(after["sockets.target"], u.name)
	case ".mount":
		after[u.name] = append(after[u.name], "local-fs-pre.target")
		after["local-fs.target"] = append(after["local-fs.target"], u.name)
	}
}

// cycles gives each cycle of a graph once, as the path through it with the
// first unit repeated at the end.
func cycles(after map[string][]string) [][]string {
	const (
		unseen = iota
		open
		done
	)
	state := map[string]int{}
	var stack []string
	var out [][]string
	var visit func(string)
	visit = func(name string) {
		state[name] = open
		stack = append(stack, name)
		others := slices.Clone(after[name])
		slices.Sort(others)
		for _, other := range slices.Compact(others) {
			switch state[other] {
			case unseen:
				visit(other)
			case open:
				i := slices.Index(stack, other)
				out = append(out, append(slices.Clone(stack[i:]), other))
			}
		}
		stack = stack[:len(stack)-1]
		state[name] = done
	}
	var names []string
	for name := range after {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if state[name] == unseen {
			visit(name)
		}
	}
	return out
}
