package profile

import (
	"slices"
	"strings"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/yamlfile/schema"
)

// slotMark begins the names of vars that hold what a profile hands on with its
// slot; templates cannot write them.
const slotMark = ":"

// SlotVar gives the name of the var behind a value of a slot.
func SlotVar(value string) string { return slotMark + value }

// slotKind is the name of a slot, or {slot, over, values}.
var slotKind = schema.Either[Profile]{
	Short: schema.Part[Profile, string]{Kind: schema.Text, Field: func(p *Profile) *string { return &p.Provides }},
	Long: &schema.Object[Profile]{Name: "slot", Example: "{slot: cni, values: {mtu: '1450'}}", Properties: []schema.Property[Profile]{
		schema.Key("slot", schema.Text, func(p *Profile) *string { return &p.Provides }, "its name").Need(),
		schema.Key("over", texts, func(p *Profile) *[]string { return &p.Over }, "profiles of the slot that it is built over"),
		schema.Key("values", vars, func(p *Profile) *[]Var { return &p.handsOn }, "what it hands on to other profiles"),
	}},
}

// handOn makes vars of what the profile hands on, which may use all others.
func (p *Profile) handOn() {
	for _, v := range p.handsOn {
		p.Vars = append(p.Vars, Var{SlotVar(v.Name), v.Text})
	}
}

// Providers gives the profiles of a slot.
func (c *Catalog) Providers(slot string) []*Profile {
	var out []*Profile
	for _, p := range c.Profiles {
		if p.Provides == slot {
			out = append(out, p)
		}
	}
	return out
}

// Provider gives the profile that has a slot among those of one host: the one
// that is built over the others.
func Provider(selected []*Profile, slot string) *Profile {
	var out *Profile
	for _, p := range selected {
		if p.Provides == slot && (out == nil || slices.Contains(p.Over, out.Name)) {
			out = p
		}
	}
	return out
}

// Over says whether one of two profiles of a slot is built over the other, so
// that both may be on one host.
func Over(p, q *Profile) bool {
	return slices.Contains(p.Over, q.Name) || slices.Contains(q.Over, p.Name)
}

// checkSlots compares what the profiles of a slot hand on with what templates ask
// it for. In a layer that is not whole, since one of its profiles was replaced,
// that one may have been who asked.
func (c *Catalog) checkSlots(whole func(*Profile) bool, list *diag.List) {
	asked := map[string]bool{}
	for _, p := range c.Profiles {
		for _, t := range p.everyTemplate() {
			for _, r := range t.refs {
				if r.kind == "Slot" {
					c.slot(t, r, asked, list)
				}
			}
		}
		for _, when := range p.Conditions() {
			for _, slot := range when.Slots {
				if len(c.Providers(slot)) == 0 {
					list.Errorf("F014", when.Position, "", "no profile provides %s", slot).WithHint("%s", hintFor(slot, c.slots(), "slots"))
				}
			}
		}
		for _, other := range p.Over {
			if q := c.Lookup(other); q == nil || q.Provides != p.Provides {
				list.Errorf("F014", p.At("provides.over"), "provides.over", "there is no profile %s that provides %s too", other, p.Provides).
					WithHint("%s", hintFor(other, c.Names(), "profiles"))
			}
		}
	}
	for _, p := range c.Profiles {
		for _, v := range p.handsOn {
			if whole(p) && !asked[p.Provides+" "+v.Name] {
				list.Errorf("F011", v.Text.Position, "provides.values."+v.Name, "nothing asks the slot %s for %s", p.Provides, v.Name).
					WithHint("ask by {{ .Slot %q %q }}, or remove it", p.Provides, v.Name)
			}
		}
	}
}

// slot checks one question to a slot: every profile that provides it answers.
func (c *Catalog) slot(t *Template, r reference, asked map[string]bool, list *diag.List) {
	providers := c.Providers(r.profile)
	if len(providers) == 0 {
		list.Errorf("F010", t.offset(r.pos), "", "no profile provides %s", r.profile).WithHint("%s", hintFor(r.profile, c.slots(), "slots"))
		return
	}
	known := map[string]bool{}
	for _, p := range providers {
		for _, v := range p.handsOn {
			known[v.Name] = true
		}
	}
	if !known[r.name] {
		list.Errorf("F010", t.offset(r.pos), "", "no profile that provides %s hands on %s", r.profile, r.name).
			WithHint("%s", hintFor(r.name, sortedKeys(known), "values"))
		return
	}
	if asked[r.profile+" "+r.name] {
		return
	}
	asked[r.profile+" "+r.name] = true
	for _, p := range providers {
		if !slices.ContainsFunc(p.handsOn, func(v Var) bool { return v.Name == r.name }) {
			list.Errorf("F010", p.At("provides"), "provides", "%s provides %s and does not hand on %s, which others ask for", p.Name, r.profile, r.name).
				WithRelated(t.offset(r.pos), "asked for here").WithHint("add it: provides: {slot: %s, values: {%s: ...}}", r.profile, r.name)
		}
	}
}

func (c *Catalog) slots() []string {
	known := map[string]bool{}
	for _, p := range c.Profiles {
		if p.Provides != "" {
			known[p.Provides] = true
		}
	}
	return sortedKeys(known)
}

func sortedKeys(set map[string]bool) []string {
	out := make([]string, 0, len(set))
	for k := range set {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

func isSlotVar(name string) bool { return strings.HasPrefix(name, slotMark) }
