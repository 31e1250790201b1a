package profile

import (
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/yamlfile/schema"
)

// needed are the facts that every system states, but for a rebuild.
var needed = []string{"formats", "network", "pluginFolder"}

// systemTable is the table of what `system:` holds: the fields of System.
func systemTable() *schema.Object[System] {
	table := factTable[System]("facts of an operating system", "{title: Debian, formats: [cloud-init]}")
	for i, p := range table.Properties {
		switch {
		case p.Name == "title":
			table.Properties[i] = p.Need()
		case slices.Contains(needed, p.Name):
			table.Properties[i] = p.NeedWithout("like")
		}
	}
	for i, p := range table.Properties {
		if p.Name == "boot" {
			table.Properties = slices.Delete(table.Properties, i, i+1)
		}
	}
	boot, _ := reflect.TypeFor[System]().FieldByName("Boot")
	table.Properties = append(table.Properties,
		schema.Key("boot", factTable[Boot]("facts", "{initramfs: dracut}"), func(s *System) *Boot { return &s.Boot }, boot.Tag.Get("doc")))
	return table
}

// factTable is the table of the fields of a System or of a part of it that are
// texts.
func factTable[S any](name, example string) *schema.Object[S] {
	table := &schema.Object[S]{Name: name, Example: example}
	facts(reflect.ValueOf(new(S)).Elem(), func(fact, doc string, field reflect.Value) {
		table.Properties = append(table.Properties, factKey[S](fact, doc, field.Interface()))
	})
	return table
}

// factKey ties a fact to its field.
func factKey[S any](fact, doc string, like any) schema.Property[S] {
	in := func(s *S) any {
		v := reflect.ValueOf(s).Elem()
		return v.FieldByIndex(fieldOf(v.Type(), fact)).Addr().Interface()
	}
	var text schema.Kind[string] = schema.Text
	if values := factValues[fact]; values != nil {
		text = schema.Enum("value of "+fact, values)
	}
	switch like.(type) {
	case string:
		return schema.Key(fact, text, func(s *S) *string { return in(s).(*string) }, doc)
	case []string:
		return schema.Key(fact, listOf(text), func(s *S) *[]string { return in(s).(*[]string) }, doc)
	}
	return schema.Key(fact, textMap, func(s *S) *map[string]string { return in(s).(*map[string]string) }, doc)
}

var textMap = schema.Dict[string]{Name: "mapping of names to texts", Value: schema.Text}

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

// systemName is the name of a system, which is known when every profile is.
var systemName = schema.Ref[string]{Name: "an operating system", Find: func(d *schema.Decoder, name, path string) (string, *schema.Fault) {
	p := of(d)
	p.systems = append(p.systems, asked{name, path, d.At(path)})
	return name, nil
}}

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
