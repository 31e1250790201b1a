package profile

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/kubespore/kubespore/pkg/diag"
)

// allowedValues are the values that a setting of the cluster can have.
type allowedValues struct {
	values []string // what it can be
	count  bool     // or a number, and many for two or more
}

// Slots are the parts of a cluster that a topology may say it brings itself
// (own: [cni]), by the names under which profiles provide them.
var Slots = []string{"cluster-dns", "cni", "service-proxy", "virtual-address"}

var truth = []string{"true", "false"}

// settings are the names that a condition may write under `settings:`. The
// minor depends on the catalog.
var settings = map[string]allowedValues{
	"custody":              {values: []string{"on-control-planes", "offline"}},
	"etcd":                 {values: []string{"stacked", "external"}}, // on control planes, or on hosts of its own
	"controlPlanes":        {count: true},
	"nodes":                {count: true},
	"networks":             {count: true}, // that the nodes stand in
	"endpoint":             {values: []string{"virtual", "host", "balancer", "name"}},
	"endpointNetwork":      {values: []string{"shared", "split", "outside", "none"}},
	"own":                  {values: Slots},
	"adminOnControlPlanes": {values: truth},
	"nameservers":          {values: truth},
	"minor":                {},
	"bundled":              {}, // authorities of more certificates than one
}

// SettingCan says whether a setting exists and can be a text.
func SettingCan(name, text string) bool {
	s, known := settings[name]
	n, err := strconv.Atoi(text)
	return known && (slices.Contains(s.values, text) || s.count && (text == "many" || err == nil && n >= 0) || s.values == nil && !s.count)
}

// checkConditions finds what conditions ask for and what can never be.
func (c *Catalog) checkConditions(p *Profile, list *diag.List) {
	for _, when := range p.Conditions() {
		never := func(text, what string, known []string) {
			list.Errorf("F006", when.Position, "", "%s is never %q", what, text).WithHint("%s", hintFor(text, known, "values"))
		}
		for _, name := range slices.Sorted(maps.Keys(when.Settings)) {
			s, known := settings[name]
			if !known {
				list.Errorf("F006", when.Position, "", "there is no setting %s", name).
					WithHint("%s", hintFor(name, slices.Sorted(maps.Keys(settings)), "settings"))
				continue
			}
			for _, text := range when.Settings[name] {
				switch {
				case name == "minor":
					// Newer and older ones than there are may be meant, but not none at all.
					if termsRule.MatchString(text) && !slices.ContainsFunc(c.Minors(), func(minor string) bool { return MinorIs(minor, []string{text}) }) && len(c.Versions) > 0 {
						never(text, "the minor", c.Minors())
					}
				case !SettingCan(name, text):
					values := s.values
					if s.count {
						values = []string{"many", "1", "2"}
					}
					never(text, "the setting "+name, values)
				}
			}
		}
		for _, name := range slices.Sorted(maps.Keys(when.Params)) {
			if q := p.Param(name); q != nil {
				for _, text := range when.Params[name] {
					// "!" alone is every element, of a list that has some.
					if text != "!" && !q.can(strings.TrimPrefix(text, "!")) {
						never(text, "the parameter "+name, q.values())
					}
				}
			}
		}
	}
}

var termsRule = regexp.MustCompile(`^\s*(` + strings.Trim(termRule.String(), "^$") + `\s*)+$`)

// can says whether a parameter, or an element of it, can be a text.
func (q *Param) can(text string) bool {
	kind := q.Type
	if kind == "list" {
		kind = q.items("list")
	}
	switch n, err := strconv.Atoi(text); {
	case kind == "boolean":
		return slices.Contains(truth, text)
	case len(q.Enum) > 0:
		return slices.Contains(q.Enum, text)
	case kind == "port":
		return err == nil && n >= 1 && n <= 65535
	case kind == "integer":
		return err == nil && (q.Type == "list" || (q.Minimum == nil || n >= *q.Minimum) && (q.Maximum == nil || n <= *q.Maximum))
	}
	return q.pattern == nil || kind == "map" || kind == FileParam || q.pattern.MatchString(text)
}

// values are the texts that a parameter can be, as far as they are few.
func (q *Param) values() []string {
	switch {
	case q.Type == "boolean":
		return truth
	case len(q.Enum) > 0:
		return q.Enum
	}
	return nil
}
