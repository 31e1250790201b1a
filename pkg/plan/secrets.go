package plan

import (
	"maps"
	"slices"
	"strings"

	"github.com/kubespore/kubespore/pkg/profile"
	"github.com/kubespore/kubespore/pkg/topology"
)

// hideSecrets keeps the lines of the topology that hold secret parameters out
// of excerpts, whatever is wrong in them.
func (b *build) hideSecrets() {
	lines := map[int]bool{}
	b.secretLines(b.topology.Profiles, "profiles", lines)
	for i := range b.topology.Hosts {
		b.secretLines(b.topology.Hosts[i].Profiles, b.topology.Hosts[i].Path+".profiles", lines)
	}
	for i := range b.list {
		if d := &b.list[i]; d.Position.File == b.topology.File && lines[d.Position.Line] && d.Source == "" {
			d.WithSource(strings.Repeat(" ", max(0, d.Position.Column-1)) + "(not shown)")
		}
	}
}

// visible gives the parameters as templates see them. Of a secret one they see
// a mark: its value is put into the finished file alone, which must be 0600 and
// is never shown.
func (u *instance) visible() map[string]any {
	var out map[string]any
	for i := range u.Profile.Params {
		q := &u.Profile.Params[i]
		value, isText := u.params[q.Name].(string)
		if !q.Secret || !isText || value == "" {
			continue
		}
		if out == nil {
			out = maps.Clone(u.params)
		}
		out[q.Name] = MarkParam(u.Name, q.Name)
	}
	if out == nil {
		return u.params
	}
	return out
}

// secretLines notes the lines with secret parameters. A misspelt one may be
// secret too.
func (b *build) secretLines(uses map[string]topology.Selection, path string, lines map[int]bool) {
	for name, use := range uses {
		p := b.catalog.Lookup(name)
		if p == nil || !slices.ContainsFunc(p.Params, func(q profile.Param) bool { return q.Secret }) {
			continue
		}
		for key := range use.Params {
			if q := p.Param(key); q == nil || q.Secret {
				lines[b.topology.At(path+"."+name+"."+key).Line] = true
			}
		}
	}
}
