package profile

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kubespore/kubespore/pkg/diag"
)

// named is everything that some profile of the catalog asks for: "param etcd
// dataDir", "var etcd member", "secret vrrp", "image etcd etcd".
type named map[string]bool

func (n named) add(kind string, words ...string) { n[kind+" "+strings.Join(words, " ")] = true }

func (n named) contains(kind string, words ...string) bool {
	return n[kind+" "+strings.Join(words, " ")]
}

// any says whether something is asked for by a name that is worked out, or as
// part of a whole.
func (n named) any(kind, profile, name string) bool {
	return n.contains("all of", kind, profile) || n.contains("some", kind, name) || n.contains("some", kind, anyName)
}

// checkUnused finds what is declared and used nowhere: conditions, parameters, vars,
// secrets and images, as reach does for files. What cannot be followed counts as a use.
// whole says whether a profile's layer is there as a whole: where one of its
// profiles was replaced, that one may have been the user of what the others have.
func (c *Catalog) checkUnused(whole func(*Profile) bool, list *diag.List) {
	used := named{}
	for _, p := range c.Profiles {
		for _, t := range p.everyTemplate() {
			used.template(p, t)
		}
		used.declared(p)
	}
	for _, p := range c.Profiles {
		if !whole(p) {
			continue
		}
		unused := func(what, path, name string, at diag.Position, hint string) {
			list.Errorf("F011", at, path, "nothing uses the %s %s", what, name).WithHint("%s", hint)
		}
		for _, c := range p.named {
			if !c.used {
				unused("condition", "conditions."+c.name, c.name, c.Position, "write when: "+c.name+", or remove it")
			}
		}
		for _, q := range p.Params {
			if !used.contains("param", p.Name, q.Name) && !used.any("param", p.Name, q.Name) {
				unused("parameter", "params."+q.Name, q.Name, q.Position, "read it as {{ .Param."+q.Name+" }} or in a condition, or remove it")
			}
		}
		for i, v := range p.Vars {
			if !isSlotVar(v.Name) && !used.contains("var", p.Name, v.Name) && !used.any("var", p.Name, v.Name) {
				unused("var", "vars."+v.Name, v.Name, p.Vars[i].Text.Position, "read it as {{ .Var."+v.Name+" }}, or remove it")
			}
		}
		for i, s := range p.Secrets {
			if len(s.Deposits) == 0 && !used.contains("secret", s.Name) && !used.any("secret", p.Name, s.Name) {
				unused("secret", fmt.Sprintf("secrets[%d]", i), s.Name, s.Position, "give it deposits, read it as {{ .Secret \""+s.Name+"\" }}, or remove it")
			}
		}
		for _, i := range p.Images {
			if !used.contains("image", p.Name, i.Name) && !used.any("image", p.Name, i.Name) {
				unused("image", "images."+i.Name, i.Name, i.Position, "name it as {{ .Image \""+i.Name+"\" }}, or remove it")
			}
		}
	}
}

// template notes what one template names.
func (n named) template(p *Profile, t *Template) {
	for _, r := range t.refs {
		switch r.kind {
		case "Param":
			n.add("param", p.Name, r.name)
		case "Var":
			n.add("var", p.Name, r.name)
		case "ParamOf":
			n.add("param", r.profile, r.name)
		case "VarOf":
			n.add("var", r.profile, r.name)
		case "Secret", "KeyRing", "PublicKey":
			n.add("secret", r.name)
		case "Image":
			owner, image := p.Name, r.name
			if other, name, ok := strings.Cut(r.name, "/"); ok {
				owner, image = other, name
			}
			n.add("image", owner, image)
		}
	}
	if t.Reads.Whole { // the data as a whole, or names that are worked out
		for _, kind := range []string{"param", "var", "image"} {
			n.add("all of", kind, p.Name)
		}
	}
	for _, r := range t.dynamic {
		n.add("some", r.kind, r.name)
	}
}

// declared notes what profile.yaml names outside of templates.
func (n named) declared(p *Profile) {
	for _, c := range p.Conditions() {
		for name := range c.Params {
			name, _, _ = strings.Cut(name, ".") // a field of its elements
			n.add("param", p.Name, name)
		}
		n.add("param", p.Name, c.Hosts)
	}
	for _, s := range p.Secrets {
		n.add("param", p.Name, s.Param)
	}
	for _, m := range p.Manifests {
		n.add("param", p.Name, m.Param)
		n.add("param", p.Name, m.Base)
	}
	for _, f := range p.Fragments {
		if name, ok := strings.CutPrefix(f.Each, "param."); ok {
			n.add("param", p.Name, name)
		}
	}
	// The images of objects that others wrote are named there.
	if slices.ContainsFunc(p.Binaries, func(b Binary) bool { return b.Kind == KindManifest }) {
		n.add("all of", "image", p.Name)
	}
}
