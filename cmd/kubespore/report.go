package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/kubespore/kubespore/docs"
	"github.com/kubespore/kubespore/pkg/compile"
	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/document"
	"github.com/kubespore/kubespore/pkg/durable"
	"github.com/kubespore/kubespore/pkg/input"
	"github.com/kubespore/kubespore/pkg/outdir"
	"github.com/kubespore/kubespore/pkg/pki"
	"github.com/kubespore/kubespore/pkg/plan"
	"github.com/kubespore/kubespore/pkg/report"
)

func reportCommand() command {
	return command{
		name: "report", group: topologyGroup, args: "TOPOLOGY", min: 1, max: 1, run: runReport, results: []any{pageResult{}},
		summary: "write one HTML page about the cluster, to look at and to print",
		detail: `Compiles in memory, runs every proof and writes one page that needs no network:
the topology drawn, who dials whom, who holds which key, how long certificates
live, open ports, the bill of materials, what changes since the last build, and
the answers to the CIS benchmark. It holds no key and no secret. Reads the store
and the last build and changes neither. -o - prints the page.

SOURCE_DATE_EPOCH sets the clock, in seconds since 1970.`,
		examples: []string{"kubespore report prod.yaml", "kubespore report prod.yaml -o /srv/www/prod.html", "kubespore report -o - prod.yaml > prod.html"},
		flags:    append([]string{"page", "build", "pki"}, loading...),
	}
}

// pageResult is what report prints.
type pageResult struct {
	File  string `json:"file"`
	Bytes int    `json:"bytes"`
	Hosts int    `json:"hosts"`
}

func runReport(c *call) int {
	now, err := c.now()
	if err != nil {
		return c.answer.misused(err)
	}
	if c.options.page == "-" && c.options.format == "json" {
		return c.answer.misused(&usageError{message: "-o - prints a page, and --format json an answer", hint: "leave one of them out"})
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
	page, more := reportPage(c, project, store, now)
	list.Append(more)
	if list.HasErrors() || c.options.strict && len(list) > 0 {
		return c.answer.finish(list, nil, nil)
	}
	if c.options.page == "-" {
		if _, err := c.stdout.Write(page); err != nil {
			list.AddError("O102", err)
		}
		return c.answer.finish(list, nil, nil)
	}
	if err := replacePage(c.options.page, page); err != nil {
		return c.answer.finish(append(list, cannotWrite(c.options.page, err)...), nil, nil)
	}
	return c.answer.finish(list, pageResult{c.options.page, len(page), len(project.Topology.Hosts)}, func(w io.Writer) {
		fmt.Fprintf(w, "wrote %s (%d KiB): open it in a browser, or print it\n", c.options.page, (len(page)+1023)/1024)
	})
}

// reportPage makes the page of a compilation that holds every proof.
func reportPage(c *call, project *compile.Project, store *pki.Store, now time.Time) ([]byte, diag.List) {
	var list diag.List
	last, err := outdir.Load(c.options.build)
	if err != nil {
		list.AddError("O111", err)
		return nil, list
	}
	in := report.Input{Project: project, At: now, Program: programVersion(), Stored: c.work.hasStore(project), Hardening: docs.Hardening}
	if last != nil {
		in.LastBuild = last.Issued
	}
	collector := report.NewCollector(in)
	result, more := compile.Run(c.ctx, compile.Input{
		Project: project, Overlays: c.work.overlay, Store: store, Now: now, Identity: identity(), Progress: c.bars.counted(), Strict: c.options.strict,
		Each: func(h *plan.Host, doc *document.Document) {
			list.AddError("O104", collector.Document(h, doc))
			if last != nil {
				list.AddError("O111", reportDifference(c.options.build, collector, last, h.Name, doc))
			}
		},
	})
	list.Append(more)
	c.answer.stages(result)
	if list.HasErrors() {
		return nil, list
	}
	for _, host := range goneHosts(last, result.Plan) {
		list.AddError("O111", reportDifference(c.options.build, collector, last, host, nil))
	}
	made, more := collector.Report(result, store.List(now))
	list.Append(more)
	var page bytes.Buffer
	list.AddError("O102", made.Write(&page))
	return page.Bytes(), list
}

// reportDifference tells the report what changes on a host since the last build.
func reportDifference(build string, to *report.Collector, last *outdir.Manifest, host string, doc *document.Document) error {
	d, err := compare(build, last, host, doc)
	if err == nil {
		to.Diff(d)
	}
	return err
}

// errNotPage is said of a file that the page would replace.
var errNotPage = errors.New("it exists and is not a page: name another file")

// replacePage writes a page, in the place of an earlier one at most.
func replacePage(name string, page []byte) error {
	switch old, err := input.ReadFile(name); {
	case err == nil && !bytes.HasPrefix(old, page[:min(len(page), len("<!doctype html>"))]):
		return errNotPage
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	}
	return durable.WriteFile(durable.OS{}, name, page, 0o644)
}
