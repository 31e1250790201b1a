package verify

import (
	_ "embed"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation"
)

//go:embed demands.yaml
var demandTable []byte

// demandRules are what the API server demands beyond the schemas, by type and field.
type demandRules struct {
	Demanded, Lenient, Allowed map[string][]string
	OneOf                      map[string][]string `yaml:"oneOf"`
	Values                     map[string]string
}

func loadDemands() (rules demandRules, err error) {
	if err := yaml.Unmarshal(demandTable, &rules); err != nil {
		return rules, err
	}
	for field, kind := range rules.Values {
		if valueChecks[kind] == nil {
			return rules, fmt.Errorf("demands.yaml: %s: there is no kind of values %q", field, kind)
		}
	}
	return rules, nil
}

// lacking gives the fields of a type that are not there and must be.
func (k kinds) lacking(name string, node *yaml.Node) (out []string) {
	for _, field := range slices.Concat(k.required[name], k.demands.Demanded[name]) {
		if !hasValue(node, field) && !slices.Contains(k.demands.Lenient[name], field) {
			out = append(out, field)
		}
	}
	if choices := k.demands.OneOf[name]; choices != nil && !slices.ContainsFunc(choices, func(c string) bool { return hasValue(node, c) }) {
		if len(choices) > 6 {
			choices = append(slices.Clone(choices[:6]), "...")
		}
		out = append(out, "one of "+strings.Join(choices, ", "))
	}
	return out
}

// wrongField says why the API server refuses the value of a field.
func (k kinds) wrongField(name string, value *yaml.Node) (because, hint string) {
	scalars := []*yaml.Node{value}
	if value.Kind == yaml.SequenceNode {
		scalars = value.Content
	}
	if allowed := k.demands.Allowed[name]; allowed != nil {
		for _, one := range scalars {
			if one.Kind == yaml.ScalarNode && !slices.Contains(allowed, one.Value) {
				return fmt.Sprintf("cannot be %q", one.Value), "write " + strings.Join(allowed, ", ")
			}
		}
	}
	if check := valueChecks[k.demands.Values[name]]; check != nil {
		return check(value)
	}
	return "", ""
}

// valueChecks are the kinds of values of demands.yaml.
var valueChecks = map[string]func(*yaml.Node) (because, hint string){
	"count":          number(0),
	"positive":       number(1),
	"port":           valid(func(v string) bool { n, err := strconv.Atoi(v); return err != nil || n > 0 && n < 65536 }, "a port from 1 to 65535"),
	"portName":       valid(func(v string) bool { return len(validation.IsValidPortName(v)) == 0 }, "at most 15 lower-case letters, digits and -"),
	"portOrName":     valid(portOrName, "a port from 1 to 65535, or its name"),
	"countOrPercent": valid(countOrPercent, "a number from 0 on, or a part as in 25%"),
	"name":           valid(func(v string) bool { return v == "" || len(validation.IsDNS1123Subdomain(v)) == 0 }, "lower-case letters, digits, - and ."),
	"label":          valid(func(v string) bool { return len(validation.IsDNS1123Label(v)) == 0 }, "lower-case letters, digits and -"),
	"key":            valid(func(v string) bool { return len(validation.IsConfigMapKey(v)) == 0 }, "letters, digits, -, _ and ."),
	"qualified":      valid(func(v string) bool { return v == "" || len(validation.IsQualifiedName(strings.ToLower(v))) == 0 }, "a name as in example.org/name"),
	"host":           valid(ingressHost, "a name as in www.example.org or *.example.org"),
	"path":           valid(func(v string) bool { return strings.HasPrefix(v, "/") }, "a path that begins with /"),
	"cidr":           valid(func(v string) bool { _, err := netip.ParsePrefix(v); return err == nil }, "a network as in 192.0.2.0/24"),
	"controller":     valid(func(v string) bool { return strings.Contains(v, "/") && len(validation.IsQualifiedName(v)) == 0 }, "a name as in example.org/ingress"),
	"schedule":       valid(schedule, "five fields as in 0 3 * * *, or @daily"),
	"quantity":       valid(func(v string) bool { q, err := resource.ParseQuantity(v); return err == nil && q.Sign() >= 0 }, "a quantity as in 500m or 1Gi"),
	"labels":         each(func(v string) bool { return len(validation.IsValidLabelValue(v)) == 0 }, "at most 63 letters, digits, -, _ and ."),
	"quantities":     each(func(v string) bool { q, err := resource.ParseQuantity(v); return err == nil && q.Sign() >= 0 }, "a quantity as in 500m or 1Gi"),
}

func valid(fits func(string) bool, what string) func(*yaml.Node) (string, string) {
	return func(node *yaml.Node) (string, string) {
		scalars := []*yaml.Node{node}
		if node.Kind == yaml.SequenceNode {
			scalars = node.Content
		}
		for _, one := range scalars {
			if one.Kind == yaml.ScalarNode && one.Tag != "!!null" && !fits(one.Value) {
				return fmt.Sprintf("cannot be %q", one.Value), "write " + what
			}
		}
		return "", ""
	}
}

func each(fits func(string) bool, what string) func(*yaml.Node) (string, string) {
	return func(node *yaml.Node) (string, string) {
		for i := 1; i < len(node.Content) && node.Kind == yaml.MappingNode; i += 2 {
			if v := node.Content[i]; v.Kind == yaml.ScalarNode && !fits(v.Value) {
				return fmt.Sprintf("%s cannot be %q", node.Content[i-1].Value, v.Value), "write " + what
			}
		}
		return "", ""
	}
}

func number(least int) func(*yaml.Node) (string, string) {
	return valid(func(v string) bool {
		n, err := strconv.Atoi(v)
		return err != nil || n >= least
	}, fmt.Sprintf("a number from %d on", least))
}

func portOrName(v string) bool {
	if n, err := strconv.Atoi(v); err == nil {
		return n > 0 && n < 65536
	}
	return len(validation.IsValidPortName(v)) == 0
}

func countOrPercent(v string) bool {
	n, err := strconv.Atoi(strings.TrimSuffix(v, "%"))
	return err == nil && n >= 0
}

func ingressHost(v string) bool {
	if strings.HasPrefix(v, "*") {
		return len(validation.IsWildcardDNS1123Subdomain(v)) == 0
	}
	return v == "" || len(validation.IsDNS1123Subdomain(v)) == 0
}

// schedule looks at the number of fields of a cron line; what is in them is left to
// the API server.
func schedule(v string) bool { return strings.HasPrefix(v, "@") || len(strings.Fields(v)) == 5 }
