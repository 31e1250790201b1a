package compile

import (
	"fmt"
	"slices"
	"time"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/kit"
	"github.com/kubespore/kubespore/pkg/topology"
)

// Leaving is the cluster that machines leave by kits, which make them machines of another.
type Leaving struct {
	Project *Project
	Host    string    // what it calls the one machine; "" for the names that the machines will have
	Now     time.Time // when the kits are made: machines take none that is older than what they have
}

// name is what the cluster that a machine is of calls it.
func (l *Leaving) name(host string) string {
	if l == nil || l.Host == "" {
		return host
	}
	return l.Host
}

// set names the machine that takes the kit, as its cluster knows it.
func (l *Leaving) set(in *kit.Input) {
	in.Cluster, in.Host, in.Made, in.Leaves = l.Project.Topology.Cluster.Name, l.name(in.Host), l.Now, true
}

// unknown is the error for a host that the cluster never had.
func (l *Leaving) unknown(host string) error {
	var names []string
	for _, h := range l.Project.Topology.Hosts {
		names = append(names, h.Name)
	}
	f := diag.Failf("O132", diag.Position{File: l.Project.Topology.File}, "the store of the cluster %s has no document of a host %q", l.Project.Topology.Cluster.Name, host)
	suggestHost(&f.Diagnostic, host, names)
	return f
}

// Takes refuses machines that the cluster cannot take over, because no kit exchanges an
// operating system.
func (b *Built) Takes(l *Leaving, hosts []string) diag.List {
	var list diag.List
	for i, will := range b.Project.Topology.Hosts {
		was, had := hostOf(l.Project, l.name(will.Name))
		if had && slices.Contains(hosts, will.Name) && (was.OS != will.OS || was.Arch != will.Arch) {
			at := fmt.Sprintf("hosts[%d]", i)
			list.Errorf("O133", b.Project.Topology.At(at), at, "the machine that becomes %s runs %s on %s, and %s says %s on %s", will.Name, was.OS, was.Arch, b.Project.Topology.File, will.OS, will.Arch).
				WithHint("boot it from its new document")
		}
	}
	return list
}

func hostOf(p *Project, name string) (topology.Host, bool) {
	h, problems := p.Host(name)
	return h, !problems.HasErrors()
}
