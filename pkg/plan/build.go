package plan

import (
	"cmp"
	"maps"
	"slices"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/profile"
	"github.com/kubespore/kubespore/pkg/topology"
)

// build is a plan in the making. Hosts that no condition can tell apart form a
// class: everything that does not depend on the host itself is worked out once
// for a class.
type build struct {
	topology *topology.Topology
	catalog  *profile.Catalog
	list     diag.List
	reported map[string]bool // a mistake in a profile shows on many hosts and is said once

	cluster  *Cluster
	lock     Lock
	files    map[string]UserFile // that parameters name
	version  map[string]string
	settings map[string][]string
	named    map[string]string // host name -> itself, to tell hosts from other words

	enabled      []*profile.Profile        // switched on somewhere, sorted by name
	base         map[string]map[string]any // parameters as the cluster sets them, by profile
	askedLists   []string                  // that some condition asks for
	classes      []*class
	hosts        []*host          // sorted by name
	whole        *class           // stands for the cluster: everything selected anywhere, no host
	bound        map[varName]bool // vars that depend on the host
	collectBound bool             // what .Ports and its like give depends on the host
}

// varName names a var of a profile.
type varName struct{ profile, name string }

// class is a set of hosts that are alike: roles, system, parameters.
type class struct {
	facts      *HostFacts
	system     *profile.System               // nil where no profile describes it
	words      map[string]any                // its facts, for templates
	listed     map[string]bool               // profile/param of the parameters of type hosts that list the host
	overrides  map[string]topology.Selection // of the hosts
	path       string                        // of the first host, for positions
	uses       []*instance                   // peers by name, then layers
	byName     map[string]*instance
	conditions map[*profile.Condition]bool
	selection  map[string]choice
	collected  *collected
}

// instance is a profile on the hosts of a class.
type instance struct {
	*profile.Profile
	params   map[string]any
	vars     map[string]string // those that do not depend on the host
	texts    map[*profile.Template]string
	selected *Selected // shared by the hosts of the class; nil when each has its own
}

// host is one machine in the making.
type host struct {
	*Host
	class     *class
	vars      map[string]map[string]string // by profile, where some depend on the host
	collected *collected
}

// Inputs is everything that a plan depends on.
type Inputs struct {
	Topology    *topology.Topology
	Catalog     *profile.Catalog
	Allocations Allocations         // what earlier builds gave, from the store
	Lock        Lock                // what the operator has pinned: hosts accept no other payload
	Files       map[string]UserFile // that parameters name: see FilesAsked
}

// Build plans a topology. The plan is complete only when the list holds no
// error.
func Build(in Inputs) (*Plan, *Evaluator, diag.List) {
	b := &build{topology: in.Topology, catalog: in.Catalog, lock: in.Lock, files: in.Files, reported: map[string]bool{}, named: map[string]string{},
		base: map[string]map[string]any{}, bound: map[varName]bool{}}
	p := &Plan{Topology: in.Topology, Catalog: in.Catalog}
	b.decide(p, in.Allocations)
	b.hideSecrets()
	return p, b.evaluator(), b.list
}

// decide goes from one decision to the next, as far as mistakes let it.
func (b *build) decide(p *Plan, given Allocations) {
	sorted := sortedHosts(b.topology)
	p.Allocations = b.allocate(given, sorted)
	b.gatherFacts(sorted, p.Allocations)
	p.Cluster = b.cluster
	b.chooseVersion()
	b.enable()
	b.settings = clusterSettings(b.topology, b.cluster, b.enabled)
	if b.version == nil {
		return // templates know nothing without one
	}
	unknown := b.list.HasErrors()
	b.checkConditions()
	b.setParams()
	b.checkFiles()
	if unknown {
		return // what others say of a profile that is not there follows from that
	}
	b.classify(sorted)
	b.unusedNames(b.refusals())
	b.warnings()
	b.relations()
	if b.list.HasErrors() {
		return
	}
	b.evaluate()
	b.finish(p)
}

func sortedHosts(t *topology.Topology) []*topology.Host {
	out := make([]*topology.Host, len(t.Hosts))
	for i := range t.Hosts {
		out[i] = &t.Hosts[i]
	}
	slices.SortStableFunc(out, func(a, b *topology.Host) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// gatherFacts works out everything that templates may ask about.
func (b *build) gatherFacts(sorted []*topology.Host, given Allocations) {
	facts := make([]*HostFacts, len(sorted))
	for i, h := range sorted {
		facts[i] = hostFacts(h)
		facts[i].LockedPackages = b.lock.PackagesOf(b.catalog.System(h.OS), h.Arch)
		facts[i].VRRPPriority = given.VRRP[vrrpHost+h.Name]
		b.named[h.Name] = h.Name
		if !facts[i].IsNode {
			continue
		}
		for _, network := range b.topology.Network.Pods {
			for _, block := range given.PodCIDRs[h.Name] {
				if block.Addr().Is4() == network.Addr().Is4() {
					facts[i].PodCIDRs = append(facts[i].PodCIDRs, block.String())
				}
			}
		}
	}
	b.cluster = clusterFacts(b.topology, facts, given)
}

// chooseVersion finds the row of versions.yaml.
func (b *build) chooseVersion() {
	minor := b.topology.Kubernetes.Minor
	row, ok := b.catalog.Version(minor)
	if !ok {
		var known []string
		for _, v := range b.catalog.Versions {
			known = append(known, v.Newest)
		}
		b.list.Errorf("P001", b.topology.At("kubernetes.version"), "kubernetes.version", "Kubernetes %s is not supported", minor).
			WithHint("write one of: %s", joinWords(known))
	}
	b.version = row.Values
}

// evaluate works out vars: first those of classes, then those of hosts.
func (b *build) evaluate() {
	b.collectBound = b.collectsBound()
	clear(b.bound) // worked out while collectBound was not known
	for _, p := range b.enabled {
		for _, v := range p.Vars {
			b.isBound(varName{p.Name, v.Name})
		}
	}
	for _, c := range append(slices.Clone(b.classes), b.whole) {
		for _, u := range c.uses {
			for i := range u.Vars {
				if !b.bound[varName{u.Name, u.Vars[i].Name}] {
					b.keep(scope{build: b, class: c, use: u}, u.Vars[i].Name)
				}
			}
		}
	}
	for _, h := range b.hosts {
		for _, u := range h.class.uses {
			for i := range u.Vars {
				if b.bound[varName{u.Name, u.Vars[i].Name}] {
					b.keep(scope{build: b, class: h.class, host: h, use: u}, u.Vars[i].Name)
				}
			}
		}
	}
}

// keep works out a var for later; what goes wrong is reported.
func (b *build) keep(s scope, name string) {
	if _, err := b.variable(s, name); err != nil {
		b.template(s, err)
	}
}

// finish turns what was worked out into the plan.
func (b *build) finish(p *Plan) {
	names := map[string]*profile.Profile{}
	for _, c := range b.classes {
		for _, u := range c.uses {
			names[u.Name] = u.Profile
		}
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		p.Profiles = append(p.Profiles, names[name])
	}
	m := newKeySpecs(b)
	for _, h := range b.hosts {
		b.finishHost(h, m)
		p.Hosts = append(p.Hosts, h.Host)
	}
	m.cluster()
	p.Authorities, p.Certs, p.Secrets = m.result()
	p.Manifests = b.manifests()
	b.checkBounds()
	p.Advice = b.advice()
}

// finishHost fills a host of the plan.
func (b *build) finishHost(h *host, m *keySpecs) {
	for _, u := range h.class.uses {
		h.Selected = append(h.Selected, b.selected(h, u))
	}
	got := b.collect(scope{build: b, class: h.class, host: h})
	h.Images, h.Binaries, h.Programs, h.Packages = got.images, got.binaries, got.programs, got.packages
	h.Ports, h.Sysctls = got.ports, got.sysctls
	m.host(h)
}

// selected gives the profile as the host has it; hosts of a class share it
// where nothing in it is a host's own.
func (b *build) selected(h *host, u *instance) *Selected {
	own := h.vars[u.Name]
	repeats := slices.ContainsFunc(u.Fragments, func(f profile.Fragment) bool { return f.Each != "" })
	if own == nil && !repeats && u.selected != nil {
		return u.selected
	}
	s := &Selected{Profile: u.Profile, Params: u.params, Vars: u.vars}
	if own != nil {
		s.Vars = own
	}
	s.FragmentFiles = b.fragments(h, s, u)
	if own == nil && !repeats {
		u.selected = s
	}
	return s
}
