package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kubespore/kubespore/pkg/profile"
)

// scope is what the methods of Data look into: whose text it is, and on which
// host. The host is nil in manifests and in texts of the cluster.
type scope struct {
	build *build
	class *class // nil while parameters are worked out
	host  *host
	use   *instance
	chain []string // vars being worked out, to find circles
}

// data makes the dot of a template.
func (s scope) data() *Data {
	d := &Data{Cluster: s.build.cluster, Param: s.use.visible(), Var: s.vars(), Version: s.build.version}
	if s.host != nil {
		d.Host, d.System = s.host.HostFacts, s.host.class.words
	}
	d.scope = &s
	return d
}

// vars gives the map that holds the vars of the scope's profile.
func (s scope) vars() map[string]string {
	if s.host != nil {
		return s.host.varsOf(s.use)
	}
	return s.use.vars
}

// varsOf gives the vars of a profile on a host: its own where some depend on
// it, or those of its class.
func (h *host) varsOf(u *instance) map[string]string {
	if own := h.vars[u.Name]; own != nil {
		return own
	}
	return u.vars
}

// text evaluates a text of a profile. What does not depend on the host is
// evaluated once for a class.
func (b *build) text(s scope, t profile.Text) (string, bool) {
	if t.Template == nil {
		return "", true
	}
	if t.Constant() {
		return t.Raw, true
	}
	shared := !b.depends(s.use.Name, t.Reads)
	if out, ok := s.use.texts[t.Template]; ok && shared {
		return out, true
	}
	out, err := b.execute(s, t, t.Reads.Vars)
	if err != nil {
		b.template(s, err)
		return "", false
	}
	if shared {
		s.use.texts[t.Template] = out
	}
	return out, true
}

// execute evaluates a text after the vars that it uses.
func (b *build) execute(s scope, t profile.Text, vars []string) (string, error) {
	for _, name := range vars {
		if _, err := b.variable(s, name); err != nil {
			return "", err
		}
	}
	return t.Execute(s.data())
}

// textFields evaluates texts, each of which may give several words.
func (b *build) textFields(s scope, texts []profile.Text) []string {
	var out []string
	for _, t := range texts {
		text, _ := b.text(s, t)
		out = append(out, strings.Fields(text)...)
	}
	return out
}

// variable works out a var, with those that it uses before it, and keeps it.
func (b *build) variable(s scope, name string) (string, error) {
	own := varName{s.use.Name, name}
	if v, ok := s.vars()[name]; ok {
		return v, nil
	}
	i := slices.IndexFunc(s.use.Vars, func(v profile.Var) bool { return v.Name == name })
	if i < 0 {
		return "", fmt.Errorf("the profile %s has no var %s", s.use.Name, name)
	}
	t := s.use.Vars[i].Text
	link := own.profile + "." + own.name
	if slices.Contains(s.chain, link) {
		circle := append(slices.Clone(s.chain), link)
		return "", &profile.Error{Position: t.Position, Message: "the var depends on itself: " + strings.Join(circle, " uses "), Hint: "break the circle"}
	}
	bound := b.isBound(own)
	if bound && s.host == nil {
		return "", &profile.Error{Position: t.Position, Message: fmt.Sprintf("the var %s looks at the host, and there is none here", name),
			Hint: "manifests and texts of the cluster may use only vars that are the same for all hosts"}
	}
	s.chain = append(slices.Clone(s.chain), link)
	needed := t.Reads.Vars
	if t.Reads.Whole {
		needed = nil
		for _, v := range s.use.Vars[:i] {
			needed = append(needed, v.Name)
		}
	}
	if bound {
		s.host.ownVars(s.use)
	}
	text, err := b.execute(s, t, needed)
	if err != nil {
		return "", err
	}
	s.vars()[name] = text
	return text, nil
}

// ownVars gives the host a map of vars of its own, which begins as the one
// that it shares.
func (h *host) ownVars(u *instance) {
	if h.vars[u.Name] != nil {
		return
	}
	own := make(map[string]string, len(u.Vars))
	for k, v := range u.vars {
		own[k] = v
	}
	if h.vars == nil {
		h.vars = map[string]map[string]string{}
	}
	h.vars[u.Name] = own
}

// isBound says whether a var depends on the host.
func (b *build) isBound(v varName) bool {
	if bound, known := b.bound[v]; known {
		return bound
	}
	b.bound[v] = false // for circles, which are found when the var is worked out
	p := b.catalog.Lookup(v.profile)
	if p == nil {
		return false
	}
	for _, w := range p.Vars {
		if w.Name == v.name {
			b.bound[v] = b.depends(v.profile, w.Text.Reads)
		}
	}
	return b.bound[v]
}

// readsHost says whether a template looks at the host by itself, apart from the
// vars that it reads.
func (b *build) readsHost(u profile.Reads) bool {
	return u.Host || u.Each || u.Whole || u.Collects && b.collectBound
}

// depends says whether what a template looks at is the host's own, rather than
// its class's.
func (b *build) depends(name string, u profile.Reads) bool {
	return b.readsHost(u) || slices.ContainsFunc(u.Vars, func(v string) bool { return b.isBound(varName{name, v}) }) ||
		slices.ContainsFunc(u.VarsOf, func(v [2]string) bool { return b.isBound(varName{v[0], v[1]}) }) ||
		slices.ContainsFunc(u.Slots, func(v [2]string) bool {
			return slices.ContainsFunc(b.catalog.Providers(v[0]), func(p *profile.Profile) bool { return b.isBound(varName{p.Name, profile.SlotVar(v[1])}) })
		})
}

// useOf gives a profile as the scope's host has it. A profile that is selected
// elsewhere is seen with the cluster's parameters.
func (s scope) useOf(name string) (*instance, error) {
	if s.class != nil {
		if u := s.class.byName[name]; u != nil {
			return u, nil
		}
	}
	if whole := s.build.whole; whole != nil {
		if u := whole.byName[name]; u != nil {
			return &instance{Profile: u.Profile, params: u.params, vars: map[string]string{}, texts: map[*profile.Template]string{}}, nil
		}
	}
	return nil, fmt.Errorf("the profile %s is not selected: ask {{ if .Has %q }} first, or add it to needs", name, name)
}
