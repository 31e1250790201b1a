package verify

import (
	_ "embed"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/plan"
	"github.com/kubespore/kubespore/pkg/profile"
)

//go:embed owned.yaml
var ownedTable []byte

// flagRules are what a user may not give a program, or not without a word.
type flagRules struct {
	Owned   map[string]map[string]string            // program, flag: what to write instead
	Heeds   map[string][]string                     // program: the flags that its configuration file leaves to it
	Weakens map[string]map[string]map[string]string // program, flag, value: what is lost by it
	Free    map[string][]string                     // program: flags that profiles give and that may be given again

	Together map[string][]pairing // program: flags that go with others, or do not
	Once     map[string][]string  // program: flags whose words may stand once
}

func loadFlagRules() (rules flagRules, err error) {
	return rules, yaml.Unmarshal(ownedTable, &rules)
}

// givenProofs judge what the topology gives to programs.
type givenProofs struct {
	plan    *plan.Plan
	release release
	rules   flagRules
	lines   commandLines // which learn what is refused
	unread  bool         // a configuration file has fields that are refused
}

// Given judges the flags and the fields of configuration files that the topology
// gives to programs, each where it stands there. unread says that a configuration
// file with such fields in it cannot be read, so that nothing can be said of it.
func (v *Verifier) Given() (out diag.List, unread bool) {
	g := &givenProofs{plan: v.plan, lines: v.lines, release: v.lines.release, rules: v.rules}
	t := v.plan.Topology
	for _, p := range v.plan.Catalog.Profiles {
		params := t.Profiles[p.Name].Params
		g.givenTo(p, params, "profiles."+p.Name, &out)
		g.together(p, params, func(string) string { return "profiles." + p.Name }, &out)
	}
	seen := map[string]bool{}
	for i := range t.Hosts {
		h := &t.Hosts[i]
		if seen[h.Path] { // hosts of a range say the same
			continue
		}
		seen[h.Path] = true
		for _, name := range slices.Sorted(maps.Keys(h.Profiles)) {
			if p := v.plan.Catalog.Lookup(name); p != nil {
				own := h.Profiles[name].Params
				g.givenTo(p, own, h.Path+".profiles."+name, &out)
				g.togetherOn(p, t.Profiles[name].Params, own, h.Path, &out)
			}
		}
	}
	return out, g.unread
}

func (v *givenProofs) givenTo(p *profile.Profile, params map[string]any, where string, out *diag.List) {
	for i := range p.Params {
		q := &p.Params[i]
		given := params[q.Name]
		if fields, ok := given.(map[string]any); ok && q.FieldsOf != "" {
			v.givenFields(q.FieldsOf, fields, where+"."+q.Name, out)
		}
		if q.Type != "flags" || given == nil {
			continue
		}
		flags, problems := profile.Flags(given)
		if len(problems) > 0 {
			continue // the plan has said so
		}
		if q.Program == "kubelet" {
			v.staticByFlag(flags, params["config"], where+"."+q.Name, out)
		}
		for _, f := range flags {
			path := where + "." + q.Name + f.Path
			v.givenFlag(q.Program, f, v.plan.Topology.At(path), path, out)
		}
	}
}

// givenFlag judges one flag of the user's.
func (v *givenProofs) givenFlag(program string, f profile.Flag, at diag.Position, where string, out *diag.List) {
	if !v.release.covers("flag", program) {
		return
	}
	name := strings.ReplaceAll(f.Name, "_", "-")
	_, _, alone := v.release.flag(program, name)
	exists := v.release.exists("flag", program, name)
	instead, owned := v.rules.Owned[program][name]
	heeds, choosy := v.rules.Heeds[program]
	because, hint := "", ""
	if exists && !f.Alone {
		because, hint = v.release.wrongValue(program, name, f.Value)
	}
	refuse := func(code, format string, args ...any) *diag.Diagnostic {
		v.lines.refused[program+" --"+f.String()] = true
		return out.Errorf(code, at, where, format, args...)
	}
	switch {
	case owned && (exists || strings.HasPrefix(name, "oidc-")):
		refuse("V071", "%s gets --%s from what the topology says elsewhere", program, name).WithHint("%s", writeInstead(instead))
	case !exists:
		refuse("V025", "%s has no flag --%s in kubernetes %s", program, name, v.release.minor).
			WithHint("%s", didYouMean(name, v.release.names("flag", program)))
	case f.Alone && !alone:
		refuse("V070", "--%s of %s needs a value", name, program).WithHint("write %s=VALUE", f.Name)
	case because != "":
		refuse("V070", "%s does not take that as --%s: %s", program, name, because).WithHint("%s", hint)
	case choosy && !slices.Contains(heeds, name):
		refuse("V073", "%s ignores --%s, because it has a configuration file", program, name).WithHint("%s", configured(program, name))
	case name == "service-node-port-range" && v.nodePorts() != "" && v.nodePorts() != f.Value:
		refuse("V078", "the API server would hand out %s, and the firewall opens and limits %s", f.Value, v.nodePorts()).
			WithHint("write nodePortRange: %s under profiles.firewall", f.Value)
	default:
		v.weakened(program, name, f, at, where, out)
	}
}

// nodePorts gives the range that the firewall of the cluster knows as NodePorts; ""
// without a firewall.
func (v *givenProofs) nodePorts() string {
	firewall, on := v.plan.Topology.Profiles["firewall"]
	if !on {
		return ""
	}
	if given, ok := firewall.Params["nodePortRange"].(string); ok {
		return given
	}
	if p := v.plan.Catalog.Lookup("firewall"); p != nil {
		for i := range p.Params {
			if p.Params[i].Name == "nodePortRange" {
				return fmt.Sprint(p.Params[i].Default)
			}
		}
	}
	return ""
}

// writeInstead says what to do about a flag that is decided elsewhere.
func writeInstead(instead string) string {
	if why, nothing := strings.CutPrefix(instead, "nothing"); nothing {
		return "take it out: " + strings.TrimLeft(why, ",; ")
	}
	return "write " + instead
}

// configured says where to write what a flag would say.
func configured(program, flag string) string {
	if flag == "feature-gates" {
		return "take it out: kube-proxy runs with the feature gates of its release"
	}
	return fmt.Sprintf("write %s under profiles.%s where the profile has that parameter, and take the flag out", camel(flag), program)
}

// camel turns metrics-bind-address into metricsBindAddress.
func camel(flag string) string {
	if flag == "nodeport-addresses" {
		return "nodePortAddresses"
	}
	words := strings.Split(flag, "-")
	for i, w := range words[1:] {
		if w != "" {
			words[i+1] = strings.ToUpper(w[:1]) + w[1:]
		}
	}
	return strings.Join(words, "")
}

// weakened warns of a flag that makes the cluster less safe than the default.
func (v *givenProofs) weakened(program, name string, f profile.Flag, at diag.Position, where string, out *diag.List) {
	values := v.rules.Weakens[program][name]
	given := strings.Split(f.Value, ",")
	if f.Alone {
		given = []string{"true"}
	}
	for _, value := range slices.Sorted(maps.Keys(values)) {
		absent, isAbsence := strings.CutPrefix(value, "!")
		if value == "*" || slices.Contains(given, value) || isAbsence && !slices.Contains(given, absent) && !slices.Contains(given, "AlwaysAllow") {
			out.Warnf("V072", at, where, "--%s makes the cluster less safe: %s", f, values[value]).
				WithHint("take it out unless you need it")
		}
	}
}
