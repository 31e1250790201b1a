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
func SlotVar(slot, value string) string { return slotMark + slot + slotMark + value }

// Provision is a slot that a profile fills on a host for which the condition
// holds. The condition asks neither for profiles nor for slots: which of these a
// host has depends on it.
type Provision struct {
	Slot     string
	When     Condition
	Over     []string // profiles on which this one builds, and whose place in the slot it takes
	Position diag.Position

	values []Var // what it hands on; also among the profile's Vars
}

// provisions are names of slots, or {slot, when, over, values}.
var provisions = schema.List[Provision]{Single: true, Unique: func(s Provision) string { return s.Slot }, Item: schema.Placed[Provision]{
	Kind: schema.Either[Provision]{
		Short: schema.Part[Provision, string]{Kind: schema.Text, Field: func(s *Provision) *string { return &s.Slot }},
		Long: &schema.Object[Provision]{Name: "slot", Example: "{slot: cni, values: {mtu: '1450'}}", Properties: []schema.Property[Provision]{
			schema.Key("slot", schema.Text, func(s *Provision) *string { return &s.Slot }, "its name").Need(),
			when(func(s *Provision) *Condition { return &s.When }, "where the profile fills it; it asks neither for profiles nor for slots"),
			schema.Key("over", texts, func(s *Provision) *[]string { return &s.Over }, "profiles of the slot that it is built over"),
			schema.Key("values", vars, func(s *Provision) *[]Var { return &s.values }, "what it hands on to other profiles"),
		}},
	},
	At: func(s *Provision) *diag.Position { return &s.Position },
}}

// handOn makes vars of what the profile hands on, which may use all others.
func (p *Profile) handOn() {
	for _, s := range p.Provides {
		for _, v := range s.values {
			p.Vars = append(p.Vars, Var{SlotVar(s.Slot, v.Name), v.Text})
		}
	}
}

// Provision gives how the profile fills a slot; nil where it never does.
func (p *Profile) Provision(slot string) *Provision {
	for i := range p.Provides {
		if p.Provides[i].Slot == slot {
			return &p.Provides[i]
		}
	}
	return nil
}

// Providers gives the profiles that can fill a slot.
func (c *Catalog) Providers(slot string) []*Profile {
	var out []*Profile
	for _, p := range c.Profiles {
		if p.Provision(slot) != nil {
			out = append(out, p)
		}
	}
	return out
}

// Above gives the one of two profiles of a slot that is built over the other; nil
// where neither is, so that they cannot both be on one host.
func Above(slot string, p, q *Profile) *Profile {
	switch {
	case slices.Contains(p.Provision(slot).Over, q.Name):
		return p
	case slices.Contains(q.Provision(slot).Over, p.Name):
		return q
	}
	return nil
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
		for i := range p.Provides {
			c.provision(p, &p.Provides[i], list)
		}
	}
	for _, p := range c.Profiles {
		for _, s := range p.Provides {
			for _, v := range s.values {
				if whole(p) && !asked[s.Slot+" "+v.Name] {
					list.Errorf("F011", v.Text.Position, "provides.values."+v.Name, "nothing asks the slot %s for %s", s.Slot, v.Name).
						WithHint("ask by {{ .Slot %q %q }}, or remove it", s.Slot, v.Name)
				}
			}
		}
	}
}

// provision checks what a profile says about one of its slots.
func (c *Catalog) provision(p *Profile, s *Provision, list *diag.List) {
	for _, other := range s.Over {
		if q := c.Lookup(other); q == nil || q.Provision(s.Slot) == nil {
			list.Errorf("F014", s.Position, "provides.over", "there is no profile %s that provides %s too", other, s.Slot).
				WithHint("%s", hintFor(other, c.Names(), "profiles"))
		}
	}
	for _, when := range s.When.All() {
		if len(when.Profiles)+len(when.Slots) > 0 {
			list.Errorf("F006", when.Position, "provides.when", "whether %s provides %s depends on other profiles, which depend on slots", p.Name, s.Slot).
				WithHint("ask for a parameter, a role, a family of addresses or a setting of the cluster")
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
		for _, v := range p.Provision(r.profile).values {
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
		s := p.Provision(r.profile)
		if !slices.ContainsFunc(s.values, func(v Var) bool { return v.Name == r.name }) {
			list.Errorf("F010", s.Position, "provides", "%s provides %s and does not hand on %s, which others ask for", p.Name, r.profile, r.name).
				WithRelated(t.offset(r.pos), "asked for here").WithHint("add it: provides: {slot: %s, values: {%s: ...}}", r.profile, r.name)
		}
	}
}

func (c *Catalog) slots() []string {
	known := map[string]bool{}
	for _, p := range c.Profiles {
		for _, s := range p.Provides {
			known[s.Slot] = true
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
