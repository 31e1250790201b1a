package plan

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/kubespore/kubespore/pkg/profile"
	"github.com/kubespore/kubespore/pkg/topology"
)

// clusterSettings works out the texts that each setting is, of those that
// profile.SettingCan knows.
func clusterSettings(t *topology.Topology, c *Cluster) map[string][]string {
	count := func(n int) []string {
		if n >= 2 {
			return []string{strconv.Itoa(n), "many"}
		}
		return []string{strconv.Itoa(n)}
	}
	truth := func(v bool) []string { return []string{strconv.FormatBool(v)} }
	etcd := "external"
	if c.StackedEtcd {
		etcd = "stacked"
	}
	return map[string][]string{
		"custody":              {c.Custody},
		"etcd":                 {etcd},
		"controlPlanes":        count(len(c.ControlPlanes)),
		"nodes":                count(len(c.nodes())),
		"networks":             count(c.nodeNetworks()),
		"endpoint":             {c.endpointKind()},
		"endpointNetwork":      {c.endpointNetwork()},
		"own":                  t.Own,
		"adminOnControlPlanes": truth(c.AdminOnControlPlanes),
		"minor":                {c.Minor},
		"nameservers":          truth(len(c.Nameservers) > 0),
		"bundled":              c.Bundled,
	}
}

func (c *Cluster) nodes() []*HostFacts {
	return slices.DeleteFunc(slices.Clone(c.Hosts), func(h *HostFacts) bool { return !h.IsNode })
}

// nodeNetworks counts the networks that nodes stand in, of the address family
// that has more of them.
func (c *Cluster) nodeNetworks() int {
	seen := map[string]map[netip.Prefix]bool{"ipv4": {}, "ipv6": {}}
	for _, h := range c.nodes() {
		for _, text := range h.CIDRs {
			if p, err := netip.ParsePrefix(text); err == nil {
				seen[family(p.Addr())][p.Masked()] = true
			}
		}
	}
	return max(len(seen["ipv4"]), len(seen["ipv6"]))
}

// endpointNetwork says whether the endpoint's address is on the network of every
// control plane, of some or of none.
func (c *Cluster) endpointNetwork() string {
	address, err := netip.ParseAddr(c.Endpoint.Host)
	if err != nil {
		return "none"
	}
	on := 0
	for _, h := range c.ControlPlanes {
		if slices.ContainsFunc(h.CIDRs, func(cidr string) bool {
			p, err := netip.ParsePrefix(cidr)
			return err == nil && p.Contains(address)
		}) {
			on++
		}
	}
	switch on {
	case 0:
		return "outside"
	case len(c.ControlPlanes):
		return "shared"
	}
	return "split"
}

func (c *Cluster) endpointKind() string {
	switch h := holder(c.Endpoint.Host, c.Hosts); {
	case !c.Endpoint.IsAddress:
		return "name"
	case h == nil:
		return "virtual"
	case h.IsControlPlane:
		return "host"
	}
	return "balancer"
}

// listsAsked gives the lists that some condition reads, sorted, and reports
// those which do not exist.
func listsAsked(r *reporter, enabled []*profile.Profile) []string {
	asked := map[string]bool{}
	for _, p := range enabled {
		for _, c := range p.Conditions() {
			for _, name := range c.Lists {
				if asked[name] = true; lists[name] == nil {
					r.errorAt("P035", c.Position, "", "a condition names a list %s, which does not exist", name).
						WithHint("%s", suggest(name, Lists(), "lists"))
				}
			}
		}
	}
	return slices.Sorted(maps.Keys(asked))
}

// holds says whether a condition of a profile holds for a class. For the
// cluster as a whole it holds when it does for some class with the profile.
func (s *selection) holds(c *class, p *profile.Profile, when *profile.Condition) bool {
	if held, ok := c.conditions[when]; ok {
		return held
	}
	var held bool
	if c == s.whole {
		held = slices.ContainsFunc(s.classes, func(d *class) bool { return d.byName[p.Name] != nil && s.holds(d, p, when) })
	} else {
		held = s.test(c, p, when)
	}
	c.conditions[when] = held
	return held
}

func (s *selection) test(c *class, p *profile.Profile, when *profile.Condition) bool {
	in := func(list []string, value string) bool { return len(list) == 0 || slices.Contains(list, value) }
	if !hasRole(when.Roles, c.facts.Roles) || !in(when.OS, c.facts.OS) && !c.system.Is(when.OS) || !in(when.Format, c.facts.Format) || !in(when.Arch, c.facts.Arch) {
		return false
	}
	for fact, accepted := range when.System {
		if c.system == nil {
			return false
		}
		if facts, _ := c.system.Fact(fact); !overlap(accepted, facts) {
			return false
		}
	}
	if len(when.Families) > 0 && !overlap(when.Families, s.cluster.Families) {
		return false
	}
	if len(when.Lists) > 0 && !slices.ContainsFunc(when.Lists, func(name string) bool { return s.hasElements(c.facts, name) }) {
		return false
	}
	if len(when.Slots) > 0 && !slices.ContainsFunc(when.Slots, func(slot string) bool { return s.hasSlot(c, slot) }) {
		return false
	}
	for _, name := range when.Profiles {
		if !s.hasProfile(c, name) {
			return false
		}
	}
	for key, accepted := range when.Params {
		name, field, _ := strings.Cut(key, ".")
		if !accepts(accepted, asTexts(s.paramsFor(c, p)[name], field)) {
			return false
		}
	}
	if when.Hosts != "" && !c.listed[p.Name+"/"+when.Hosts] {
		return false
	}
	for name, accepted := range when.Settings {
		if !s.settled(name, accepted) {
			return false
		}
	}
	if len(when.Any) > 0 && !slices.ContainsFunc(when.Any, func(one profile.Condition) bool { return s.test(c, p, &one) }) {
		return false
	}
	return when.Not == nil || !s.test(c, p, when.Not)
}

// settled says whether a setting is one of the accepted texts. Minors are
// compared: a rule from a minor on holds for the ones to come.
func (s *selection) settled(name string, accepted []string) bool {
	if name == "minor" {
		return profile.MinorIs(s.cluster.Minor, accepted)
	}
	return overlap(accepted, s.settings[name])
}

// hasSlot says whether a class has a profile that provides a slot.
func (s *selection) hasSlot(c *class, slot string) bool {
	return slices.ContainsFunc(s.catalog.Providers(slot), func(p *profile.Profile) bool { return s.hasProfile(c, p.Name) && s.provides(c, p, slot) })
}

// provides says whether a profile of a class fills a slot there.
func (s *selection) provides(c *class, p *profile.Profile, slot string) bool {
	return s.holds(c, p, &p.Provision(slot).When)
}

// hasElements says whether a list is not empty for a host.
func (w *world) hasElements(h *HostFacts, name string) bool {
	list := lists[name]
	return list != nil && len(list(w.cluster, h)) > 0
}

// hasRole says whether a host has one of the wanted roles; none stands for a
// host without any.
func hasRole(wanted, roles []string) bool {
	if len(wanted) == 0 {
		return true
	}
	if len(roles) == 0 {
		return slices.Contains(wanted, "none") || slices.Contains(wanted, "")
	}
	return overlap(wanted, roles)
}

func overlap(a, b []string) bool {
	return slices.ContainsFunc(a, func(s string) bool { return slices.Contains(b, s) })
}

// accepts says whether one of the texts is accepted; !x accepts all but x.
func accepts(accepted, texts []string) bool {
	return slices.ContainsFunc(texts, func(text string) bool {
		return slices.ContainsFunc(accepted, func(one string) bool {
			other, negated := strings.CutPrefix(one, "!")
			return one == text || negated && other != text
		})
	})
}

// asTexts writes a parameter as conditions compare it: a list is all of its
// elements or, where these are maps, one field of each.
func asTexts(v any, field string) []string {
	if list, ok := v.([]any); ok {
		out := make([]string, len(list))
		for i, e := range list {
			if m, isMap := e.(map[string]any); isMap && field != "" {
				e = m[field]
			}
			out[i] = fmt.Sprint(e)
		}
		return out
	}
	return []string{strings.TrimSpace(fmt.Sprint(v))}
}
