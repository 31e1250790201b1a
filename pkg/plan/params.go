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

// paramResolver works out parameters.
type paramResolver struct {
	scope              // of the profile, before anything is selected
	hostNames []string // sorted
}

// resolveParams works out the parameters of every profile as the cluster sets
// them, by profile, and checks what hosts say.
func resolveParams(w *world, report *reporter, b *binding, enabled []*profile.Profile) map[string]map[string]any {
	r := &paramResolver{scope: scope{evaluation: unselected(w, report, b)}}
	for _, h := range w.cluster.Hosts {
		r.hostNames = append(r.hostNames, h.Name)
	}
	out := map[string]map[string]any{}
	for _, p := range enabled {
		given := r.topology.Profiles[p.Name].Params
		path := "profiles." + p.Name
		r.unknownParams(p, given, path)
		params := make(map[string]any, len(p.Params))
		out[p.Name] = params
		r.instance = &instance{Profile: p, params: params, vars: map[string]string{}}
		for i := range p.Params {
			q := &p.Params[i]
			params[q.Name] = r.param(q, given, path)
		}
		for i := range p.Params {
			r.among(&p.Params[i], params, given, path)
		}
	}
	checked := map[string]bool{}
	for i := range r.topology.Hosts {
		h := &r.topology.Hosts[i]
		if !checked[h.Path] { // hosts of a range say the same
			checked[h.Path] = true
			r.checkOverrides(h)
		}
	}
	return out
}

// param works out one parameter: what the topology or a file of the user says, else the
// default.
func (r *paramResolver) param(q *profile.Param, given map[string]any, path string) any {
	if q.From != nil {
		if v, found := r.fromFile(q, path); found {
			return v
		}
		return r.fallback(q, path)
	}
	if v, ok := given[q.Name]; ok && v != nil {
		accepted, good := r.accept(q, v, path+"."+q.Name)
		if good {
			return accepted
		}
		return q.Zero()
	}
	if q.Required {
		r.errorAt("P011", r.where(r.instance.Profile), path, "the profile %s needs the parameter %s", r.instance.Name, q.Name).
			WithHint("add %s under %s: %s", q.Name, path, q.Doc).WithRelated(q.Position, "declared here")
		return q.Zero()
	}
	return r.fallback(q, path)
}

// fallback is what counts when nothing says the parameter.
func (r *paramResolver) fallback(q *profile.Param, path string) any {
	switch d := q.Default.(type) {
	case nil:
		return q.Zero()
	case profile.Text:
		text, err := d.Execute(r.data())
		if err != nil {
			r.fail(err)
			return q.Zero()
		}
		if strings.TrimSpace(text) == "" {
			return q.Zero() // there is nothing to go by in this cluster
		}
		v, problems := q.FromText(text)
		for _, w := range problems {
			r.errorAt("P012", d.Position, "", "the default of %s does not fit: %s", q.Name, w.Message).
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
func (r *paramResolver) accept(q *profile.Param, v any, path string) (any, bool) {
	accepted, problems := q.Accept(v)
	for _, w := range problems {
		d := r.list.Errorf(cmp.Or(w.Code, "P013"), r.topology.At(path+w.Path), path+w.Path, "%s", w.Message).WithRelated(q.Position, "%s", q.Doc)
		if w.Hint != "" {
			d.WithHint("%s", w.Hint)
		}
	}
	if len(problems) == 0 && q.Type == "hosts" {
		for i, name := range accepted.([]any) {
			if _, known := slices.BinarySearch(r.hostNames, name.(string)); !known {
				where := path + indexPath(i)
				r.list.Errorf("P014", r.topology.At(where), where, "there is no host %s", name).
					WithHint("%s", suggest(name.(string), r.hostNames, "hosts"))
			}
		}
	}
	return accepted, len(problems) == 0
}

// among holds fields of elements that name a host against the parameter that lists
// the hosts that they may be; the only one of these need not be said.
func (r *paramResolver) among(q *profile.Param, params, given map[string]any, path string) {
	list, _ := params[q.Name].([]any)
	for i := range q.Fields {
		f := &q.Fields[i]
		hosts := asTexts(params[f.Among], "")
		if f.Among == "" || len(hosts) == 0 && given[f.Among] != nil {
			continue // what was said of the hosts is wrong
		}
		known := fmt.Sprintf("write %s: %s, or add a host to %s", f.Name, strings.Join(hosts, " or "), f.Among)
		if len(hosts) == 0 {
			known = fmt.Sprintf("add %s: [NAME], with the name of a host", f.Among)
		}
		filled := make([]any, len(list))
		for n, e := range list {
			element, where := maps.Clone(e.(map[string]any)), path+"."+q.Name+indexPath(n)
			switch name, _ := element[f.Name].(string); {
			case name == "" && len(hosts) == 1:
				element[f.Name] = hosts[0]
			case name == "":
				r.list.Errorf("P011", r.topology.At(where), where, "%s is missing, and %s.%s lists %d hosts", f.Name, path, f.Among, len(hosts)).
					WithHint("%s", known).WithRelated(f.Position, "%s", f.Doc)
			case !slices.Contains(hosts, name):
				r.list.Errorf("P014", r.topology.At(where+"."+f.Name), where+"."+f.Name, "%s is not one of %s.%s", name, path, f.Among).
					WithHint("%s", known).WithRelated(f.Position, "%s", f.Doc)
			}
			filled[n] = element
		}
		params[q.Name], list = filled, filled
	}
}

func (r *paramResolver) unknownParams(p *profile.Profile, given map[string]any, path string) {
	for _, name := range slices.Sorted(maps.Keys(given)) {
		q := p.Param(name)
		if q != nil && q.From != nil {
			r.errorAt("P071", r.topology.At(path+"."+name), path+"."+name, "%s is read from the file that %s names, and not said here", name, q.From.Param).
				WithHint("take it out, and change %s of %s in the file", strings.Join(q.From.Path, "."), q.From.Object).WithRelated(q.Position, "%s", q.Doc)
		}
		if q == nil {
			r.errorAt("P015", r.topology.At(path+"."+name), path+"."+name, "the profile %s has no parameter %s", p.Name, name).
				WithHint("%s", suggest(name, p.Settable(), "parameters")).WithRelated(p.Position, "the profile")
		}
	}
}

// checkOverrides checks the parameters that a host sets.
func (r *paramResolver) checkOverrides(h *topology.Host) {
	for _, name := range slices.Sorted(maps.Keys(h.Profiles)) {
		p, path := r.catalog.Lookup(name), h.Path+".profiles."+name
		if p == nil {
			continue
		}
		given := h.Profiles[name].Params
		r.unknownParams(p, given, path)
		for _, key := range slices.Sorted(maps.Keys(given)) {
			q := p.Param(key)
			if q == nil || q.From != nil {
				continue // said above
			}
			if !q.PerHost {
				where := path + "." + key
				r.errorAt("P016", r.topology.At(where), where, "%s is the same for the whole cluster", key).
					WithHint("move it to profiles.%s", name).WithRelated(q.Position, "declared here without perHost")
				continue
			}
			r.accept(q, given[key], path+"."+key)
		}
	}
}

// paramsFor gives the parameters of a profile on a class; hosts that set none
// share the cluster's.
func (s *selection) paramsFor(c *class, p *profile.Profile) map[string]any {
	if c == nil {
		return s.base[p.Name]
	}
	if u := c.byName[p.Name]; u != nil {
		return u.params
	}
	given := c.overrides[p.Name].Params
	if len(given) == 0 {
		return s.base[p.Name]
	}
	params := maps.Clone(s.base[p.Name])
	for name, v := range given {
		if q := p.Param(name); q != nil && q.PerHost && v != nil {
			accepted, problems := q.Accept(v)
			if len(problems) > 0 {
				continue
			}
			if below, ok := params[name].(map[string]any); ok && q.LaidOver() {
				joined := maps.Clone(below)
				maps.Copy(joined, accepted.(map[string]any))
				accepted = joined
			}
			params[name] = accepted
		}
	}
	return params
}
