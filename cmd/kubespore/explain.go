package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/kubespore/kubespore/pkg/compile"
	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/document"
	"github.com/kubespore/kubespore/pkg/inspect"
	"github.com/kubespore/kubespore/pkg/pki"
	"github.com/kubespore/kubespore/pkg/plan"
	"github.com/kubespore/kubespore/pkg/topology"
	"github.com/kubespore/kubespore/pkg/yamlfile"
)

func runExplain(c *call) int {
	if len(c.args) == 1 && codeRule.MatchString(c.args[0]) {
		return explainCode(c, c.args[0])
	}
	if c.options.keys && len(c.args) > 1 {
		return c.answer.misused(&usageError{message: "--keys is about all hosts", hint: "write kubespore explain --keys " + c.args[0]})
	}
	if c.options.settings && (len(c.args) != 2 || c.options.keys) {
		return c.answer.misused(&usageError{message: "--settings is about one host", hint: "write kubespore explain --settings " + c.args[0] + " HOST"})
	}
	now, err := c.now()
	if err != nil {
		return c.answer.misused(err)
	}
	project, list := c.work.load()
	if list.HasErrors() {
		return c.answer.finish(list, nil, nil)
	}
	if c.options.settings {
		return explainSettings(c, project, list)
	}
	store, err := c.work.lookAtStore(project)
	if err != nil {
		return c.answer.finish(append(list, storeProblem(err)...), nil, nil)
	}
	defer store.Close()
	switch in := lookInput(c, project, store, now); {
	case c.options.keys:
		return explainKeys(c, in, list)
	case len(c.args) > 1:
		return explainHost(c, in, list)
	}
	return explainCluster(c, project, store, list)
}

// lookInput is what rendering documents to look at them needs.
func lookInput(c *call, p *compile.Project, store *pki.Store, now time.Time) compile.Input {
	return compile.Input{Project: p, Overlays: c.work.overlay, Store: store, Now: now, Strict: c.options.strict}
}

func explainHost(c *call, in compile.Input, list diag.List) int {
	what := ""
	if len(c.args) == 3 {
		what = c.args[2]
	}
	var found []inspect.Explanation
	in.Hosts = c.args[1:2]
	in.Each = func(_ *plan.Host, doc *document.Document) {
		var err error
		found, err = inspect.Explain(doc, what)
		list.AddError("O114", err)
	}
	_, more := compile.Render(c.ctx, in)
	list.Append(more)
	return c.answer.finish(list, found, func(w io.Writer) { inspect.PrintExplanations(w, found) })
}

// explainSettings says what counts for a host, and at which line.
func explainSettings(c *call, p *compile.Project, list diag.List) int {
	host, more := p.Host(c.args[1])
	list.Append(more)
	if list.HasErrors() {
		return c.answer.finish(list, nil, nil)
	}
	settings := p.Settings(host)
	return c.answer.finish(list, settings, func(w io.Writer) { printSettings(w, settings) })
}

func printSettings(w io.Writer, settings []topology.Setting) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprint(t, "KEY\tVALUE\tFROM\tAT\n")
	for _, s := range settings {
		from := s.From
		if s.Pool != "" {
			from += " " + s.Pool
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", s.Key, yamlfile.Clip(s.Value), from, s.At)
	}
	_ = t.Flush()
}

func explainKeys(c *call, in compile.Input, list diag.List) int {
	var docs []*document.Document
	in.Each = func(_ *plan.Host, doc *document.Document) {
		docs = append(docs, &document.Document{Host: doc.Host, Keys: doc.Keys})
	}
	result, more := compile.Render(c.ctx, in)
	list.Append(more)
	if list.HasErrors() {
		return c.answer.finish(list, nil, nil)
	}
	keys := inspect.NewKeyCollector(result.Plan)
	for _, doc := range docs {
		keys.Add(doc)
	}
	table := keys.Table()
	return c.answer.finish(list, table, table.Print)
}

// hostFacts is what is said of a host without its document.
type hostFacts struct {
	Name     string   `json:"name"`
	Roles    []string `json:"roles"`
	OS       string   `json:"os"`
	Address  string   `json:"address"`
	PodCIDRs []string `json:"podCIDRs"`
	Profiles []string `json:"profiles"`
}

func explainCluster(c *call, p *compile.Project, store *pki.Store, list diag.List) int {
	given, err := store.Allocations()
	if err != nil {
		return c.answer.finish(append(list, storeProblem(err)...), nil, nil)
	}
	decided, _, more := p.Plan(given)
	list.Append(more)
	if list.HasErrors() {
		return c.answer.finish(list, nil, nil)
	}
	facts := []hostFacts{}
	for _, h := range decided.Hosts {
		f := hostFacts{Name: h.Name, Roles: h.Roles, OS: h.OS, Address: h.Address, PodCIDRs: h.PodCIDRs}
		for _, s := range h.Selected {
			f.Profiles = append(f.Profiles, s.Name)
		}
		facts = append(facts, f)
	}
	return c.answer.finish(list, facts, func(w io.Writer) { printFacts(w, facts) })
}

func printFacts(w io.Writer, facts []hostFacts) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprint(t, "HOST\tROLES\tOS\tADDRESS\tPODS\tPROFILES\n")
	for _, f := range facts {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", f.Name, roles(f.Roles), f.OS, f.Address, strings.Join(f.PodCIDRs, ","), strings.Join(f.Profiles, " "))
	}
	_ = t.Flush()
}
