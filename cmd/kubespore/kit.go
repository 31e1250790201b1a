package main

import (
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

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
they know.`,
		examples: []string{"kubespore kit prod.yaml", "kubespore kit prod.yaml cp1 cp2", "kubespore kit -o /media/stick prod.yaml", "kubespore kit --payload payload prod.yaml"},
		flags:    append([]string{"build", "kits", "kits-payload", "pki"}, loading...),
		results:  []any{kitResult{}},
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
	store, err := c.work.lookAtStore(built.Project)
	if err != nil {
		return c.answer.finish(append(list, storeProblem(err)...), nil, nil)
	}
	defer store.Close()
	names := c.args[1:]
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
		medium := built.Kits(store, bundle, func(k compile.KitOf) { result.Kits = append(result.Kits, k) })
		var problems diag.List
		result.Files, problems = media.Write(c.ctx, medium, hosts, media.Options{Dir: c.options.kits, Whole: len(names) == 0, Progress: c.bars.of(medium.Name)})
		list.Append(problems)
	}
	slices.SortFunc(result.Kits, func(a, b compile.KitOf) int { return strings.Compare(a.Host, b.Host) })
	return c.answer.finish(list, result, func(w io.Writer) { printKits(w, result) })
}

func printKits(w io.Writer, r kitResult) {
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
	fmt.Fprint(w, "kits hold private keys: keep them as safe as the documents\n\nnext: copy each folder to its machine and run there, on all machines at once if you like:\n  kubespore-kit apply FOLDER\n")
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
