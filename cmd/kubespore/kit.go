package main

import (
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/kubespore/kubespore/pkg/compile"
	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/media"
	"github.com/kubespore/kubespore/pkg/payload"
)

func kitCommand() command {
	return command{
		name: "kit", group: mediaGroup, args: "TOPOLOGY [HOST...]", min: 1, max: 1000, run: runKit,
		summary: "write what running machines need to become what the last build says",
		detail: `A kit has the files that changed between any of the builds that the store remembers
and the last one, and the order of restarts. It is signed with the cluster's key,
and each machine takes its own alone. Copy kits/NAME to the machine and run
kubespore-kit apply there, or plug in a volume that was made of NAME.iso. What a
kit does is what kubespore diff says. Hosts on which nothing changes get none.

Programs and images that change are named by their digests. With --payload the kits
bring those that machines lack, all in kits/_payload and each machine's own in
its volume; without, machines take them from the payload volume or the mirror that
they know.

With --from the kits are for machines of another cluster: they leave it, and become
the hosts of this one that are named.`,
		examples: []string{"kubespore kit prod.yaml", "kubespore kit prod.yaml cp1 cp2", "kubespore kit -o /media/stick prod.yaml", "kubespore kit --payload payload prod.yaml",
			"kubespore kit --from test.yaml prod.yaml w7"},
		flags:   append([]string{"build", "kits", "kits-from", "from-host", "kits-payload", "pki"}, loading...),
		results: []any{kitResult{}},
	}
}

type kitResult struct {
	Dir   string          `json:"dir"`
	Kits  []compile.KitOf `json:"kits"` // sorted by host
	Files []media.Made    `json:"files"`
}

func runKit(c *call) int {
	now, err := c.now()
	if err != nil {
		return c.answer.misused(err)
	}
	built, list := openBuilt(c, now)
	if list.HasErrors() {
		return c.answer.finish(list, nil, nil)
	}
	if built.Project == nil {
		return c.answer.misused(&usageError{message: "a kit is made for a topology, and " + c.args[0] + " is a folder", hint: "name the topology, and the folder with --build"})
	}
	names := c.args[1:]
	if err := leavingAsked(&c.options, names); err != nil {
		return c.answer.misused(err)
	}
	leaving, more := openLeaving(c, built, names, now)
	if list.Append(more); more.HasErrors() {
		return c.answer.finish(list, nil, nil)
	}
	work, project := c.work, built.Project
	if leaving != nil {
		work, project = c.work.of(c.options.fromTopology), leaving.Project
	}
	store, err := work.lookAtStore(project)
	if err != nil {
		return c.answer.finish(append(list, storeProblem(err)...), nil, nil)
	}
	defer store.Close()
	hosts, more := built.Hosts(names)
	list.Append(more)
	result := kitResult{Dir: c.options.kits, Kits: []compile.KitOf{}}
	var bundle *payload.Bundle
	if c.options.payload != "" && !list.HasErrors() {
		if bundle, err = payload.OpenBundle(c.ctx, c.options.payload, webOf(&c.options)); err != nil {
			list.AddError("W008", err)
		} else {
			defer bundle.Close()
		}
	}
	if !list.HasErrors() && !(c.options.strict && len(list) > 0) {
		medium := built.Kits(store, bundle, leaving, func(k compile.KitOf) { result.Kits = append(result.Kits, k) })
		var problems diag.List
		result.Files, problems = media.Write(c.ctx, medium, hosts, media.Options{Dir: c.options.kits, Whole: len(names) == 0, Progress: c.bars.of(medium.Name)})
		list.Append(problems)
	}
	slices.SortFunc(result.Kits, func(a, b compile.KitOf) int { return strings.Compare(a.Host, b.Host) })
	return c.answer.finish(list, result, func(w io.Writer) { printKits(w, result, leaving) })
}

// leavingAsked refuses what cannot be meant together with --from.
func leavingAsked(o *options, names []string) error {
	switch {
	case o.fromTopology == "" && o.fromHost == "":
		return nil
	case o.fromTopology == "":
		return &usageError{message: "--from-host names a host of another cluster, and no cluster is named", hint: "add --from TOPOLOGY"}
	case len(names) == 0:
		return &usageError{message: "which hosts do the machines become?", hint: "name them behind the topology"}
	case o.fromHost != "" && len(names) != 1:
		return &usageError{message: "--from-host is about one machine", hint: "name one host behind the topology"}
	case o.payload != "":
		return &usageError{message: "a kit that hands a machine over brings no programs and images", hint: "leave out --payload: the machine takes them when it starts, from where its new document says"}
	case o.pki != "":
		return &usageError{message: "--pki names one store, and there are two clusters", hint: "leave it out: each store is found next to its topology"}
	}
	return nil
}

// openLeaving opens the cluster that machines leave; nil where they stay in theirs.
func openLeaving(c *call, built *compile.Built, names []string, now time.Time) (*compile.Leaving, diag.List) {
	if c.options.fromTopology == "" {
		return nil, nil
	}
	project, list := c.work.of(c.options.fromTopology).load()
	if list.HasErrors() {
		return nil, list
	}
	leaving := &compile.Leaving{Project: project, Host: c.options.fromHost, Now: now}
	if project.Topology.Cluster.Name == built.Project.Topology.Cluster.Name {
		list.Errorf("O134", diag.Position{File: project.Topology.File}, "cluster.name", "both topologies are of the cluster %s", project.Topology.Cluster.Name).
			WithHint("leave out --from: a machine stays in its cluster by an ordinary kit")
	}
	return leaving, append(list, built.Takes(leaving, names)...)
}

func printKits(w io.Writer, r kitResult, leaving *compile.Leaving) {
	if len(r.Kits) == 0 {
		fmt.Fprintln(w, "no kit: these machines are what the last build says")
		return
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprint(t, "HOST\tKIT\tCHANGES\tSIZE\tPROGRAMS\tIMAGES\tRESTARTS\n")
	missing, carried := false, false
	for _, k := range r.Kits {
		fmt.Fprintf(t, "%s\t%s\t%d\t%s\t%d\t%d\t%s\n", k.Host, filepath.Join(r.Dir, k.Host), len(k.Changes), kitSize(k), len(k.Programs), len(k.Images), orDash(strings.Join(k.Restarts, ", ")))
		missing = missing || len(k.Programs)+len(k.Images) > 0 && k.Carried == 0
		carried = carried || k.Carried > 0
	}
	_ = t.Flush()
	fmt.Fprint(w, "kits hold private keys: keep them as safe as the documents\n\n")
	if leaving != nil {
		fmt.Fprintf(w, "next: drain each machine and take it out of %[1]s; then copy its folder there and run\n  kubespore-kit apply FOLDER\nwhich removes what it has of %[1]s, and starts it again\n", leaving.Project.Topology.Cluster.Name)
		return
	}
	fmt.Fprint(w, "next: copy each folder to its machine and run there, on all machines at once if you like:\n  kubespore-kit apply FOLDER\n")
	if carried {
		fmt.Fprintf(w, "programs and images are in %s, which goes next to the folder\n", filepath.Join(r.Dir, "_payload"))
	}
	if missing {
		fmt.Fprint(w, "programs and images are not among it: plug in the volume of kubespore payload pack before, or name the bundle with --payload\n")
	}
}

// kitSize is the size of a kit and, behind it, of the programs and images that come with it.
func kitSize(k compile.KitOf) string {
	text := fmt.Sprintf("%d KiB", (k.Bytes+1023)/1024)
	if k.Carried > 0 {
		text += fmt.Sprintf(" + %d MiB", (k.Carried+1<<20-1)>>20)
	}
	return text
}
