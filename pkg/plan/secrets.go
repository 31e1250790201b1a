package plan

import (
	"maps"
	"slices"
	"strings"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/profile"
	"github.com/kubespore/kubespore/pkg/topology"
)

// hideSecrets keeps the lines of the topology that hold secret parameters out
// of excerpts, whatever is wrong in them.
func hideSecrets(t *topology.Topology, catalog *profile.Catalog, list diag.List) {
	lines := map[int]bool{}
	secretLines(t, catalog, t.Profiles, "profiles", lines)
	for i := range t.Hosts {
		secretLines(t, catalog, t.Hosts[i].Profiles, t.Hosts[i].Path+".profiles", lines)
	}
	for i := range list {
		if d := &list[i]; d.Position.File == t.File && lines[d.Position.Line] && d.Source == "" {
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
func secretLines(t *topology.Topology, catalog *profile.Catalog, selections map[string]topology.Selection, path string, lines map[int]bool) {
	for name, selected := range selections {
		p := catalog.Lookup(name)
		if p == nil || !slices.ContainsFunc(p.Params, func(q profile.Param) bool { return q.Secret }) {
			continue
		}
		for key := range selected.Params {
			if q := p.Param(key); q == nil || q.Secret {
				lines[t.At(path+"."+name+"."+key).Line] = true
			}
		}
	}
}
