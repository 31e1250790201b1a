package profile

import (
	"maps"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/kubespore/kubespore/pkg/yamlfile"
)

// namedCondition is a condition that a profile gives a name.
type namedCondition struct {
	Condition
	used bool
}

// nameConditions decodes the conditions that have names before everything else:
// any place of the file may use them.
func (d *decoder) nameConditions(profile node) {
	if d.schema != nil || profile.Kind != yaml.MappingNode {
		return
	}
	d.named = map[string]*namedCondition{}
	value := yamlfile.Value(profile.Node, "conditions")
	if value == nil {
		return
	}
	d.conditions(node{value, "conditions"}, func(name string, c Condition) { d.named[name] = &namedCondition{Condition: c} })
}

// conditions decodes the map of conditions by name.
func (d *decoder) conditions(n node, keep func(name string, c Condition)) {
	d.pairs(n, "a map of conditions, such as member: {roles: [etcd]}", func(name string, _, value node) {
		var c Condition
		d.condition(&c)(value)
		keep(name, c)
	})
}

// describeConditions stands in the table of keys for nameConditions, which has
// read the value: it is asked for its schema alone.
func (d *decoder) describeConditions(n node) {
	if d.schema != nil {
		d.conditions(n, func(string, Condition) {})
	}
}

// conditionNamed gives a place the condition of a name. It keeps the position
// at which it is written out.
func (d *decoder) conditionNamed(c *Condition, n node) {
	name, ok := d.scalar(n, "a condition, such as {roles: [control-plane]}, or the name of one")
	if !ok {
		return
	}
	known := d.named[name]
	if known == nil {
		d.list.Errorf("F010", d.at(n), n.path, "the profile has no condition %s", name).
			WithHint("%s", hintFor(name, slices.Sorted(maps.Keys(d.named)), "conditions"))
		return
	}
	known.used = true
	*c = known.Condition
}

// condition decodes `when:`, a condition or the name of one.
func (d *decoder) condition(c *Condition) func(node) {
	return d.recursive("condition", func(n node) {
		if n.Kind == yaml.ScalarNode {
			d.conditionNamed(c, n)
			return
		}
		c.Position = d.at(n)
		d.object(n, "a condition, such as {roles: [control-plane]}", fields{
			"roles":    {d.enums(&c.Roles, roles), "the host has one of these roles; none stands for a host without roles"},
			"os":       {d.systemNames(&c.OS), "the host runs one of these systems, or a rebuild of one"},
			"system":   {d.choices(&c.System), "a fact of the host's system is, or has, one of these texts"},
			"format":   {d.enums(&c.Format, formats), "the format of the host's document"},
			"arch":     {d.enums(&c.Arch, arches), "the host's architecture"},
			"families": {d.enums(&c.Families, families), "the pod network has one of these"},
			"lists":    {d.strs(&c.Lists), "one of these lists has elements for the host"},
			"profiles": {d.strs(&c.Profiles), "the host has all of these profiles"},
			"slots":    {d.strs(&c.Slots), "the host has a profile that provides one of these"},
			"params":   {d.choices(&c.Params), "a parameter of the profile, as text, is one of these"},
			"settings": {d.choices(&c.Settings), "a setting of the cluster, as text, is one of these"},
			"hosts":    {d.str(&c.Hosts), "the parameter of that name lists the host"},
			"any": {d.listOf(func(n node) {
				c.Any = append(c.Any, Condition{})
				d.condition(&c.Any[len(c.Any)-1])(n)
			}), "one of these conditions holds"},
			"not": {func(n node) {
				c.Not = &Condition{}
				d.condition(c.Not)(n)
			}, "this condition does not hold"},
		})
		d.minorTerms(c)
	})
}
