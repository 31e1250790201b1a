package profile

import (
	"slices"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/yamlfile/schema"
)

// namedCondition is a condition that a profile gives a name.
type namedCondition struct {
	Condition
	name string
	used bool
}

// namedConditions are conditions by name. Each may use those before it.
var namedConditions = schema.Named[namedCondition]{
	Name:  "mapping of names to conditions",
	Start: func(name string, _ diag.Position) namedCondition { return namedCondition{name: name} },
	Value: schema.Part[namedCondition, Condition]{Kind: condition(), Field: func(c *namedCondition) *Condition { return &c.Condition }},
}

// findCondition gives a place the condition of a name. It keeps the position at
// which it is written out.
func findCondition(d *schema.Decoder, name, _ string) (Condition, *schema.Fault) {
	var known []string
	for i, c := range of(d).named {
		if c.name == name {
			of(d).named[i].used = true
			return c.Condition, nil
		}
		known = append(known, c.name)
	}
	slices.Sort(known)
	return Condition{}, schema.Faultf("F010", "the profile has no condition %s", name).Or("%s", hintFor(name, known, "conditions"))
}

// condition is a condition or the name of one.
func condition() schema.Kind[Condition] {
	return schema.Recursive[Condition]{Name: "condition", Of: eitherCondition}
}

func eitherCondition() schema.Kind[Condition] {
	return schema.Either[Condition]{
		Short: schema.Ref[Condition]{Name: "a condition", Find: findCondition},
		Long:  placed(conditionTable(), func(c *Condition) *diag.Position { return &c.Position }),
	}
}

func conditionTable() *schema.Object[Condition] {
	return &schema.Object[Condition]{Name: "condition", Example: "{roles: [control-plane]}", Check: checkMinors, Properties: []schema.Property[Condition]{
		schema.Key("roles", oneOf("role", roles), func(c *Condition) *[]string { return &c.Roles }, "the host has one of these roles; none stands for a host without roles"),
		schema.Key("os", listOf(systemName), func(c *Condition) *[]string { return &c.OS }, "the host runs one of these systems, or a rebuild of one"),
		schema.Key("system", choices, func(c *Condition) *map[string][]string { return &c.System }, "a fact of the host's system is, or has, one of these texts"),
		schema.Key("format", oneOf("format", formats), func(c *Condition) *[]string { return &c.Format }, "the format of the host's document"),
		schema.Key("arch", oneOf("architecture", arches), func(c *Condition) *[]string { return &c.Arch }, "the host's architecture"),
		schema.Key("families", oneOf("address family", families), func(c *Condition) *[]string { return &c.Families }, "the pod network has one of these"),
		schema.Key("lists", texts, func(c *Condition) *[]string { return &c.Lists }, "one of these lists has elements for the host"),
		schema.Key("profiles", texts, func(c *Condition) *[]string { return &c.Profiles }, "the host has all of these profiles"),
		schema.Key("slots", texts, func(c *Condition) *[]string { return &c.Slots }, "the host has a profile that provides one of these"),
		schema.Key("params", choices, func(c *Condition) *map[string][]string { return &c.Params }, "a parameter of the profile, as text, is one of these"),
		schema.Key("settings", choices, func(c *Condition) *map[string][]string { return &c.Settings }, "a setting of the cluster, as text, is one of these"),
		schema.Key("hosts", schema.Text, func(c *Condition) *string { return &c.Hosts }, "the parameter of that name lists the host"),
		schema.Key("any", listOf(condition()), func(c *Condition) *[]Condition { return &c.Any }, "one of these conditions holds"),
		schema.Key("not", schema.Pointer[Condition]{Kind: condition()}, func(c *Condition) **Condition { return &c.Not }, "this condition does not hold"),
	}}
}
