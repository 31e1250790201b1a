package main

import (
	"io"
	"slices"
	"strings"

	"github.com/kubespore/kubespore/pkg/compile"
	"github.com/kubespore/kubespore/pkg/document"
	"github.com/kubespore/kubespore/pkg/inspect"
	"github.com/kubespore/kubespore/pkg/kit"
	"github.com/kubespore/kubespore/pkg/outdir"
	"github.com/kubespore/kubespore/pkg/plan"
)

func runDiff(c *call) int {
	now, err := c.now()
	if err != nil {
		return c.answer.misused(err)
	}
	project, list := c.work.load()
	if list.HasErrors() {
		return c.answer.finish(list, nil, nil)
	}
	store, err := c.work.lookAtStore(project)
	if err != nil {
		return c.answer.finish(append(list, storeProblem(err)...), nil, nil)
	}
	defer store.Close()
	dir, err := outdir.Look(c.options.build)
	if err != nil {
		list.AddError("O111", err)
		return c.answer.finish(list, nil, nil)
	}
	last := dir.Manifest()
	diffs := []inspect.HostDiff{}
	look := func(host string, new *document.Document) {
		if len(c.options.hosts) > 0 && !slices.Contains(c.options.hosts, host) {
			return
		}
		d, err := compare(c.options.build, last, host, new)
		list.AddError("O111", err)
		d.NoteReadsAllHosts(func(name string) bool {
			p := project.Catalog.Lookup(name) // nil for an overlay
			return p != nil && p.ReadsAllHosts
		})
		diffs = append(diffs, d)
	}
	result, more := compile.Run(c.ctx, compile.Input{
		Project: project, Overlays: c.work.overlay, Store: store, Last: dir, Hosts: c.options.hosts, Now: now, Identity: identity(), Progress: c.bars.counted(), Strict: c.options.strict,
		Each: func(h *plan.Host, doc *document.Document) { look(h.Name, doc) },
	})
	list.Append(more)
	if result.Unchanged {
		diffs = unchanged(result, c.options.hosts)
	}
	for _, host := range goneHosts(last, result.Plan) {
		look(host, nil)
	}
	slices.SortFunc(diffs, func(a, b inspect.HostDiff) int { return strings.Compare(a.Host, b.Host) })
	changed := slices.DeleteFunc(slices.Clone(diffs), func(d inspect.HostDiff) bool { return d.Action == "" })
	code := c.answer.finish(list, changed, func(w io.Writer) { inspect.PrintDiffs(w, diffs, c.options.verbose) })
	if code == exitFine && c.options.exitCode && len(changed) > 0 {
		return exitChanges
	}
	return code
}

// unchanged says of every host that nothing changes.
func unchanged(r compile.Result, named []string) []inspect.HostDiff {
	diffs := []inspect.HostDiff{}
	for _, h := range r.Hosts {
		if len(named) == 0 || slices.Contains(named, h.Name) {
			diffs = append(diffs, inspect.HostDiff{Host: h.Name})
		}
	}
	return diffs
}

// compare compares a host's new document with that of the last build, in out.
func compare(out string, last *outdir.Manifest, host string, new *document.Document) (inspect.HostDiff, error) {
	old, err := compile.ReadDocument(out, last, host)
	if err != nil {
		return inspect.HostDiff{}, err
	}
	d, err := inspect.Diff(old, new)
	if err != nil || d.Action != inspect.Changed {
		return d, err
	}
	d.Kit, err = kitBetween(old, new)
	return d, err
}

// kitBetween says what a kit from one document to another does.
func kitBetween(old, new *document.Document) (*inspect.Kit, error) {
	in, err := compile.KitInput(new)
	if err != nil {
		return nil, err
	}
	k, err := kit.Between(old, in)
	if err != nil || k == nil {
		return nil, err
	}
	out := &inspect.Kit{Blocked: []string{}}
	for _, b := range k.Not {
		out.Blocked = slices.Concat(b.Steps, b.Items)
	}
	for _, way := range k.From {
		out.Restarts = way.Restarts()
		for _, p := range way.Programs {
			out.Programs = append(out.Programs, strings.TrimSpace(p.Name+" "+strings.TrimPrefix(p.Version, "-")))
		}
		for _, p := range way.Images {
			out.Images = append(out.Images, p.Name)
		}
	}
	return out, nil
}

// goneHosts gives the hosts of the last build that the topology no longer has.
func goneHosts(last *outdir.Manifest, now *plan.Plan) []string {
	if last == nil || now == nil {
		return nil
	}
	var out []string
	for _, f := range last.Files {
		known := slices.ContainsFunc(now.Hosts, func(h *plan.Host) bool { return h.Name == f.Host })
		if f.Host != "" && !known && !slices.Contains(out, f.Host) {
			out = append(out, f.Host)
		}
	}
	return out
}
