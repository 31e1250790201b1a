package verify

import (
	"maps"
	"slices"
	"strings"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/profile"
)

// pairing is a rule of owned.yaml for flags that go with others, or do not.
type pairing struct {
	Flags   []string
	Word    string // the rule is for this word of the flag's value only
	Needs   string // a flag that must be given too
	As      string // a word that the needed flag must have
	Apart   string // a flag that may not have a word of this one
	Ours    string // the words of that flag where the user gives none
	Without string // a parameter of the profile that may not be given
	Unless  string // a parameter of the profile with which the rule does not count
	Instead string
}

// givenFlags are the flags of one program, by name.
type givenFlags map[string]*struct {
	words []string // of all values
	path  string   // of the last one
}

func flagsByName(flags []profile.Flag, at string) givenFlags {
	out := givenFlags{}
	for _, f := range flags {
		name := strings.ReplaceAll(f.Name, "_", "-")
		if out[name] == nil {
			out[name] = new(struct {
				words []string
				path  string
			})
		}
		out[name].path = at + f.Path
		out[name].words = append(out[name].words, strings.Split(f.Value, ",")...)
	}
	return out
}

// togetherOn judges what a host has of a profile: its own parameters over those of all.
// What is wrong without the host's own has been said.
func (v *givenProofs) togetherOn(p *profile.Profile, shared, own map[string]any, host string, out *diag.List) {
	both := maps.Clone(shared)
	if both == nil {
		both = map[string]any{}
	}
	maps.Copy(both, own)
	var said, list diag.List
	v.together(p, shared, func(string) string { return "profiles." + p.Name }, &said)
	v.together(p, both, func(param string) string {
		if _, ok := own[param]; ok {
			return host + ".profiles." + p.Name
		}
		return "profiles." + p.Name
	}, &list)
	for _, d := range list {
		if !slices.ContainsFunc(said, func(s diag.Diagnostic) bool { return s.Position == d.Position && s.Message == d.Message }) {
			out.Append(diag.List{d})
		}
	}
}

// together judges the flags that a profile is given by what else it is given. at says
// where a parameter of it stands.
func (v *givenProofs) together(p *profile.Profile, params map[string]any, at func(param string) string, out *diag.List) {
	for i := range p.Params {
		q := &p.Params[i]
		if q.Type != "flags" || params[q.Name] == nil {
			continue
		}
		flags, problems := profile.Flags(params[q.Name])
		if len(problems) > 0 {
			continue // the plan has said so
		}
		given := flagsByName(flags, at(q.Name)+"."+q.Name)
		for _, name := range v.rules.Once[q.Program] {
			if f := given[name]; f != nil {
				if twice := repeated(f.words); twice != "" {
					out.Errorf("V081", v.plan.Topology.At(f.path), f.path, "%s ends when --%s has %s twice", q.Program, name, twice).WithHint("write it once")
				}
			}
		}
		for _, rule := range v.rules.Together[q.Program] {
			for _, name := range rule.Flags {
				if f := given[name]; f != nil && (rule.Word == "" || slices.Contains(f.words, rule.Word)) {
					if why := rule.broken(f.words, given, params); why != "" {
						out.Errorf("V081", v.plan.Topology.At(f.path), f.path, "%s ends when it has --%s%s %s", q.Program, name, with(rule.Word), why).WithHint("%s", rule.Instead)
					}
				}
			}
		}
	}
}

// broken says what a flag with such words does not go with, or goes with alone; "" when
// all is well.
func (r pairing) broken(words []string, given givenFlags, params map[string]any) string {
	if params[r.Unless] != nil {
		return ""
	}
	if params[r.Without] != nil {
		return "and " + r.Without
	}
	other := given[r.Needs]
	if r.Needs != "" && (other == nil || r.As != "" && !slices.Contains(other.words, r.As)) {
		return "without --" + r.Needs + with(r.As)
	}
	if r.Apart != "" {
		taken := strings.Split(r.Ours, ",")
		if other := given[r.Apart]; other != nil {
			taken = other.words
		}
		for _, word := range words {
			if word != "" && slices.Contains(taken, word) {
				return "and --" + r.Apart + " with " + word + " in both"
			}
		}
	}
	return ""
}

func with(word string) string {
	if word == "" {
		return ""
	}
	return "=" + word
}
