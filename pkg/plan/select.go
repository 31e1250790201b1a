package plan

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/kubespore/kubespore/pkg/diag"
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

// enable finds the profiles that are switched on: those that are on by
// themselves, and those that the topology names.
func (b *build) enable() {
	on := map[string]bool{}
	for _, p := range b.catalog.Profiles {
		on[p.Name] = p.Default
	}
	name := func(uses map[string]topology.Selection, path string, local bool) {
		for _, name := range slices.Sorted(maps.Keys(uses)) {
			where := path + "." + name
			switch {
			case b.catalog.Lookup(name) == nil:
				b.errorAt("P002", b.topology.At(where), where, "there is no profile %s", name).
					WithHint("%s", cmp.Or(topology.Elsewhere(name), suggest(name, b.catalog.Names(), "profiles")))
			case !uses[name].Off:
				on[name] = true
			case !local:
				on[name] = false
			}
		}
	}
	name(b.topology.Profiles, "profiles", false)
	for i := range b.topology.Hosts {
		name(b.topology.Hosts[i].Profiles, b.topology.Hosts[i].Path+".profiles", true)
	}
	for _, p := range b.catalog.Profiles {
		if on[p.Name] {
			b.enabled = append(b.enabled, p)
		}
	}
}

// clusterWide says whether a profile is on for every host that fits, rather
// than for the hosts that name it.
func (b *build) clusterWide(p *profile.Profile) bool {
	if u, named := b.topology.Profiles[p.Name]; named {
		return !u.Off
	}
	return p.Default
}

// classify sorts the hosts into classes and selects the profiles of each.
func (b *build) classify(sorted []*topology.Host) {
	known := map[string]*class{}
	for i, t := range sorted {
		facts := b.cluster.Hosts[i]
		key := b.classKey(t, facts)
		c := known[key]
		if c == nil {
			c = &class{facts: facts, system: b.catalog.System(t.OS), words: b.catalog.System(t.OS).Words(), overrides: t.Profiles, path: t.Path, listed: b.listed(t.Name), byName: map[string]*instance{},
				conditions: map[*profile.Condition]bool{}, selection: map[string]choice{}}
			known[key] = c
			b.classes = append(b.classes, c)
			b.selectFor(c)
		}
		overlays := t.Overlays
		if len(b.topology.Overlays) > 0 {
			overlays = slices.Concat(b.topology.Overlays, t.Overlays)
		}
		h := &host{class: c, Host: &Host{HostFacts: facts, System: c.system, Overlays: overlays, Delivery: t.Delivery, Given: t.Profiles}}
		b.hosts = append(b.hosts, h)
	}
	b.whole = b.wholeClass()
	b.cluster.Profiles = slices.Sorted(maps.Keys(b.whole.byName))
}

// classKey is equal for hosts that no condition or parameter can tell apart.
func (b *build) classKey(t *topology.Host, facts *HostFacts) string {
	key := strings.Join(t.Roles, ",") + "|" + t.OS + "|" + t.Format + "|" + t.Arch
	for _, l := range b.listedIn(t.Name) {
		key += "|" + l
	}
	for _, l := range b.askedLists {
		if b.hasElements(facts, l) {
			key += "|" + l
		}
	}
	if len(t.Profiles) > 0 {
		key += fmt.Sprintf("|%#v", t.Profiles) // maps are printed in order
	}
	return key
}

// listedIn gives the parameters of type hosts that list a host.
func (b *build) listedIn(name string) []string {
	var out []string
	for _, p := range b.enabled {
		for _, q := range p.Params {
			if list, ok := b.base[p.Name][q.Name].([]any); ok && q.Type == "hosts" && slices.Contains(list, any(name)) {
				out = append(out, p.Name+"/"+q.Name)
			}
		}
	}
	return out
}

func (b *build) listed(name string) map[string]bool {
	out := map[string]bool{}
	for _, l := range b.listedIn(name) {
		out[l] = true
	}
	return out
}

// selectFor selects the profiles of a class, with their parameters.
func (b *build) selectFor(c *class) {
	for _, p := range b.enabled {
		if b.hasProfile(c, p.Name) {
			c.add(&instance{Profile: p, params: b.paramsFor(c, p)})
		}
	}
	slices.SortStableFunc(c.uses, func(a, b *instance) int { return strings.Compare(a.Layer, b.Layer) })
}

func (c *class) add(u *instance) {
	u.vars, u.texts = make(map[string]string, len(u.Vars)), map[*profile.Template]string{}
	c.uses = append(c.uses, u)
	c.byName[u.Name] = u
}

// hasProfile says whether a class has a profile. Conditions may ask for other
// profiles, which are then looked at first.
func (b *build) hasProfile(c *class, name string) bool {
	if c == b.whole {
		return c.byName[name] != nil
	}
	switch c.selection[name] {
	case yes:
		return true
	case no:
		return false
	case asked:
		if p := b.catalog.Lookup(name); p != nil {
			b.errorAt("P003", p.When.Position, "when", "whether %s is selected depends on itself", name).
				WithHint("break the circle of conditions that ask for profiles")
		}
		return false
	}
	c.selection[name] = no
	i := slices.IndexFunc(b.enabled, func(p *profile.Profile) bool { return p.Name == name })
	if i < 0 {
		return false
	}
	p := b.enabled[i]
	u, named := c.overrides[name]
	wanted := b.clusterWide(p) || named
	if named && u.Off {
		wanted = false
	}
	if wanted {
		c.selection[name] = asked
		fits := b.holds(c, p, &p.When)
		c.selection[name] = no
		if fits {
			c.selection[name] = yes
		} else if named {
			where := c.path + ".profiles." + name
			b.list.Warnf("P004", b.topology.At(where), where, "the profile %s does not apply to this host", name).
				WithRelated(p.When.Position, "applies where this holds").
				WithHint("take it out here, or change the host's roles")
		}
	}
	return c.selection[name] == yes
}

// wholeClass stands for the cluster: everything that some host has, with the
// parameters that the cluster sets.
func (b *build) wholeClass() *class {
	c := &class{byName: map[string]*instance{}, conditions: map[*profile.Condition]bool{}}
	for _, p := range b.enabled {
		if slices.ContainsFunc(b.classes, func(d *class) bool { return d.byName[p.Name] != nil }) {
			c.add(&instance{Profile: p, params: b.base[p.Name]})
		}
	}
	return c
}

// refusals reports the profiles that say they are a mistake in this cluster,
// and gives their names.
func (b *build) refusals() map[string]bool {
	refused := map[string]bool{}
	for _, p := range b.enabled {
		for i := range p.Refuses {
			r := &p.Refuses[i]
			if slices.ContainsFunc(b.classes, func(c *class) bool { return b.concerns(c, p, &r.When) && b.test(c, p, &r.When) }) {
				refused[p.Name] = true
				b.errorAt("P017", b.where(p), "", "the profile %s is a mistake here: %s", p.Name, r.Because).
					WithHint("%s", r.Hint).WithRelated(r.Position, "said here")
			}
		}
	}
	return refused
}

// concerns says whether a refusal is about a class of hosts: those whose roles it
// names or, where it names none, those that have the profile or would have it if
// the cluster's settings were others.
func (b *build) concerns(c *class, p *profile.Profile, refused *profile.Condition) bool {
	if len(refused.Roles) > 0 {
		return true
	}
	hosts := p.When
	hosts.Settings = nil
	return b.test(c, p, &hosts)
}

// warnings reports the profiles that say they are not wise in this cluster.
func (b *build) warnings() {
	for _, p := range b.enabled {
		for i := range p.Warns {
			r := &p.Warns[i]
			if slices.ContainsFunc(b.classes, func(c *class) bool { return b.test(c, p, &r.When) }) {
				b.list.Warnf("P061", b.where(p), "", "the profile %s: %s", p.Name, r.Because).
					WithHint("%s", r.Hint).WithRelated(r.Position, "said here")
			}
		}
	}
}

// unusedNames warns about profiles that the topology names and no host gets,
// unless more was said of them.
func (b *build) unusedNames(refused map[string]bool) {
	for _, name := range slices.Sorted(maps.Keys(b.topology.Profiles)) {
		if p := b.catalog.Lookup(name); !b.topology.Profiles[name].Off && b.whole.byName[name] == nil && !refused[name] {
			b.list.Warnf("P005", b.topology.At("profiles."+name), "profiles."+name, "no host gets the profile %s", name).
				WithRelated(p.When.Position, "a host gets it where this holds")
		}
	}
}

// relations checks what profiles say about one another.
func (b *build) relations() {
	for _, u := range b.whole.uses {
		for i, other := range u.Needs {
			if b.whole.byName[other] == nil {
				b.need(u.Profile, other, fmt.Sprintf("needs[%d]", i))
			}
		}
		for i, other := range u.Excludes {
			if b.whole.byName[other] != nil {
				b.list.Errorf("P007", b.where(u.Profile), "", "the profile %s cannot stand beside %s", u.Name, other).
					WithHint("%s", b.offHint(u.Profile, b.catalog.Lookup(other))).
					WithRelated(u.At(fmt.Sprintf("excludes[%d]", i)), "said here").
					WithRelated(b.where(b.catalog.Lookup(other)), "%s is selected here", other)
			}
		}
	}
	for _, c := range b.classes {
		slots := map[string]*profile.Profile{}
		for _, u := range c.uses {
			if u.Provides == "" {
				continue
			}
			first := slots[u.Provides]
			if first != nil && profile.Over(first, u.Profile) {
				continue
			}
			if first != nil {
				b.errorAt("P008", b.where(u.Profile), "", "both %s and %s provide %s, and the host %s takes one only", first.Name, u.Name, u.Provides, c.facts.Name).
					WithHint("%s", b.offHint(first, u.Profile)).
					WithRelated(b.where(first), "%s is selected here", first.Name)
				continue
			}
			slots[u.Provides] = u.Profile
		}
	}
}

func (b *build) need(p *profile.Profile, other, path string) {
	d := b.list.Errorf("P006", b.where(p), "", "the profile %s needs %s, which no host has", p.Name, other)
	switch u, named := b.topology.Profiles[other]; {
	case named && u.Off:
		d.WithHint("take %q out of profiles", other+": false").WithRelated(b.topology.At("profiles."+other), "switched off here")
	case b.clusterWideName(other):
		d.WithHint("no host fits the condition of %s: see its profile.yaml", other).WithRelated(b.catalog.Lookup(other).When.Position, "its condition")
	default:
		d.WithHint("add %q under profiles", other+": {}")
	}
	d.WithRelated(p.At(path), "said here")
}

func (b *build) clusterWideName(name string) bool {
	p := b.catalog.Lookup(name)
	return p != nil && b.clusterWide(p)
}

// offHint says which of two profiles to give up: one that nobody asked for, if
// there is one.
func (b *build) offHint(first, second *profile.Profile) string {
	off := second
	if _, named := b.topology.Profiles[second.Name]; named {
		off = first
	}
	if _, named := b.topology.Profiles[off.Name]; named {
		return fmt.Sprintf("take %s or %s out of profiles", first.Name, second.Name)
	}
	return fmt.Sprintf("add %q under profiles", off.Name+": false")
}

// where is the place at which a profile was selected.
func (b *build) where(p *profile.Profile) diag.Position {
	if _, named := b.topology.Profiles[p.Name]; named {
		return b.topology.At("profiles." + p.Name)
	}
	for i := range b.topology.Hosts {
		if _, named := b.topology.Hosts[i].Profiles[p.Name]; named {
			return b.topology.At(b.topology.Hosts[i].Path + ".profiles." + p.Name)
		}
	}
	return p.At("name")
}
