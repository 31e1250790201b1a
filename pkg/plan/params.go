package plan

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/kubespore/kubespore/pkg/profile"
	"github.com/kubespore/kubespore/pkg/topology"
)

// setParams works out the parameters of every profile as the cluster sets
// them, and checks what hosts say.
func (b *build) setParams() {
	for _, p := range b.enabled {
		given := b.topology.Profiles[p.Name].Params
		path := "profiles." + p.Name
		b.unknownParams(p, given, path)
		params := make(map[string]any, len(p.Params))
		b.base[p.Name] = params
		u := &instance{Profile: p, params: params, vars: map[string]string{}}
		for i := range p.Params {
			q := &p.Params[i]
			params[q.Name] = b.param(u, q, given, path)
		}
	}
	checked := map[string]bool{}
	for i := range b.topology.Hosts {
		h := &b.topology.Hosts[i]
		if !checked[h.Path] { // hosts of a range say the same
			checked[h.Path] = true
			b.checkOverrides(h)
		}
	}
}

// param works out one parameter: what the topology says, else the default.
func (b *build) param(u *instance, q *profile.Param, given map[string]any, path string) any {
	if v, ok := given[q.Name]; ok && v != nil {
		accepted, good := b.accept(q, v, path+"."+q.Name)
		if good {
			return accepted
		}
		return q.Zero()
	}
	if q.Required {
		b.errorAt("P011", b.where(u.Profile), path, "the profile %s needs the parameter %s", u.Name, q.Name).
			WithHint("add %s under %s: %s", q.Name, path, q.Doc).WithRelated(q.Position, "declared here")
		return q.Zero()
	}
	switch d := q.Default.(type) {
	case nil:
		return q.Zero()
	case profile.Text:
		s := scope{build: b, use: u}
		text, err := d.Execute(s.data())
		if err != nil {
			b.template(s, err)
			return q.Zero()
		}
		if strings.TrimSpace(text) == "" {
			return q.Zero() // there is nothing to go by in this cluster
		}
		v, problems := q.FromText(text)
		for _, w := range problems {
			b.errorAt("P012", d.Position, "", "the default of %s does not fit: %s", q.Name, w.Message).
				WithHint("set %s under %s, or correct the profile", q.Name, path)
		}
		if len(problems) > 0 {
			return q.Zero()
		}
		return v
	default:
		return d
	}
}

// accept checks a value of the topology.
func (b *build) accept(q *profile.Param, v any, path string) (any, bool) {
	accepted, problems := q.Accept(v)
	for _, w := range problems {
		d := b.list.Errorf(cmp.Or(w.Code, "P013"), b.topology.At(path+w.Path), path+w.Path, "%s", w.Message).WithRelated(q.Position, "%s", q.Doc)
		if w.Hint != "" {
			d.WithHint("%s", w.Hint)
		}
	}
	if len(problems) == 0 && q.Type == "hosts" {
		for i, name := range accepted.([]any) {
			if _, known := b.named[name.(string)]; !known {
				where := path + indexPath(i)
				b.list.Errorf("P014", b.topology.At(where), where, "there is no host %s", name).
					WithHint("%s", suggest(name.(string), slices.Sorted(maps.Keys(b.named)), "hosts"))
			}
		}
	}
	return accepted, len(problems) == 0
}

func (b *build) unknownParams(p *profile.Profile, given map[string]any, path string) {
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if p.Param(name) == nil {
			b.errorAt("P015", b.topology.At(path+"."+name), path+"."+name, "the profile %s has no parameter %s", p.Name, name).
				WithHint("%s", suggest(name, p.ParamNames(), "parameters")).WithRelated(p.Position, "the profile")
		}
	}
}

// checkOverrides checks the parameters that a host sets.
func (b *build) checkOverrides(h *topology.Host) {
	for _, name := range slices.Sorted(maps.Keys(h.Profiles)) {
		p, path := b.catalog.Lookup(name), h.Path+".profiles."+name
		if p == nil {
			continue
		}
		given := h.Profiles[name].Params
		b.unknownParams(p, given, path)
		for _, key := range slices.Sorted(maps.Keys(given)) {
			q := p.Param(key)
			if q == nil {
				continue
			}
			if !q.PerHost {
				where := path + "." + key
				b.errorAt("P016", b.topology.At(where), where, "%s is the same for the whole cluster", key).
					WithHint("move it to profiles.%s", name).WithRelated(q.Position, "declared here without perHost")
				continue
			}
			b.accept(q, given[key], path+"."+key)
		}
	}
}

// paramsFor gives the parameters of a profile on a class; hosts that set none
// share the cluster's.
func (b *build) paramsFor(c *class, p *profile.Profile) map[string]any {
	if c == nil {
		return b.base[p.Name]
	}
	if u := c.byName[p.Name]; u != nil {
		return u.params
	}
	given := c.overrides[p.Name].Params
	if len(given) == 0 {
		return b.base[p.Name]
	}
	params := maps.Clone(b.base[p.Name])
	for name, v := range given {
		if q := p.Param(name); q != nil && q.PerHost && v != nil {
			accepted, problems := q.Accept(v)
			if len(problems) > 0 {
				continue
			}
			if below, ok := params[name].(map[string]any); ok && q.FieldsOf != "" {
				// What a host says of a configuration is laid over the cluster's.
				over := maps.Clone(below)
				maps.Copy(over, accepted.(map[string]any))
				accepted = over
			}
			params[name] = accepted
		}
	}
	return params
}
