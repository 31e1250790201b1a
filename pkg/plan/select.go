package plan

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/kubespore/kubespore/pkg/profile"
	"github.com/kubespore/kubespore/pkg/topology"
)

// choice is whether a class has a profile.
type choice int

const (
	unknown choice = iota
	asked          // being worked out
	yes
	no
)

// selection is what each host has: which profiles, with which parameters. Hosts
// that no condition can tell apart form a class: everything that does not depend
// on the host itself is worked out once for a class.
type selection struct {
	*world
	*reporter
	enabled  []*profile.Profile        // switched on somewhere, sorted by name
	base     map[string]map[string]any // parameters as the cluster sets them, by profile
	lists    []string                  // that some condition reads
	settings map[string][]string
	classes  []*class
	hosts    []*host // sorted by name
	whole    *class  // stands for the cluster: everything selected anywhere, no host
}

// class is a set of hosts that are alike: roles, system, parameters.
type class struct {
	facts      *HostFacts
	system     *profile.System               // nil where no profile describes it
	systemData map[string]any                // its facts, for templates
	listed     map[string]bool               // profile/param of the parameters of type hosts that list the host
	overrides  map[string]topology.Selection // of the hosts
	path       string                        // of the first host, for positions
	instances  []*instance                   // peers by name, then layers
	byName     map[string]*instance
	slots      map[string]*profile.Profile // which profile fills each slot, by the slot's name
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

// enabledProfiles finds the profiles that are switched on: those that are on by
// themselves, and those that the topology names.
func enabledProfiles(w *world, r *reporter) []*profile.Profile {
	on := map[string]bool{}
	for _, p := range w.catalog.Profiles {
		on[p.Name] = p.Default
	}
	name := func(selections map[string]topology.Selection, path string, local bool) {
		for _, name := range slices.Sorted(maps.Keys(selections)) {
			where := path + "." + name
			switch {
			case w.catalog.Lookup(name) == nil:
				r.errorAt("P002", w.topology.At(where), where, "there is no profile %s", name).
					WithHint("%s", cmp.Or(topology.Elsewhere(name), suggest(name, w.catalog.Names(), "profiles")))
			case !selections[name].Off:
				on[name] = true
			case !local:
				on[name] = false
			}
		}
	}
	name(w.topology.Profiles, "profiles", false)
	for i := range w.topology.Hosts {
		name(w.topology.Hosts[i].Profiles, w.topology.Hosts[i].Path+".profiles", true)
	}
	return slices.DeleteFunc(slices.Clone(w.catalog.Profiles), func(p *profile.Profile) bool { return !on[p.Name] })
}

// classify sorts the hosts into classes and selects the profiles of each.
func (s *selection) classify(sorted []*topology.Host) {
	known := map[string]*class{}
	for i, t := range sorted {
		facts := s.cluster.Hosts[i]
		key := s.classKey(t, facts)
		c := known[key]
		if c == nil {
			c = &class{facts: facts, system: s.catalog.System(t.OS), systemData: s.catalog.System(t.OS).TemplateData(), overrides: t.Profiles, path: t.Path, listed: s.listed(t.Name), byName: map[string]*instance{},
				conditions: map[*profile.Condition]bool{}, selection: map[string]choice{}}
			known[key] = c
			s.classes = append(s.classes, c)
			s.selectFor(c)
		}
		overlays := t.Overlays
		if len(s.topology.Overlays) > 0 {
			overlays = slices.Concat(s.topology.Overlays, t.Overlays)
		}
		h := &host{class: c, Host: &Host{HostFacts: facts, System: c.system, Overlays: overlays, Delivery: t.Delivery, Given: t.Profiles}}
		s.hosts = append(s.hosts, h)
	}
	s.whole = s.wholeClass()
	s.cluster.Profiles = slices.Sorted(maps.Keys(s.whole.byName))
}

// classKey is equal for hosts that no condition or parameter can tell apart.
func (s *selection) classKey(t *topology.Host, facts *HostFacts) string {
	key := strings.Join(t.Roles, ",") + "|" + t.OS + "|" + t.Format + "|" + t.Arch
	for _, l := range s.listedIn(t.Name) {
		key += "|" + l
	}
	for _, l := range s.lists {
		if s.hasElements(facts, l) {
			key += "|" + l
		}
	}
	if len(t.Profiles) > 0 {
		key += fmt.Sprintf("|%#v", t.Profiles) // maps are printed in order
	}
	return key
}

// listedIn gives the parameters of type hosts that list a host.
func (s *selection) listedIn(name string) []string {
	var out []string
	for _, p := range s.enabled {
		for _, q := range p.Params {
			if list, ok := s.base[p.Name][q.Name].([]any); ok && q.Type == "hosts" && slices.Contains(list, any(name)) {
				out = append(out, p.Name+"/"+q.Name)
			}
		}
	}
	return out
}

func (s *selection) listed(name string) map[string]bool {
	out := map[string]bool{}
	for _, l := range s.listedIn(name) {
		out[l] = true
	}
	return out
}

// selectFor selects the profiles of a class, with their parameters.
func (s *selection) selectFor(c *class) {
	for _, p := range s.enabled {
		if s.hasProfile(c, p.Name) {
			c.add(&instance{Profile: p, params: s.paramsFor(c, p)})
		}
	}
	slices.SortStableFunc(c.instances, func(a, b *instance) int { return strings.Compare(a.Layer, b.Layer) })
	s.fillSlots(c)
}

// fillSlots finds which profile of a class has each slot: of several the one that
// is built over the others. Two that are not built over one another are a mistake.
func (s *selection) fillSlots(c *class) {
	c.slots = map[string]*profile.Profile{}
	for _, u := range c.instances {
		for _, slot := range u.Provides {
			if !s.provides(c, u.Profile, slot.Slot) {
				continue
			}
			first := c.slots[slot.Slot]
			if first == nil {
				c.slots[slot.Slot] = u.Profile
				continue
			}
			if above := profile.Above(slot.Slot, first, u.Profile); above != nil {
				c.slots[slot.Slot] = above
				continue
			}
			at, other := u.Profile, first
			if s.where(at).File != s.topology.File { // it is on by itself
				at, other = other, at
			}
			s.errorAt("P008", s.cause(at, &at.Provision(slot.Slot).When), "", "both %s and %s provide %s, and the host %s takes one only", first.Name, u.Name, slot.Slot, c.facts.Name).
				WithHint("%s", s.offHint(first, u.Profile)).
				WithRelated(s.where(other), "%s is selected here", other.Name)
		}
	}
}

func (c *class) add(u *instance) {
	u.vars, u.texts = make(map[string]string, len(u.Vars)), map[*profile.Template]string{}
	c.instances = append(c.instances, u)
	c.byName[u.Name] = u
}

// hasProfile says whether a class has a profile. Conditions may ask for other
// profiles, which are then looked at first.
func (s *selection) hasProfile(c *class, name string) bool {
	if c == s.whole {
		return c.byName[name] != nil
	}
	switch c.selection[name] {
	case yes:
		return true
	case no:
		return false
	case asked:
		if p := s.catalog.Lookup(name); p != nil {
			s.errorAt("P003", p.When.Position, "when", "whether %s is selected depends on itself", name).
				WithHint("break the circle of conditions that ask for profiles")
		}
		return false
	}
	c.selection[name] = no
	i := slices.IndexFunc(s.enabled, func(p *profile.Profile) bool { return p.Name == name })
	if i < 0 {
		return false
	}
	p := s.enabled[i]
	u, named := c.overrides[name]
	wanted := s.clusterWide(p) || named
	if named && u.Off {
		wanted = false
	}
	if wanted {
		c.selection[name] = asked
		fits := s.holds(c, p, &p.When)
		c.selection[name] = no
		if fits {
			c.selection[name] = yes
		} else if named {
			where := c.path + ".profiles." + name
			s.list.Warnf("P004", s.topology.At(where), where, "the profile %s does not apply to this host", name).
				WithRelated(p.When.Position, "applies where this holds").
				WithHint("take it out here, or change the host's roles")
		}
	}
	return c.selection[name] == yes
}

// wholeClass stands for the cluster: everything that some host has, with the
// parameters that the cluster sets.
func (s *selection) wholeClass() *class {
	c := &class{byName: map[string]*instance{}, conditions: map[*profile.Condition]bool{}, slots: map[string]*profile.Profile{}}
	for _, d := range s.classes {
		for slot, p := range d.slots {
			if c.slots[slot] == nil {
				c.slots[slot] = p
			}
		}
	}
	for _, p := range s.enabled {
		if slices.ContainsFunc(s.classes, func(d *class) bool { return d.byName[p.Name] != nil }) {
			c.add(&instance{Profile: p, params: s.base[p.Name]})
		}
	}
	return c
}
