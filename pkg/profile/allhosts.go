package profile

import (
	"fmt"
	"maps"
	"slices"

	"github.com/kubespore/kubespore/pkg/diag"
)

// allHostsCheck holds profiles without `readsAllHosts: true` to their word: a new worker changes
// nothing on other workers. What looks at every host may be in manifests, in
// fragments for control planes only and in the files that these name, and
// anywhere in a profile that only control planes get.
type allHostsCheck struct {
	catalog *Catalog
	vars    map[[2]string]bool // profile, var -> looks at every host
	list    *diag.List
}

func (c *Catalog) checkMesh(list *diag.List) {
	m := &allHostsCheck{catalog: c, vars: map[[2]string]bool{}, list: list}
	for _, p := range c.Profiles {
		for _, q := range p.Params {
			if t, ok := q.Default.(Text); ok {
				m.check(p, t.Template, "take it out: other profiles may read a parameter, and cannot know")
			}
		}
		if !p.ReadsAllHosts && !p.When.onlyControlPlanes() {
			m.profile(p)
		}
	}
}

// onlyControlPlanes says whether a condition holds on no other host.
func (c *Condition) onlyControlPlanes() bool {
	return slices.Equal(c.Roles, []string{"control-plane"})
}

const allHostsHint = "write readsAllHosts: true in profile.yaml, or keep it to manifests and to fragments with when: {roles: [control-plane]}"

func (m *allHostsCheck) profile(p *Profile) {
	for _, t := range p.allTexts() {
		m.check(p, t.Template, allHostsHint)
	}
	files := map[string]bool{}
	for _, f := range p.Fragments {
		if f.When.onlyControlPlanes() {
			continue
		}
		files[f.File] = true
		for _, file := range p.locals[f.File] {
			files[file] = true
		}
	}
	for _, file := range slices.Sorted(maps.Keys(files)) {
		if t := p.Templates[file]; t != nil {
			m.check(p, t, allHostsHint)
		}
	}
}

// check reports what a template has that looks at every host.
func (m *allHostsCheck) check(p *Profile, t *Template, hint string) {
	for _, r := range t.refs {
		if what := m.looks(p, r); what != "" {
			m.report(t.offset(r.pos), what, hint)
		}
	}
}

func (m *allHostsCheck) report(at diag.Position, what, hint string) {
	m.list.Errorf("F015", at, "", "%s looks at every host, so that a new worker would change the documents of others", what).WithHint("%s", hint)
}

// looks names a reference that looks at every host.
func (m *allHostsCheck) looks(p *Profile, r reference) string {
	switch {
	case r.kind == kindEveryHost:
		return r.name
	case r.kind == "Var" && m.looksVar(p.Name, r.name):
		return "the var " + r.name
	case r.kind == "VarOf" && m.looksVar(r.profile, r.name):
		return fmt.Sprintf("the var %s of %s", r.name, r.profile)
	}
	if r.kind == "Slot" {
		for _, q := range m.catalog.Providers(r.profile) {
			if m.looksVar(q.Name, SlotVar(r.profile, r.name)) {
				return fmt.Sprintf("what %s hands on as %s", q.Name, r.name)
			}
		}
	}
	return ""
}

// looksVar says whether a var looks at every host, by itself or by others.
func (m *allHostsCheck) looksVar(profile, name string) bool {
	v := [2]string{profile, name}
	if looks, known := m.vars[v]; known {
		return looks
	}
	m.vars[v] = false // for circles, which the plan reports
	p := m.catalog.Lookup(profile)
	if p == nil {
		return false
	}
	for _, w := range p.Vars {
		if w.Name == name {
			m.vars[v] = slices.ContainsFunc(w.Text.refs, func(r reference) bool { return m.looks(p, r) != "" })
		}
	}
	return m.vars[v]
}
