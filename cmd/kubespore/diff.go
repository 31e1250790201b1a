package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kubespore/kubespore/pkg/compile"
	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/document"
	"github.com/kubespore/kubespore/pkg/inspect"
	"github.com/kubespore/kubespore/pkg/outdir"
	"github.com/kubespore/kubespore/pkg/plan"
)

func runDiff(c *call) int {
	now, err := c.now()
	if err != nil {
		return c.misused(err)
	}
	project, list := c.load()
	if list.HasErrors() {
		return c.finish(list, nil, nil)
	}
	store, err := c.storeToLookAt(project)
	if err != nil {
		return c.finish(append(list, storeProblem(err)...), nil, nil)
	}
	defer store.Close()
	last, err := outdir.Load(c.options.out)
	if err != nil {
		list.AddError("O111", err)
		return c.finish(list, nil, nil)
	}
	diffs := []inspect.HostDiff{}
	compare := func(host string, new *document.Document) {
		d, err := c.compare(host, new)
		list.AddError("O111", err)
		if err == nil && d.Action != "" {
			diffs = append(diffs, d)
		}
	}
	result, more := compile.Run(c.ctx, compile.Input{
		Project: project, Overlays: c.overlay, Store: store, Now: now, Hosts: c.options.hosts, Progress: c.progress(), Strict: c.options.strict,
		Each: func(h *plan.Host, doc *document.Document) { compare(h.Name, doc) },
	})
	list.Append(more)
	for _, host := range c.gone(last, result.Plan) {
		compare(host, nil)
	}
	slices.SortFunc(diffs, func(a, b inspect.HostDiff) int { return strings.Compare(a.Host, b.Host) })
	code := c.finish(list, diffs, func(w io.Writer) { printDiffs(w, diffs, c.options.verbose) })
	if code == exitFine && c.options.exitCode && len(diffs) > 0 {
		return exitDiagnostics
	}
	return code
}

// compare holds a host's new document against the one in out/.
func (c *call) compare(host string, new *document.Document) (inspect.HostDiff, error) {
	if len(c.options.hosts) > 0 && !slices.Contains(c.options.hosts, host) {
		return inspect.HostDiff{}, nil
	}
	name := filepath.Join(c.options.out, "hosts", host, "config.ign")
	raw, err := os.ReadFile(name)
	if os.IsNotExist(err) {
		return inspect.Diff(nil, new)
	}
	if err != nil {
		return inspect.HostDiff{}, diag.Failf("O101", diag.Position{File: name}, "cannot be read: %v", reason(err))
	}
	old, err := document.Decode(host, raw, nil)
	if err != nil {
		return inspect.HostDiff{}, err
	}
	return inspect.Diff(old, new)
}

// gone gives the hosts of the last build that the topology no longer has.
func (c *call) gone(last *outdir.Manifest, now *plan.Plan) []string {
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

func printDiffs(w io.Writer, diffs []inspect.HostDiff, patches bool) {
	if len(diffs) == 0 {
		fmt.Fprintln(w, "nothing changes")
	}
	for _, d := range diffs {
		fmt.Fprintf(w, "%s: %s, asks for: %s\n", d.Host, d.Action, d.Needs)
		for _, change := range d.Changes {
			fmt.Fprintf(w, "  %-8s %s", change.Action, change.Path)
			if len(change.Attributes) > 0 {
				fmt.Fprintf(w, " (%s)", strings.Join(change.Attributes, "; "))
			}
			fmt.Fprintln(w)
			if patches && change.Patch != "" {
				fmt.Fprintf(w, "    %s\n", strings.ReplaceAll(strings.TrimRight(change.Patch, "\n"), "\n", "\n    "))
			}
		}
	}
}
