package verify

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/profile"
	"github.com/kubespore/kubespore/pkg/topology"
)

// optionalOfSystemd begins the names of units of systemd that distributions
// leave out, or put into packages of their own: facts list those.
var optionalOfSystemd = []string{"systemd-networkd", "systemd-resolved", "systemd-timesyncd", "systemd-homed", "systemd-userdb", "systemd-journal-remote",
	"systemd-journal-gatewayd", "systemd-journal-upload", "systemd-oomd", "systemd-boot", "systemd-pcr", "systemd-portabled"}

// madeBySystemd are units that systemd has or makes everywhere.
var madeBySystemd = []string{"-.mount", "console-getty.service", "container-getty@.service", "debug-shell.service", "emergency.service", "getty@.service",
	"rescue.service", "serial-getty@.service", "tmp.mount", "user@.service"}

// unitOfSystem says whether a system's image has a unit, or a package that its
// facts name brings it. Without facts all are taken.
func unitOfSystem(s *profile.System, name string) bool {
	switch path.Ext(name) {
	case ".target", ".slice", ".device":
		return true
	}
	optional := func(prefix string) bool { return strings.HasPrefix(name, prefix) }
	return s == nil || slices.Contains(s.Units, name) || s.Packages[name] != "" || slices.Contains(madeBySystemd, template(name)) ||
		strings.HasPrefix(name, "systemd-") && !slices.ContainsFunc(optionalOfSystemd, optional)
}

// template gives the template of an instance, or a unit's own name.
func template(name string) string {
	if at := strings.Index(name, "@"); at >= 0 {
		return name[:at+1] + path.Ext(name)
	}
	return name
}

// unitsOfSystems gives the units that the images of some system have.
func unitsOfSystems(c *profile.Catalog) []string {
	var out []string
	if c != nil {
		for _, s := range c.Systems() {
			out = append(append(out, s.Units...), slices.Collect(maps.Keys(s.Packages))...)
		}
	}
	return out
}

// writable proves that all paths of a document, and the folders that its
// parameters name, lie where the system of the host can be written, and that
// what is mounted can be.
func proveWritable(m *machine, out *diag.List) {
	if m.System == nil {
		return
	}
	mounted := map[string]bool{}
	for _, fs := range m.doc.Config.Storage.Filesystems {
		if fs.Path != nil && *fs.Path != "" && !mounted[*fs.Path] {
			mounted[*fs.Path] = true
			m.mountable(*fs.Path, m.doc.At("filesystem:"+fs.Device), out)
		}
	}
	for _, u := range m.units {
		if where := u.value("Mount", "Where"); where != "" && !u.masked && !mounted[where] {
			mounted[where] = true
			m.mountable(where, m.doc.At(u.item), out)
		}
	}
	said := map[string]bool{}
	named := m.named()
	for _, name := range slices.Sorted(maps.Keys(named)) {
		if !m.canWrite(name) {
			said[name] = true
			m.unwritable(name, named[name], out)
		}
	}
	for _, e := range m.entries {
		below := func(name string) bool { return profile.Within(e.Path, name) }
		if !m.canWrite(e.Path) && !slices.ContainsFunc(slices.Collect(maps.Keys(said)), below) {
			said[e.Path] = true
			m.unwritable(e.Path, m.doc.At(e.Item), out)
		}
	}
}

// canWrite says whether a path lies where the host's system can be written.
func (m *machine) canWrite(name string) bool {
	real := m.System.Resolve(name)
	around := func(folder string) bool { return profile.Within(real, folder) }
	return !slices.ContainsFunc(m.System.ReadOnly, around) && (len(m.System.Writable) == 0 || slices.ContainsFunc(m.System.Writable, around))
}

func (m *machine) unwritable(name string, at diag.Position, out *diag.List) {
	out.Errorf("V075", at, m.where(name), "%s lies where %s cannot be written", name, m.System.Title).WithHint("use a path below /var, as in /var/lib/%s", path.Base(name))
}

// mountable proves that something can be mounted at a path.
func (m *machine) mountable(name string, at diag.Position, out *diag.List) {
	if own, ok := m.diskAt(name); ok {
		at = own
	}
	real := m.System.Resolve(name)
	wrong := func(format string, args ...any) *diag.Diagnostic {
		return out.Errorf("V076", at, m.where(name), "%s cannot mount %s: %s", m.System.Title, name, fmt.Sprintf(format, args...))
	}
	for _, folder := range slices.Sorted(maps.Keys(m.System.Unmountable)) {
		if profile.Within(real, folder) {
			wrong("%s %s", folder, m.System.Unmountable[folder]).WithHint("mount it elsewhere, as in /var/lib/%s", path.Base(name))
			return
		}
	}
	switch {
	case real != name:
		wrong("the path leads through a link, to %s", real).WithHint("write mount: %s", real)
	case !m.canWrite(name):
		wrong("nothing can be written or made there").WithHint("mount it below /var, as in /var/lib/%s", path.Base(name))
	}
}

// diskAt gives the line of the topology that mounts a disk at a path.
func (m *machine) diskAt(name string) (diag.Position, bool) {
	for _, d := range m.Disks {
		if d.Mount == name {
			return m.plan.Topology.At(d.Path + ".mount"), true
		}
	}
	return diag.Position{}, false
}

// named gives the folders that parameters of type path name on the host, each
// with the place that says so.
func (m *machine) named() map[string]diag.Position {
	out := map[string]diag.Position{}
	for _, s := range m.Selected {
		for _, q := range s.Profile.Params {
			name, ok := s.Params[q.Name].(string)
			if q.Type != "path" || !ok || name == "" {
				continue
			}
			out[name] = s.Profile.At("params." + q.Name)
			for _, where := range []string{m.Path + ".profiles.", "profiles."} {
				if given(m.plan.Topology, where, s.Name, q.Name) {
					out[name] = m.plan.Topology.At(where + s.Name + "." + q.Name)
					break
				}
			}
		}
	}
	return out
}

// given says whether the topology sets a parameter at a place.
func given(t *topology.Topology, where, profile, param string) bool {
	selections := t.Profiles
	if where != "profiles." {
		i := slices.IndexFunc(t.Hosts, func(h topology.Host) bool { return h.Path+".profiles." == where })
		if i < 0 {
			return false
		}
		selections = t.Hosts[i].Profiles
	}
	_, ok := selections[profile].Params[param]
	return ok
}
