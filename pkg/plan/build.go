package plan

import (
	"maps"
	"slices"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/profile"
	"github.com/kubespore/kubespore/pkg/topology"
)

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
	r := &reporter{reported: map[string]bool{}}
	p := &Plan{Topology: in.Topology, Catalog: in.Catalog}
	e := decide(in, r, p)
	hideSecrets(in.Topology, in.Catalog, r.list)
	return p, newEvaluator(e), r.list
}

// decide goes from stage to stage, as far as mistakes let it: what is given, the
// facts, the profiles that are switched on, their parameters, what each host has of
// them, the texts, and the plan. It gives the stage of the texts, nil where it was
// not reached.
func decide(in Inputs, r *reporter, p *Plan) *evaluation {
	sorted := sortedHosts(in.Topology)
	p.Allocations = allocate(in.Topology, r, in.Allocations, sorted)
	w := newWorld(in, r, sorted, p.Allocations)
	p.Cluster = w.cluster
	enabled := enabledProfiles(w, r)
	if w.version == nil {
		return nil // templates know nothing without one
	}
	unknown := r.list.HasErrors()
	s := &selection{world: w, reporter: r, enabled: enabled, lists: listsAsked(r, enabled), settings: clusterSettings(in.Topology, w.cluster)}
	bound := newBinding(w.catalog, enabled)
	s.base = resolveParams(w, r, bound, enabled)
	fileChecker{w, r}.check(enabled, s.base)
	if unknown {
		return nil // what others say of a profile that is not there follows from that
	}
	s.classify(sorted)
	checkSelection(s)
	if r.list.HasErrors() {
		return nil
	}
	e := evaluate(s, bound)
	finish(e, p)
	p.Advice = append(p.Advice, moved(in.Topology, in.Allocations.Last)...)
	return e
}

// finish turns what was worked out into the plan.
func finish(e *evaluation, p *Plan) {
	names := map[string]*profile.Profile{}
	for _, c := range e.classes {
		for _, u := range c.instances {
			names[u.Name] = u.Profile
		}
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		p.Profiles = append(p.Profiles, names[name])
	}
	p.Slots = slices.Sorted(maps.Keys(e.whole.slots))
	m := newKeySpecs(e)
	for _, h := range e.hosts {
		finishHost(e, h)
		m.host(h)
		p.Hosts = append(p.Hosts, h.Host)
	}
	m.cluster()
	p.Authorities, p.Certs, p.Secrets = m.result()
	p.Manifests = e.manifests()
	checkBounds(e)
	p.Advice = append(advice(e.selection), late(e.world)...)
}

// finishHost fills a host of the plan, but for its key material.
func finishHost(e *evaluation, h *host) {
	for _, u := range h.class.instances {
		h.Selected = append(h.Selected, e.on(h, u).selected())
	}
	got := e.on(h, nil).collect()
	h.Images, h.Binaries, h.Programs, h.Packages = got.images, got.binaries, got.programs, got.packages
	h.Ports, h.Sysctls = got.ports, got.sysctls
}

// selected gives the profile as the host has it; hosts of a class share it
// where nothing in it is a host's own.
func (s scope) selected() *Selected {
	u, own := s.instance, s.host.vars[s.instance.Name]
	repeats := slices.ContainsFunc(u.Fragments, func(f profile.Fragment) bool { return f.Each != "" })
	if own == nil && !repeats && u.selected != nil {
		return u.selected
	}
	out := &Selected{Profile: u.Profile, Params: u.params, Vars: s.vars(), FragmentFiles: s.fragments()}
	if own == nil && !repeats {
		u.selected = out
	}
	return out
}
