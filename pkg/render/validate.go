package render

import (
	"slices"
	"strings"

	"github.com/coreos/ignition/v2/config/v3_4/types"
	ignvalidate "github.com/coreos/ignition/v2/config/validate"
	"github.com/coreos/vcontext/path"
	"github.com/coreos/vcontext/report"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/document"
)

// judge lets Ignition validate the whole again: parts that are valid on their
// own may not be so together. Butane has validated every part, so that what is
// left are rules between parts, what is not Butane's (deposits, units filled
// from files) and what layers made of each other's parts.
func (r *Renderer) judge(d *document.Document, mixed []types.Config) diag.List {
	var problems diag.List
	whole := path.New("json")
	found := d.Config.Validate(whole)
	found.Merge(d.Config.Storage.Validate(whole.Append("storage")))
	for i, f := range d.Config.Storage.Files {
		found.Merge(f.Node.Validate(whole.Append("storage", "files", i)))
	}
	for i, u := range d.Config.Systemd.Units {
		found.Merge(prefixed(r.judgeUnit(u), "systemd", "units", i))
		for j, drop := range u.Dropins {
			found.Merge(prefixed(r.judgeDropin(drop), "systemd", "units", i, "dropins", j))
		}
	}
	reportItems(&problems, d, &d.Config, found)
	for i := range mixed {
		c := withoutContents(mixed[i])
		reportItems(&problems, d, &c, ignvalidate.ValidateWithContext(c, nil))
	}
	return problems
}

// unitKey is all that the verdict on a unit or a drop-in depends on.
type unitKey struct {
	name, contents   string
	written, enabled bool
}

func (r *Renderer) judgeUnit(u types.Unit) report.Report {
	key := unitKey{u.Name, deref(u.Contents), u.Contents != nil, deref(u.Enabled)}
	return r.units.get(key, func() report.Report { return u.Validate(path.New("json")) })
}

func (r *Renderer) judgeDropin(d types.Dropin) report.Report {
	key := unitKey{name: d.Name, contents: deref(d.Contents), written: d.Contents != nil}
	return r.units.get(key, func() report.Report { return d.Validate(path.New("json")) })
}

// prefixed gives a report on a part as one on the whole.
func prefixed(r report.Report, where ...any) report.Report {
	var out report.Report
	for _, e := range r.Entries {
		e.Context = path.New("json", slices.Concat(where, e.Context.Path)...)
		out.Entries = append(out.Entries, e)
	}
	return out
}

// reportItems gives each entry of a report the place of the item that it is
// about.
func reportItems(problems *diag.List, d *document.Document, c *types.Config, found report.Report) {
	for _, e := range found.Entries {
		item := document.ItemAt(c, e.Context.Path)
		message := plainMessage(e.Message)
		if kind, name, ok := strings.Cut(item, ":"); ok {
			message = kind + " " + name + ": " + message
		}
		problems.Errorf("R014", d.At(item), "", "%s", message)
	}
}

// withoutContents empties the files of a config: their contents are data URLs
// that this package made, or that were judged with their fragment.
func withoutContents(c types.Config) types.Config {
	empty := "data:,"
	c.Storage.Files = slices.Clone(c.Storage.Files)
	for i := range c.Storage.Files {
		f := &c.Storage.Files[i]
		f.Append = nil
		if f.Contents.Source != nil {
			f.Contents = types.Resource{Source: &empty}
		}
	}
	return c
}
