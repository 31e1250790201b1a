package inspect

import (
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/kubespore/kubespore/pkg/document"
)

// Needs is what a change asks of the operator of a running machine, once the
// changed files are on it. The zero value makes nothing necessary.
type Needs struct {
	Reimage bool     `json:"reimage"`           // the machine must boot its new document from nothing
	Restart []string `json:"restart,omitempty"` // units, sorted
	Pods    []string `json:"pods,omitempty"`    // static pods to restart, sorted
}

// String says it in words.
func (n Needs) String() string {
	var out []string
	if n.Reimage {
		return "re-image"
	}
	if len(n.Restart) > 0 {
		out = append(out, "restart "+strings.Join(n.Restart, ", "))
	}
	if len(n.Pods) > 0 {
		out = append(out, "restart the static pods "+strings.Join(n.Pods, ", "))
	}
	if len(out) == 0 {
		return "nothing"
	}
	return strings.Join(out, "; ")
}

func (n Needs) and(m Needs) Needs {
	return Needs{n.Reimage || m.Reimage, merged(n.Restart, m.Restart), merged(n.Pods, m.Pods)}
}

func merged(a, b []string) []string {
	if len(a)+len(b) == 0 {
		return nil
	}
	out := slices.Concat(a, b)
	slices.Sort(out)
	return slices.Compact(out)
}

// staticPods is where the kubelet watches for pods: it acts on a change by
// itself.
const staticPods = "/etc/kubernetes/manifests"

// folderReaders are the services that read whole folders without their units
// saying so.
var folderReaders = map[string]string{
	"/etc/sysctl.d":                 "systemd-sysctl.service",
	"/etc/modules-load.d":           "systemd-modules-load.service",
	"/etc/systemd/network":          "systemd-networkd.service",
	"/etc/NetworkManager":           "NetworkManager.service",
	"/etc/systemd/journald.conf.d":  "systemd-journald.service",
	"/etc/systemd/resolved.conf.d":  "systemd-resolved.service",
	"/etc/systemd/timesyncd.conf.d": "systemd-timesyncd.service",
	"/etc/ssh/sshd_config.d":        "sshd.service",
	"/etc/kubespore/objects":        "kubespore-objects.service",
	"/etc/cni/net.d":                "containerd.service",
}

// absolutePath matches paths in units, scripts and manifests.
var absolutePath = regexp.MustCompile(`/[A-Za-z0-9._@%+-]+(?:/[A-Za-z0-9._@%+-]+)+`)

// readers knows who reads which path: every file that names it. A script that a unit
// runs reads on behalf of the unit.
type readers struct {
	by    map[string][]string // path -> paths of what names it
	units map[string]string   // path of a unit or drop-in -> unit
}

func newReaders(before, after []document.Entry) readers {
	r := readers{by: map[string][]string{}, units: map[string]string{}}
	seen := map[string]bool{}
	for _, e := range slices.Concat(after, before) {
		if seen[e.Path] || e.Kind == document.KindDirectory {
			continue
		}
		seen[e.Path] = true
		if e.Kind == document.KindUnit || e.Kind == document.KindDropin {
			r.units[e.Path] = e.Unit
		}
		if e.Kind == document.KindLink {
			r.name(e.Target, e.Path)
			continue
		}
		for _, named := range absolutePath.FindAllString(string(e.Content), -1) {
			r.name(named, e.Path)
		}
	}
	return r
}

func (r readers) name(named, by string) {
	if named != by && !slices.Contains(r.by[named], by) {
		r.by[named] = append(r.by[named], by)
	}
}

// needs says what a change makes necessary.
func (r readers) needs(c Change) Needs {
	if !strings.HasPrefix(c.Path, "/") {
		return Needs{Reimage: true}
	}
	units, pods := map[string]bool{}, map[string]bool{}
	if u, ok := r.units[c.Path]; ok {
		units[u] = true
	} else if path.Dir(c.Path) != staticPods {
		r.follow(c.Path, units, pods, map[string]bool{})
	}
	return Needs{Restart: merged(slices.Collect(maps.Keys(units)), nil), Pods: merged(slices.Collect(maps.Keys(pods)), nil)}
}

// Readers says of any path who reads it on a machine with this document: the
// units and static pods that must restart when it changes.
func Readers(d *document.Document) (func(path string) Needs, error) {
	entries, err := d.Entries()
	if err != nil {
		return nil, err
	}
	r := newReaders(nil, entries)
	return func(path string) Needs { return r.needs(Change{Path: path}) }, nil
}

// Runners says of the path of a program which units of this document run it. What only
// finds it by its folder, or waits until it is there, does not run it.
func Runners(d *document.Document) (func(program string) []string, error) {
	entries, err := d.Entries()
	if err != nil {
		return nil, err
	}
	r := newReaders(nil, entries)
	return func(program string) []string {
		var units []string
		for _, by := range r.by[program] {
			if unit, ok := r.units[by]; ok {
				units = append(units, unit)
			}
		}
		return merged(units, nil)
	}, nil
}

// follow walks from a path to the units and static pods that read it.
func (r readers) follow(at string, units, pods, seen map[string]bool) {
	if seen[at] {
		return
	}
	seen[at] = true
	for _, by := range r.namers(at) {
		switch u, isUnit := r.units[by]; {
		case isUnit:
			units[u] = true
		case !strings.HasPrefix(by, "/"):
			units[by] = true // of folderReaders
		case path.Dir(by) == staticPods:
			pods[strings.TrimSuffix(path.Base(by), ".yaml")] = true
		default:
			r.follow(by, units, pods, seen)
		}
	}
}

// namers gives what names a path or, when nothing does, the nearest folder
// around it that something names.
func (r readers) namers(at string) []string {
	for p := at; strings.Count(p, "/") > 1; p = path.Dir(p) {
		if by := r.by[p]; len(by) > 0 {
			return by
		}
		if unit, ok := folderReaders[path.Dir(p)]; ok {
			return []string{unit}
		}
	}
	return nil
}
