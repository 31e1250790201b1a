package profile

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/kubespore/kubespore/pkg/diag"
)

// check holds the parts of a profile against each other.
func (p *Profile) check(list *diag.List) {
	vars := map[string]int{}
	for i, v := range p.Vars {
		vars[v.Name] = i
	}
	for i, v := range p.Vars {
		p.references(v.Text.Template, i, vars, list)
	}
	for _, t := range p.allTexts() {
		p.references(t.Template, len(p.Vars), vars, list)
	}
	for _, file := range slices.Sorted(maps.Keys(p.Templates)) {
		p.references(p.Templates[file], len(p.Vars), vars, list)
	}
	for _, c := range p.Conditions() {
		p.condition(c, list)
	}
	for i := range p.Params {
		if f := p.Params[i].From; f != nil && !slices.ContainsFunc(p.Params[:i], func(q Param) bool { return q.Name == f.Param && q.Type == FileParam && !q.PerHost }) {
			list.Errorf("F010", f.Position, "", "no parameter %s of type file stands before %s, which is read from it", f.Param, p.Params[i].Name).
				WithHint("declare the file first: params: {%s: {type: file, ...}}", f.Param)
		}
		for _, f := range p.Params[i].Fields {
			if f.From != nil {
				list.Errorf("F006", f.From.Position, "", "a key of an element is not read from a file").WithHint("take from out, or make %s a parameter of its own", f.Name)
			}
			if q := p.Param(f.Among); f.Among != "" && (q == nil || q.Type != "hosts") {
				list.Errorf("F010", f.Position, "", "%s is to be among a parameter %s of type hosts that the profile does not have", f.Name, f.Among).
					WithHint("among names a parameter: params: {%s: {type: hosts, ...}}", f.Among)
			} else if f.Among != "" && p.Params[i].PerHost {
				list.Errorf("F010", f.Position, "", "a host cannot say which of %s it is about", f.Among).WithHint("take perHost out")
			}
		}
	}
}

// references checks the names of parameters and vars that a template reads.
// Vars from the given index on are not there yet.
func (p *Profile) references(t *Template, before int, vars map[string]int, list *diag.List) {
	for _, r := range t.refs {
		switch i, known := vars[r.name]; {
		case r.kind == "Param" && p.Param(r.name) == nil:
			list.Errorf("F010", t.offset(r.pos), "", "the profile has no parameter %s", r.name).
				WithHint("%s", hintFor(r.name, p.ParamNames(), "parameters"))
		case r.kind == "Var" && !known:
			list.Errorf("F010", t.offset(r.pos), "", "the profile has no var %s", r.name).
				WithHint("%s", hintFor(r.name, slices.Sorted(maps.Keys(vars)), "vars"))
		case r.kind == "Var" && i >= before:
			list.Errorf("F010", t.offset(r.pos), "", "the var %s is not there yet: vars are made in the order of the file", r.name).
				WithHint("move %s up, before the var that uses it", r.name)
		}
	}
}

// condition checks the parameters that a condition names.
func (p *Profile) condition(c *Condition, list *diag.List) {
	for _, key := range slices.Sorted(maps.Keys(c.Params)) {
		name, field, ofElements := strings.Cut(key, ".")
		q := p.Param(name)
		if q == nil {
			list.Errorf("F010", c.Position, "", "the condition names a parameter %s that the profile does not have", name).
				WithHint("%s", hintFor(name, p.ParamNames(), "parameters"))
		} else if ofElements && !slices.ContainsFunc(q.Fields, func(f Param) bool { return f.Name == field }) {
			list.Errorf("F010", c.Position, "", "the elements of %s have no field %s, which the condition names", name, field).
				WithHint("declare it under fields of %s", name)
		}
	}
	if q := p.Param(c.Hosts); c.Hosts != "" && (q == nil || q.Type != "hosts") {
		list.Errorf("F010", c.Position, "", "the condition names a parameter %s of type hosts that the profile does not have", c.Hosts).
			WithHint("hosts names a parameter: params: {%s: {type: hosts, ...}}", c.Hosts)
	}
}

// Conditions gives every condition of the profile with those inside it.
func (p *Profile) Conditions() []*Condition {
	var out []*Condition
	add := func(c *Condition) { out = append(out, c.All()...) }
	deposits := func(list []Deposit) {
		for i := range list {
			add(&list[i].When)
		}
	}
	add(&p.When)
	for i := range p.Provides {
		add(&p.Provides[i].When)
	}
	for i := range p.Refuses {
		add(&p.Refuses[i].When)
	}
	for i := range p.Warns {
		add(&p.Warns[i].When)
	}
	for i := range p.Advises {
		add(&p.Advises[i].When)
	}
	for i := range p.Authorities {
		deposits(p.Authorities[i].Deposits)
	}
	for i := range p.Secrets {
		add(&p.Secrets[i].When)
		deposits(p.Secrets[i].Deposits)
	}
	for i := range p.Certs {
		add(&p.Certs[i].When)
		deposits(p.Certs[i].Deposits)
	}
	for i := range p.Images {
		add(&p.Images[i].When)
	}
	for i := range p.Binaries {
		add(&p.Binaries[i].When)
	}
	for i := range p.Ports {
		add(&p.Ports[i].When)
	}
	for i := range p.Programs {
		add(&p.Programs[i].When)
	}
	for i := range p.Modules {
		add(&p.Modules[i].When)
	}
	for i := range p.Sysctls {
		add(&p.Sysctls[i].When)
	}
	for i := range p.Interfaces {
		add(&p.Interfaces[i].When)
	}
	for i := range p.Leaves {
		add(&p.Leaves[i].When)
	}
	for i := range p.Fragments {
		add(&p.Fragments[i].When)
	}
	for i := range p.Manifests {
		add(&p.Manifests[i].When)
	}
	return out
}

// All gives the condition and those that it is made of.
func (c *Condition) All() []*Condition {
	out := []*Condition{c}
	for i := range c.Any {
		out = append(out, c.Any[i].All()...)
	}
	if c.Not != nil {
		out = append(out, c.Not.All()...)
	}
	return out
}

// allTexts gives every text of profile.yaml but vars and files.
func (p *Profile) allTexts() []Text {
	var out []Text
	add := func(texts ...Text) {
		for _, t := range texts {
			if t.Template != nil {
				out = append(out, t)
			}
		}
	}
	deposits := func(list []Deposit) {
		for _, x := range list {
			add(x.Path, x.User, x.Group, x.Server)
		}
	}
	for _, a := range p.Authorities {
		deposits(a.Deposits)
	}
	for _, s := range p.Secrets {
		deposits(s.Deposits)
	}
	for _, c := range p.Certs {
		add(c.CommonName)
		add(c.Organizations...)
		add(c.SANs...)
		deposits(c.Deposits)
		if c.Output != nil {
			add(c.Output.Server)
		}
	}
	add(p.Packages)
	for _, i := range p.Images {
		add(i.Ref)
	}
	for _, b := range p.Binaries {
		add(b.Path, b.Version, b.URL, b.Member)
	}
	for _, x := range p.Ports {
		add(x.Port, x.From)
	}
	for _, s := range p.Sysctls {
		add(s.Value)
	}
	for _, l := range p.Leaves {
		add(l.Value)
	}
	for _, x := range p.Bounds {
		add(x.Value, x.AtMost)
	}
	return out
}

// everyTemplate gives all templates of the profile.
func (p *Profile) everyTemplate() []*Template {
	var out []*Template
	for _, v := range p.Vars {
		out = append(out, v.Text.Template)
	}
	for _, t := range p.allTexts() {
		out = append(out, t.Template)
	}
	for _, file := range slices.Sorted(maps.Keys(p.Templates)) {
		out = append(out, p.Templates[file])
	}
	for _, q := range p.Params {
		if t, ok := q.Default.(Text); ok {
			out = append(out, t.Template)
		}
	}
	return out
}

// check holds the profiles of a catalog against each other.
func (c *Catalog) check(list *diag.List) {
	known := known{authorities: map[string]bool{}, secrets: map[string]bool{}, profiles: c.Names()}
	for _, p := range c.Profiles {
		for _, a := range p.Authorities {
			known.authorities[a.Name] = true
		}
		for _, s := range p.Secrets {
			known.secrets[s.Name] = true
		}
	}
	for _, p := range c.Profiles {
		c.profileNames(p, known.profiles, list)
		p.fileParams(list)
		c.checkConditions(p, list)
		for i, cert := range p.Certs {
			if !known.authorities[cert.Authority] && cert.Authority != "" {
				list.Errorf("F014", p.At(fmt.Sprintf("certs[%d].authority", i)), fmt.Sprintf("certs[%d].authority", i), "no profile has an authority %s", cert.Authority).
					WithHint("%s", hintFor(cert.Authority, slices.Sorted(maps.Keys(known.authorities)), "authorities"))
			}
		}
		for _, t := range p.everyTemplate() {
			for _, r := range t.refs {
				c.reference(p, t, r, known, list)
			}
		}
	}
}

// known is what templates may name across profiles.
type known struct {
	authorities, secrets map[string]bool
	profiles             []string
}

// profileNames checks the names of other profiles in profile.yaml.
func (c *Catalog) profileNames(p *Profile, names []string, list *diag.List) {
	check := func(path string, others []string) {
		for i, other := range others {
			if c.Lookup(other) == nil {
				where := fmt.Sprintf("%s[%d]", path, i)
				list.Errorf("F014", p.At(where), where, "there is no profile %s", other).WithHint("%s", hintFor(other, names, "profiles"))
			}
		}
	}
	check("needs", p.Needs)
	check("excludes", p.Excludes)
	for _, condition := range p.Conditions() {
		for _, other := range condition.Profiles {
			if c.Lookup(other) == nil {
				list.Errorf("F014", condition.Position, "", "there is no profile %s", other).WithHint("%s", hintFor(other, names, "profiles"))
			}
		}
	}
}

// fileParams checks the parameters that secrets and manifests take files from.
func (p *Profile) fileParams(list *diag.List) {
	check := func(name string, at diag.Position, fits func(*Param) bool, kind string) {
		if name == "" {
			return
		}
		if q := p.Param(name); q == nil || !fits(q) {
			list.Errorf("F010", at, "", "there is no parameter %s of type %s", name, kind).
				WithHint("%s", hintFor(name, p.ParamNames(), "parameters"))
		}
	}
	for _, s := range p.Secrets {
		check(s.Param, s.Position, func(q *Param) bool { return (q.Type == FileParam || q.Items == FileParam) && !q.PerHost }, FileParam)
	}
	for _, m := range p.Manifests {
		check(m.Param, m.Position, func(q *Param) bool { return q.Type == "list" && q.Items == FileParam && !q.PerHost }, "list with items file")
		check(m.Base, m.Position, func(q *Param) bool { return q.Type == FileParam && !q.PerHost }, FileParam)
	}
}

// reference checks one name that a template takes from elsewhere.
func (c *Catalog) reference(p *Profile, t *Template, r reference, known known, list *diag.List) {
	fail := func(name string, candidates []string, what, format string, args ...any) {
		list.Errorf("F010", t.offset(r.pos), "", format, args...).WithHint("%s", hintFor(name, candidates, what))
	}
	switch r.kind {
	case "Version":
		for _, row := range c.Versions {
			if _, ok := row.Values[r.name]; !ok {
				fail(r.name, slices.Sorted(maps.Keys(row.Values)), "versions", "versions.yaml has no %s for %s", r.name, row.Minor)
				return
			}
		}
	case "System":
		if _, ok := new(System).TemplateData()[r.name]; !ok {
			fail(r.name, slices.Sorted(maps.Keys(new(System).TemplateData())), "facts", "systems have no fact %s", r.name)
		}
	case "Has":
		if c.Lookup(r.name) == nil {
			fail(r.name, known.profiles, "profiles", "there is no profile %s", r.name)
		}
	case "VarOf", "ParamOf":
		c.referenceTo(r, fail, known)
	case "Secret", "KeyRing", "PublicKey":
		if !known.secrets[r.name] {
			fail(r.name, slices.Sorted(maps.Keys(known.secrets)), "secrets", "no profile has a secret %s", r.name)
		}
	case "Authority":
		if !known.authorities[r.name] {
			fail(r.name, slices.Sorted(maps.Keys(known.authorities)), "authorities", "no profile has an authority %s", r.name)
		}
	case "Image":
		owner, image := p, r.name
		if other, name, ok := strings.Cut(r.name, "/"); ok {
			owner, image = c.Lookup(other), name
		}
		if owner == nil || !slices.ContainsFunc(owner.Images, func(i Image) bool { return i.Name == image }) {
			fail(r.name, imageNames(p), "images", "there is no image %s", r.name)
		}
	}
}

// referenceTo checks a var or parameter of another profile.
func (c *Catalog) referenceTo(r reference, fail func(string, []string, string, string, ...any), known known) {
	other := c.Lookup(r.profile)
	switch {
	case other == nil:
		fail(r.profile, known.profiles, "profiles", "there is no profile %s", r.profile)
	case r.kind == "ParamOf" && other.Param(r.name) == nil:
		fail(r.name, other.ParamNames(), "parameters of "+r.profile, "%s has no parameter %s", r.profile, r.name)
	case r.kind == "VarOf" && !slices.ContainsFunc(other.Vars, func(v Var) bool { return v.Name == r.name }):
		var names []string
		for _, v := range other.Vars {
			names = append(names, v.Name)
		}
		fail(r.name, names, "vars of "+r.profile, "%s has no var %s", r.profile, r.name)
	}
}

func imageNames(p *Profile) []string {
	var out []string
	for _, i := range p.Images {
		out = append(out, i.Name)
	}
	return out
}
