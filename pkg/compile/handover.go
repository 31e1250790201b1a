package compile

import (
	"time"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/kit"
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
	t := l.Project.Topology
	f := diag.Failf("O132", diag.Position{File: t.File}, "the store of the cluster %s has no document of a host %q", t.Cluster.Name, host)
	suggestHost(&f.Diagnostic, host, hostNames(t))
	return f
}

// Takes refuses machines that the cluster cannot take over, because no kit exchanges an
// operating system.
func (b *Built) Takes(l *Leaving, hosts []string) diag.List {
	var list diag.List
	t := b.Project.Topology
	for _, name := range hosts {
		will, was := hostNamed(t, name), hostNamed(l.Project.Topology, l.name(name))
		if will != nil && was != nil && (was.OS != will.OS || was.Arch != will.Arch) {
			list.Errorf("O133", t.At(will.Path), will.Path, "the machine that becomes %s runs %s on %s, and %s says %s on %s", name, was.OS, was.Arch, t.File, will.OS, will.Arch).
				WithHint("boot it from its new document")
		}
	}
	return list
}
