package plan

import (
	"fmt"
	"maps"
	"slices"

	"github.com/kubespore/kubespore/pkg/profile"
)

// checkSelection reports what profiles say about the cluster and about one another.
func checkSelection(s *selection) {
	unusedNames(s, refusals(s))
	warnings(s)
	checkRelations(s)
}

// refusals reports the profiles that say they are a mistake in this cluster,
// and gives their names.
func refusals(s *selection) map[string]bool {
	refused := map[string]bool{}
	for _, p := range s.enabled {
		for i := range p.Refuses {
			r := &p.Refuses[i]
			if slices.ContainsFunc(s.classes, func(c *class) bool { return concerns(s, c, p, &r.When) && s.test(c, p, &r.When) }) {
				refused[p.Name] = true
				s.errorAt("P017", s.cause(p, &r.When), "", "the profile %s is a mistake here: %s", p.Name, r.Because).
					WithHint("%s", r.Hint).WithRelated(r.Position, "said here")
			}
		}
	}
	return refused
}

// concerns says whether a refusal is about a class of hosts: those whose roles it
// names or, where it names none, those that have the profile or would have it if
// the cluster's settings were others.
func concerns(s *selection, c *class, p *profile.Profile, refused *profile.Condition) bool {
	if len(refused.Roles) > 0 {
		return true
	}
	hosts := p.When
	hosts.Settings = nil
	return s.test(c, p, &hosts)
}

// warnings reports the profiles that say they are not wise in this cluster.
func warnings(s *selection) {
	for _, p := range s.enabled {
		for i := range p.Warns {
			r := &p.Warns[i]
			if slices.ContainsFunc(s.classes, func(c *class) bool { return s.test(c, p, &r.When) }) {
				s.list.Warnf("P061", s.cause(p, &r.When), "", "the profile %s: %s", p.Name, r.Because).
					WithHint("%s", r.Hint).WithRelated(r.Position, "said here")
			}
		}
	}
}

// unusedNames warns about profiles that the topology names and no host gets,
// unless more was said of them.
func unusedNames(s *selection, refused map[string]bool) {
	for _, name := range slices.Sorted(maps.Keys(s.topology.Profiles)) {
		if p := s.catalog.Lookup(name); !s.topology.Profiles[name].Off && s.whole.byName[name] == nil && !refused[name] {
			s.list.Warnf("P005", s.topology.At("profiles."+name), "profiles."+name, "no host gets the profile %s", name).
				WithRelated(p.When.Position, "a host gets it where this holds")
		}
	}
}

// checkRelations finds profiles that lack one they need, or are on with one that
// they exclude.
func checkRelations(s *selection) {
	for _, u := range s.whole.instances {
		for i, other := range u.Needs {
			if s.whole.byName[other] == nil {
				checkNeed(s, u.Profile, other, fmt.Sprintf("needs[%d]", i))
			}
		}
		for i, other := range u.Excludes {
			if s.whole.byName[other] != nil {
				s.list.Errorf("P007", s.where(u.Profile), "", "the profile %s cannot stand with %s", u.Name, other).
					WithHint("%s", s.offHint(u.Profile, s.catalog.Lookup(other))).
					WithRelated(u.At(fmt.Sprintf("excludes[%d]", i)), "said here").
					WithRelated(s.where(s.catalog.Lookup(other)), "%s is selected here", other)
			}
		}
	}
}

func checkNeed(s *selection, p *profile.Profile, other, path string) {
	d := s.list.Errorf("P006", s.where(p), "", "the profile %s needs %s, which no host has", p.Name, other)
	switch u, named := s.topology.Profiles[other]; {
	case named && u.Off:
		d.WithHint("take %q out of profiles", other+": false").WithRelated(s.topology.At("profiles."+other), "switched off here")
	case s.catalog.Lookup(other) != nil && s.clusterWide(s.catalog.Lookup(other)):
		d.WithHint("no host fits the condition of %s: see its profile.yaml", other).WithRelated(s.catalog.Lookup(other).When.Position, "its condition")
	default:
		d.WithHint("add %q under profiles", other+": {}")
	}
	d.WithRelated(p.At(path), "said here")
}
