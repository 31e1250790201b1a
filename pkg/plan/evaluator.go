package plan

import (
	"strings"

	"github.com/kubespore/kubespore/pkg/profile"
)

// Evaluator gives the templates of a plan what they look into. A plan itself is
// a value: the code that renders it is given the Evaluator as well. It may be used by
// several goroutines at once.
type Evaluator struct {
	evaluation *evaluation
	hosts      map[string]*host // by name
}

// newEvaluator makes the Evaluator of a finished plan, and one without hosts
// where planning ended before.
func newEvaluator(e *evaluation) *Evaluator {
	out := &Evaluator{evaluation: e, hosts: map[string]*host{}}
	if e != nil {
		for _, h := range e.hosts {
			out.hosts[h.Name] = h
		}
	}
	return out
}

// Host gives the dot of a profile's templates on a host.
func (e *Evaluator) Host(host, name string) *Data {
	h := e.hosts[host]
	return e.evaluation.on(h, h.class.byName[name]).data()
}

// Manifests gives the dot of a profile's manifests, which do not depend on a host.
func (e *Evaluator) Manifests(name string) *Data {
	return e.evaluation.inCluster(e.evaluation.whole.byName[name]).data()
}

// SharedText identifies a text that several hosts share.
type SharedText struct {
	template *profile.Template
	class    *class
	vars     string // the values of those that the text reads
}

// Shared says whether a template's text is the same for all hosts for which the
// result is equal: no condition, role or parameter tells them apart, and vars
// that the text reads have the same values.
func (e *Evaluator) Shared(host, name string, t *profile.Template) (SharedText, bool) {
	if e.evaluation.binding.readsHost(t.Reads) {
		return SharedText{}, false
	}
	h := e.hosts[host]
	var vars strings.Builder
	for _, v := range t.Reads.Vars {
		vars.WriteString(h.varsOf(h.class.byName[name])[v] + "\x00")
	}
	for _, v := range t.Reads.VarsOf {
		other := h.class.byName[v[0]]
		if other == nil {
			return SharedText{}, false
		}
		vars.WriteString(h.varsOf(other)[v[1]] + "\x00")
	}
	for _, v := range t.Reads.Slots {
		if p := h.class.slots[v[0]]; p != nil {
			vars.WriteString(h.varsOf(h.class.byName[p.Name])[profile.SlotVar(v[0], v[1])])
		}
		vars.WriteByte(0)
	}
	return SharedText{t, h.class, vars.String()}, true
}
