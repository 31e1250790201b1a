package plan

import (
	"slices"

	"github.com/kubespore/kubespore/pkg/profile"
)

// binding says which texts of profiles depend on the host they are written for.
// Every other text is the same on all hosts of a class, and is worked out once.
type binding struct {
	catalog  *profile.Catalog
	vars     map[varName]bool
	collects bool // what .Ports and its like give depends on the host
}

// varName names a var of a profile.
type varName struct{ profile, name string }

// newBinding looks at the profiles that are switched on somewhere.
func newBinding(catalog *profile.Catalog, enabled []*profile.Profile) *binding {
	// A text that looks at what is collected cannot be part of it, so that it
	// counts as bound while the question is whether what is collected is.
	b := &binding{catalog: catalog, vars: map[varName]bool{}, collects: true}
	b.collects = slices.ContainsFunc(enabled, b.collectsBound)
	clear(b.vars)
	for _, p := range catalog.Profiles {
		for _, v := range p.Vars {
			b.isBound(varName{p.Name, v.Name})
		}
	}
	return b
}

// collectsBound says whether something that a profile adds to what is collected
// depends on the host.
func (b *binding) collectsBound(p *profile.Profile) bool {
	texts := []profile.Text{p.Packages}
	for _, x := range p.Ports {
		texts = append(texts, x.Port, x.From)
	}
	for _, x := range p.Sysctls {
		texts = append(texts, x.Value)
	}
	for _, x := range p.Leaves {
		texts = append(texts, x.Value)
	}
	for _, x := range p.Binaries {
		texts = append(texts, x.Path, x.Version, x.URL, x.Member)
	}
	return slices.ContainsFunc(texts, func(t profile.Text) bool { return t.Template != nil && b.depends(p.Name, t.Reads) })
}

// isBound says whether a var depends on the host.
func (b *binding) isBound(v varName) bool {
	if bound, known := b.vars[v]; known {
		return bound
	}
	b.vars[v] = false // for circles, which are found when the var is worked out
	p := b.catalog.Lookup(v.profile)
	if p == nil {
		return false
	}
	for _, w := range p.Vars {
		if w.Name == v.name {
			b.vars[v] = b.depends(v.profile, w.Text.Reads)
		}
	}
	return b.vars[v]
}

// readsHost says whether a template looks at the host by itself, apart from the
// vars that it reads.
func (b *binding) readsHost(u profile.Reads) bool {
	return u.Host || u.Each || u.Whole || u.Collects && b.collects
}

// depends says whether what a template of a profile looks at is the host's own,
// rather than its class's.
func (b *binding) depends(name string, u profile.Reads) bool {
	return b.readsHost(u) || slices.ContainsFunc(u.Vars, func(v string) bool { return b.isBound(varName{name, v}) }) ||
		slices.ContainsFunc(u.VarsOf, func(v [2]string) bool { return b.isBound(varName{v[0], v[1]}) }) ||
		slices.ContainsFunc(u.Slots, func(v [2]string) bool {
			return slices.ContainsFunc(b.catalog.Providers(v[0]), func(p *profile.Profile) bool { return b.isBound(varName{p.Name, profile.SlotVar(v[0], v[1])}) })
		})
}
