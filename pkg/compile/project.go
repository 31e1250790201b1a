package compile

import (
	"slices"
	"strings"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/plan"
	"github.com/kubespore/kubespore/pkg/profile"
	"github.com/kubespore/kubespore/pkg/topology"
)

// Project is what a compilation starts from: a topology and the profiles it
// may use.
type Project struct {
	Topology *topology.Topology
	Catalog  *profile.Catalog
	Lock     plan.Lock                // what the operator has pinned of the payload
	LockFile string                   // where that stands, for messages
	Files    map[string]plan.UserFile // that parameters of profiles name

	text []byte // of the topology
	read func(name string) ([]byte, error)
}

// Load reads a topology and the profile folders. Mistakes of both come in one
// list; without errors the project is ready.
func Load(file string, text []byte, profiles ...profile.Source) (*Project, diag.List) {
	return load(file, text, nil, profiles...)
}

// Open is [Load] for a topology that has a folder: read gives the files below it
// that the topology and the parameters of profiles name.
func Open(file string, text []byte, read func(name string) ([]byte, error), profiles ...profile.Source) (*Project, diag.List) {
	p, list := load(file, text, read, profiles...)
	p.ReadFiles(read)
	return p, list
}

func load(file string, text []byte, read func(name string) ([]byte, error), profiles ...profile.Source) (*Project, diag.List) {
	c, more := profile.Load(profiles...)
	p := &Project{Catalog: c, text: text, read: read}
	t, list := topology.Parse(file, text, p.known())
	p.Topology = t
	list.Append(more)
	return p, list
}

func (p *Project) known() topology.Known {
	k := Known(p.Catalog)
	k.Read = p.read
	return k
}

// Known is what a topology may name of what the profiles describe.
func Known(c *profile.Catalog) topology.Known {
	laidOver := func(name, param string) bool {
		p := c.Lookup(name)
		if p == nil {
			return false
		}
		q := p.Param(param)
		return q != nil && q.LaidOver()
	}
	return topology.Known{Minors: c.Minors(), Systems: c.SystemFormats(), Installed: c.InstalledSystems(), LaidOver: laidOver}
}

// without gives the project as it were if the topology did not hold some paths.
func (p *Project) without(omitted []string) (*Project, diag.List) {
	t, list := topology.Parse(p.Topology.File, p.text, p.known(), omitted...)
	out := *p
	out.Topology = t
	return &out, list
}

// Host finds a host of the topology.
func (p *Project) Host(name string) (topology.Host, diag.List) {
	if h := hostNamed(p.Topology, name); h != nil {
		return *h, nil
	}
	var list diag.List
	suggestHost(list.Errorf("O107", diag.Position{File: p.Topology.File}, "", "there is no host %q", name), name, hostNames(p.Topology))
	return topology.Host{}, list
}

// hostNamed gives a host of a topology; nil where there is none of that name.
func hostNamed(t *topology.Topology, name string) *topology.Host {
	if i := slices.IndexFunc(t.Hosts, func(h topology.Host) bool { return h.Name == name }); i >= 0 {
		return &t.Hosts[i]
	}
	return nil
}

func hostNames(t *topology.Topology) []string {
	names := make([]string, len(t.Hosts))
	for i, h := range t.Hosts {
		names[i] = h.Name
	}
	return names
}

// suggestHost says which hosts there are where one was asked for that is not among them.
func suggestHost(d *diag.Diagnostic, name string, known []string) {
	if near := diag.Suggest(name, known); near != "" {
		d.WithHint("did you mean %s?", near)
	} else {
		d.WithHint("the hosts: %s", strings.Join(known[:min(len(known), 10)], ", "))
	}
}

// Settings gives what the topology says for a host, and where.
func (p *Project) Settings(h topology.Host) []topology.Setting {
	return topology.Settings(p.Topology.File, p.text, p.known(), h)
}

// Plan decides everything that can be decided without keys, following what
// earlier builds decided.
func (p *Project) Plan(given plan.Allocations) (*plan.Plan, *plan.Evaluator, diag.List) {
	return plan.Build(plan.Inputs{Topology: p.Topology, Catalog: p.Catalog, Allocations: given, Lock: p.Lock, Files: p.Files})
}

// ReadFiles reads the files that parameters of profiles name, relative to the
// topology. Whether one may be missing is the plan's to say.
func (p *Project) ReadFiles(read func(name string) ([]byte, error)) {
	p.Files = map[string]plan.UserFile{}
	for _, name := range plan.FilesAsked(p.Topology, p.Catalog) {
		content, err := read(name)
		p.Files[name] = plan.UserFile{Name: name, File: plan.UserFileName(p.Topology, name), Content: content, Err: err}
	}
}
