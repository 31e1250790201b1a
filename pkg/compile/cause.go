package compile

import (
	"slices"
	"strings"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/profile"
)

// caused moves what is wrong in a finished file to the line of the topology that
// caused it: the parameter whose value it names, else the profile, else the host.
// Where the file comes from is said second. Profiles and overlays of the user's
// own stay the place, since there it can be mended.
func (p *pipe) caused(list diag.List) diag.List {
	for i := range list {
		d := &list[i]
		name := p.builtin(d.Position.File)
		if name == "" || d.Code[0] != 'V' && d.Code[0] != 'R' {
			continue
		}
		note := "written here"
		if d.Source != "" {
			note = "written here as: " + strings.TrimSpace(d.Source)
		}
		d.Related = append([]diag.Related{{Position: d.Position, Note: note}}, d.Related...)
		d.Source = ""
		path := "profiles." + name
		if value, ok := p.Topology.Named(name, d.Message); ok {
			path = value
		} else if !p.Topology.Given(path) {
			path = p.hostPath(d.Path)
		}
		d.Position = p.Topology.At(path)
	}
	return list
}

// builtin gives the profile of the program's own that a file belongs to.
func (p *pipe) builtin(file string) string {
	i := slices.IndexFunc(p.Catalog.Profiles, func(x *profile.Profile) bool { return !x.Given && strings.HasPrefix(file, x.Source+"/") })
	if i < 0 {
		return ""
	}
	return p.Catalog.Profiles[i].Name
}

// hostPath gives where the topology has the host with which a path begins, as in
// cp1:unit kubelet.service.
func (p *pipe) hostPath(path string) string {
	name, _, _ := strings.Cut(path, ":")
	for i := range p.Topology.Hosts {
		if h := &p.Topology.Hosts[i]; h.Name == name {
			return h.Path
		}
	}
	return "hosts"
}
