package profile

import (
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/kubespore/kubespore/pkg/diag"
)

// system decodes `system:`.
func (d *decoder) system(into **System) func(node) {
	return func(n node) {
		s := &System{}
		known := d.facts(reflect.ValueOf(s).Elem())
		d.object(n, "facts of an operating system, such as {title: Debian, formats: [cloud-init]}", known, "title")
		if s.Like == "" {
			d.require(n, "formats", "network", "pluginFolder")
		}
		*into = s
	}
}

// facts gives the decoders of facts.
func (d *decoder) facts(v reflect.Value) fields {
	out := fields{}
	facts(v, func(name, doc string, value reflect.Value) {
		out[name] = field{d.fact(name, value), doc}
	})
	return out
}

func (d *decoder) fact(name string, value reflect.Value) func(node) {
	words := factWords[name]
	switch into := value.Addr().Interface().(type) {
	case *string:
		if words == nil {
			return d.str(into)
		}
		return d.enum(into, words)
	case *[]string:
		if words == nil {
			return d.strs(into)
		}
		return d.enums(into, words)
	case *map[string]string:
		return d.textMap(into)
	}
	return func(n node) { d.object(n, "facts, such as {initramfs: dracut}", d.facts(value)) }
}

// textMap decodes a map of names to texts.
func (d *decoder) textMap(into *map[string]string) func(node) {
	return func(n node) {
		*into = map[string]string{}
		d.pairs(n, "a map of names to texts", func(key string, _, value node) {
			var text string
			d.str(&text)(value)
			(*into)[key] = text
		})
	}
}

// inherit fills in the facts that a rebuild does not state.
func inherit(to, from reflect.Value) {
	facts(to, func(name, _ string, field reflect.Value) {
		other := from.FieldByIndex(fieldOf(to.Type(), name))
		switch {
		case field.Kind() == reflect.Struct:
			inherit(field, other)
		case name != "like" && field.IsZero():
			field.Set(other)
		}
	})
}

func fieldOf(t reflect.Type, fact string) []int {
	for i := range t.NumField() {
		if t.Field(i).Tag.Get("fact") == fact {
			return []int{i}
		}
	}
	return nil
}

// checkSystem checks what a profile that describes a system says of itself,
// and names the system.
func (p *Profile) checkSystem(list *diag.List) {
	if p.System == nil {
		return
	}
	name, named := strings.CutPrefix(p.Name, SystemPrefix)
	p.System.Name = name
	switch {
	case !named || name == "":
		list.Errorf("F006", p.At("name"), "name", "a profile that describes an operating system is named %sNAME", SystemPrefix).WithHint("rename the folder, and write its name here")
	case p.Layer != "os" || !p.Default || !slices.Equal(p.When.OS, []string{name}):
		list.Errorf("F006", p.At("system"), "system", "a profile that describes the system %s goes to every host that runs it", name).
			WithHint("write layer: os, default: true and when: {os: [%s]}", name)
	}
}

// asked is a name of a system in profile.yaml.
type asked struct {
	name, path string
	at         diag.Position
}

// systemNames decodes names of systems, which are known when every profile is.
func (d *decoder) systemNames(into *[]string) func(node) {
	return func(n node) {
		d.items(n, func(n node) {
			d.systems = append(d.systems, asked{n.Value, n.path, d.at(n)})
		})
		d.strs(into)(n)
	}
}

// checkSystems hands facts on to rebuilds, and checks the names of systems and
// of facts. A catalog that describes no system takes every name.
func (c *Catalog) checkSystems(list *diag.List) {
	var known []string
	for _, s := range c.Systems() {
		known = append(known, s.Name)
	}
	for _, p := range c.Profiles {
		if p.System != nil && p.System.Like != "" {
			c.inherit(p, known, list)
		}
	}
	for _, p := range c.Profiles {
		for _, a := range p.systems {
			if len(known) > 0 && !slices.Contains(known, a.name) {
				list.Errorf("F014", a.at, a.path, "there is no operating system %s", a.name).WithHint("%s", hintFor(a.name, known, "systems"))
			}
		}
		for _, when := range p.Conditions() {
			for _, fact := range slices.Sorted(maps.Keys(when.System)) {
				c.checkFact(when, fact, list)
			}
		}
	}
}

// inherit gives a rebuild the facts of the system that it is like.
func (c *Catalog) inherit(p *Profile, known []string, list *diag.List) {
	other := c.System(p.System.Like)
	if other == nil || other.Like != "" {
		list.Errorf("F014", p.At("system.like"), "system.like", "there is no operating system %s that states its own facts", p.System.Like).
			WithHint("%s", hintFor(p.System.Like, known, "systems"))
		return
	}
	inherit(reflect.ValueOf(p.System).Elem(), reflect.ValueOf(other).Elem())
}

// checkFact checks that a condition names a fact, and values that it has.
func (c *Catalog) checkFact(when *Condition, fact string, list *diag.List) {
	if _, ok := new(System).Fact(fact); !ok {
		var known []string
		for _, f := range Facts() {
			if f.Value != "map" && !strings.Contains(f.Name, ".") {
				known = append(known, f.Name)
			}
		}
		list.Errorf("F014", when.Position, "", "systems have no fact %s that a condition can compare", fact).WithHint("%s", hintFor(fact, known, "facts"))
		return
	}
	var values []string
	for _, s := range c.Systems() {
		v, _ := s.Fact(fact)
		values = append(values, v...)
	}
	values = slices.DeleteFunc(sortedSet(values), func(v string) bool { return v == "" })
	for _, value := range when.System[fact] {
		if len(values) > 0 && !slices.Contains(values, value) {
			list.Errorf("F014", when.Position, "", "no system has %s %s", fact, value).WithHint("%s", hintFor(value, values, fact))
		}
	}
}
