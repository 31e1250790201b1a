package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kubespore/kubespore/pkg/profile"
)

// evaluation works out the texts of profiles, for each class and for each host.
type evaluation struct {
	*selection
	binding *binding
}

// unselected works out texts before anything is selected: they see the cluster
// and no profile.
func unselected(w *world, r *reporter, b *binding) *evaluation {
	return &evaluation{&selection{world: w, reporter: r}, b}
}

// evaluate works out vars: first those of classes, then those of hosts.
func evaluate(s *selection, b *binding) *evaluation {
	e := &evaluation{s, b}
	for _, c := range append(slices.Clone(e.classes), e.whole) {
		for _, u := range c.instances {
			scope{evaluation: e, class: c, instance: u}.keepVars(false)
		}
	}
	for _, h := range e.hosts {
		for _, u := range h.class.instances {
			e.on(h, u).keepVars(true)
		}
	}
	return e
}

// on is the scope of a profile on a host.
func (e *evaluation) on(h *host, u *instance) scope {
	return scope{evaluation: e, class: h.class, host: h, instance: u}
}

// inCluster is the scope of a profile in the cluster as a whole.
func (e *evaluation) inCluster(u *instance) scope {
	return scope{evaluation: e, class: e.whole, instance: u}
}

// scope is what the methods of Data look into: whose text it is, and on which
// host. The host is nil in manifests and in texts of the cluster.
type scope struct {
	*evaluation
	class    *class // nil while parameters are worked out
	host     *host
	instance *instance
	chain    []string // vars being worked out, to find circles
}

// applies says whether a condition of the scope's profile holds.
func (s scope) applies(when *profile.Condition) bool {
	return s.holds(s.class, s.instance.Profile, when)
}

// keepVars works out the profile's vars that depend on the host, or those that do
// not, for later; what goes wrong is reported.
func (s scope) keepVars(bound bool) {
	for i := range s.instance.Vars {
		name := s.instance.Vars[i].Name
		if s.binding.isBound(varName{s.instance.Name, name}) != bound {
			continue
		}
		if _, err := s.variable(name); err != nil {
			s.fail(err)
		}
	}
}

// data makes the dot of a template.
func (s scope) data() *Data {
	d := &Data{Cluster: s.cluster, Param: s.instance.visible(), Var: s.vars(), Version: s.version}
	if s.host != nil {
		d.Host, d.System = s.host.HostFacts, s.host.class.systemData
	}
	d.scope, d.keyRings, d.userFiles = &s, keyRings{d}, userFiles{&s}
	return d
}

// vars gives the map that holds the vars of the scope's profile.
func (s scope) vars() map[string]string {
	if s.host != nil {
		return s.host.varsOf(s.instance)
	}
	return s.instance.vars
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
func (s scope) text(t profile.Text) (string, bool) {
	if t.Template == nil {
		return "", true
	}
	if t.Constant() {
		return t.Raw, true
	}
	shared := !s.binding.depends(s.instance.Name, t.Reads)
	if out, ok := s.instance.texts[t.Template]; ok && shared {
		return out, true
	}
	out, err := s.execute(t, t.Reads.Vars)
	if err != nil {
		s.fail(err)
		return "", false
	}
	if shared {
		s.instance.texts[t.Template] = out
	}
	return out, true
}

// execute evaluates a text after the vars that it uses.
func (s scope) execute(t profile.Text, vars []string) (string, error) {
	for _, name := range vars {
		if _, err := s.variable(name); err != nil {
			return "", err
		}
	}
	return t.Execute(s.data())
}

// fields evaluates a text that may give several words.
func (s scope) fields(t profile.Text) []string {
	text, _ := s.text(t)
	return strings.Fields(text)
}

// variable works out a var, with those that it uses before it, and keeps it.
func (s scope) variable(name string) (string, error) {
	own := varName{s.instance.Name, name}
	if v, ok := s.vars()[name]; ok {
		return v, nil
	}
	i := slices.IndexFunc(s.instance.Vars, func(v profile.Var) bool { return v.Name == name })
	if i < 0 {
		return "", fmt.Errorf("the profile %s has no var %s", s.instance.Name, name)
	}
	t := s.instance.Vars[i].Text
	link := own.profile + "." + own.name
	if slices.Contains(s.chain, link) {
		circle := append(slices.Clone(s.chain), link)
		return "", &profile.Error{Position: t.Position, Message: "the var depends on itself: " + strings.Join(circle, " uses "), Hint: "break the circle"}
	}
	bound := s.binding.isBound(own)
	if bound && s.host == nil {
		return "", &profile.Error{Position: t.Position, Message: fmt.Sprintf("the var %s looks at the host, and there is none here", name),
			Hint: "manifests and texts of the cluster may use only vars that are the same for all hosts"}
	}
	s.chain = append(slices.Clone(s.chain), link)
	needed := t.Reads.Vars
	if t.Reads.Whole {
		needed = nil
		for _, v := range s.instance.Vars[:i] {
			needed = append(needed, v.Name)
		}
	}
	if bound {
		s.host.ownVars(s.instance)
	}
	text, err := s.execute(t, needed)
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

// instanceOf gives a profile as the scope's host has it. A profile that is selected
// elsewhere is seen with the cluster's parameters.
func (s scope) instanceOf(name string) (*instance, error) {
	if s.class != nil {
		if u := s.class.byName[name]; u != nil {
			return u, nil
		}
	}
	if whole := s.whole; whole != nil {
		if u := whole.byName[name]; u != nil {
			return &instance{Profile: u.Profile, params: u.params, vars: map[string]string{}, texts: map[*profile.Template]string{}}, nil
		}
	}
	return nil, fmt.Errorf("the profile %s is not selected: ask {{ if .Has %q }} first, or add it to needs", name, name)
}
