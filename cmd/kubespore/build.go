package main

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/kubespore/kubespore/pkg/compile"
)

type buildResult struct {
	Out        string         `json:"out"`
	Store      string         `json:"store"`
	Unchanged  bool           `json:"unchanged"`
	Generation int            `json:"generation"`
	BootBy     time.Time      `json:"bootBy"`
	RenewBy    time.Time      `json:"renewBy"`
	Lock       string         `json:"lock,omitempty"` // the file, when the payload is locked
	Hosts      []compile.Host `json:"hosts"`
	Stages     []timing       `json:"stages"`
}

// timing is how long a stage took.
type timing struct {
	Name         string  `json:"name"`
	Milliseconds float64 `json:"milliseconds"`
}

func runBuild(c *call) int {
	now, err := c.now()
	if err != nil {
		return c.answer.misused(err)
	}
	project, list := c.work.load()
	if list.HasErrors() {
		list.Append(c.work.beyond(c.ctx, project, list, now))
		return c.answer.finish(list, nil, nil)
	}
	hosts, err := printedHost(c, project)
	if err != nil {
		return c.answer.misused(err)
	}
	dir := c.work.storeDir(project.Topology.Cluster.Name)
	store, err := c.work.openStore(project.Topology.Cluster.Name)
	if err != nil {
		return c.answer.finish(append(list, storeProblem(err)...), nil, nil)
	}
	defer store.Close()
	in := compile.Input{
		Project: project, Overlays: c.work.overlay, Store: store, Out: c.options.out, Hosts: c.options.hosts,
		Now: now, Version: programVersion(), Identity: identity(), Strict: c.options.strict, Progress: c.bars.counted(),
	}
	if hosts != nil {
		in.Out, in.Hosts, in.Print = "", hosts, c.stdout
	}
	result, more := compile.Run(c.ctx, in)
	list.Append(more)
	if in.Print == nil && !list.HasErrors() {
		list.AddError("O106", signFirst(store, project.Lock))
	}
	c.answer.stages(result)
	if in.Print != nil {
		return c.answer.finish(list, nil, nil)
	}
	b := buildResult{
		Out: c.options.out, Store: dir, Unchanged: result.Unchanged, Generation: result.Generation,
		BootBy: result.BootBy, RenewBy: result.RenewBy, Hosts: result.Hosts, Stages: timings(result),
	}
	if !project.Lock.Empty() {
		b.Lock = project.LockFile
	}
	return c.answer.finish(list, b, func(w io.Writer) { printBuild(w, b) })
}

// printedHost gives the one host whose document -o - prints, or nil when the
// build goes into a folder.
func printedHost(c *call, p *compile.Project) ([]string, error) {
	hosts := c.options.hosts
	switch {
	case c.options.out != "-":
		return nil, nil
	case c.options.format == "json":
		return nil, &usageError{message: "-o - prints a document, and --format json an answer", hint: "leave one of them out"}
	case len(hosts) == 0 && len(p.Topology.Hosts) == 1:
		return []string{p.Topology.Hosts[0].Name}, nil
	case len(hosts) != 1:
		return nil, &usageError{message: "-o - prints the document of one host", hint: "add --host NAME"}
	}
	return hosts, nil
}

func timings(r compile.Result) []timing {
	out := []timing{}
	for _, s := range r.Stages {
		out = append(out, timing{s.Name, float64(s.Duration.Microseconds()) / 1000})
	}
	return out
}

func printBuild(w io.Writer, b buildResult) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprint(t, "HOST\tROLES\tPROFILES\tSIZE\tDELIVERY\n")
	for _, h := range b.Hosts {
		fmt.Fprintf(t, "%s\t%s\t%d\t%d KiB\t%s\n", h.Name, roles(h.Roles), len(h.Profiles), (h.Bytes+1023)/1024, fullness(h))
	}
	_ = t.Flush()
	fmt.Fprintln(w)
	if b.Unchanged {
		fmt.Fprint(w, "nothing to do: the last build is whole and up to date\n\n")
	}
	t = tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "documents\t%s\n", filepath.Join(b.Out, "hosts"))
	fmt.Fprintf(t, "kubeconfig\t%s\n", filepath.Join(b.Out, "admin.conf"))
	fmt.Fprintf(t, "store\t%s (back it up: it holds the cluster's keys)\n", b.Store)
	fmt.Fprintf(t, "boot by\t%s\n", b.BootBy.Format(time.DateOnly))
	fmt.Fprintf(t, "renew by\t%s (build again)\n", b.RenewBy.Format(time.DateOnly))
	fmt.Fprintf(t, "payload\t%s\n", locked(b.Lock))
	_ = t.Flush()
	fmt.Fprintf(w, "\nnext: give each machine its document, power them on in any order, then\n  kubectl --kubeconfig %s get nodes\n", filepath.Join(b.Out, "admin.conf"))
}

// locked says what machines compare programs and images with.
func locked(lock string) string {
	if lock == "" {
		return "not locked: machines run what their image brings, unchecked (kubespore help payload)"
	}
	return "machines install only what " + lock + " pins"
}

func roles(list []string) string {
	if len(list) == 0 {
		return "-"
	}
	return strings.Join(list, ",")
}

// fullness says how much of what the delivery carries is used.
func fullness(h compile.Host) string {
	if h.DeliveryLimit == 0 {
		return h.Delivery
	}
	return fmt.Sprintf("%s (%d%% full)", h.Delivery, h.DeliveryBytes*100/h.DeliveryLimit)
}
