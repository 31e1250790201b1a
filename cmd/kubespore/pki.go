package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/pki"
)

func runPKIList(c *call) int {
	store, list, usage := c.lookAtStore()
	if usage != nil {
		return c.misused(usage)
	}
	if list.HasErrors() {
		return c.finish(list, nil, nil)
	}
	defer store.Close()
	entries := store.List()
	for _, e := range entries {
		if e.Problem != "" {
			list.Errorf("O109", diag.Position{File: e.File}, "", "%s", e.Problem).WithHint("restore the file from a backup")
		}
	}
	return c.finish(list, entries, func(w io.Writer) { printEntries(w, entries) })
}

func printEntries(w io.Writer, entries []pki.Entry) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprint(t, "CERTIFICATE\tCOMMON NAME\tSIGNED BY\tEXPIRES\tRENEW BY\tNOTE\n")
	for _, e := range entries {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", e.File, e.CommonName, e.Authority, e.NotAfter.Format(time.DateOnly), e.RenewBy.Format(time.DateOnly), note(e))
	}
	_ = t.Flush()
}

func note(e pki.Entry) string {
	switch {
	case !e.HasKey:
		return "key kept elsewhere"
	case e.Unused:
		return "nobody needs it any more"
	}
	return ""
}

func runPKIVerify(c *call) int {
	now, err := c.now()
	if err != nil {
		return c.misused(err)
	}
	store, list, usage := c.lookAtStore()
	if usage != nil {
		return c.misused(usage)
	}
	if list.HasErrors() {
		return c.finish(list, nil, nil)
	}
	defer store.Close()
	list.Append(store.Verify(now))
	n := len(store.List())
	return c.finish(list, map[string]int{"certificates": n}, func(w io.Writer) {
		fmt.Fprintf(w, "the store is whole: %s\n", counted(n, "certificate"))
	})
}

// lookAtStore opens the store that --pki or the topology names. With a
// topology it also knows which certificates are in use.
func (c *call) lookAtStore() (*pki.Store, diag.List, error) {
	if len(c.args) == 0 {
		if c.options.pki == "" {
			return nil, nil, &usageError{message: "which store?", hint: "write kubespore " + c.command.name + " TOPOLOGY, or --pki DIR"}
		}
		store, err := pki.OpenReadOnly(c.options.pki, pki.Options{})
		return store, storeProblem(err), nil
	}
	project, list := c.load()
	if list.HasErrors() {
		return nil, list, nil
	}
	cluster := project.Topology.Cluster.Name
	store, err := pki.OpenReadOnly(c.storeDir(cluster), pki.Options{Cluster: cluster})
	if err != nil {
		return nil, append(list, storeProblem(err)...), nil
	}
	given, err := store.Allocations()
	if err != nil {
		return store, append(list, storeProblem(err)...), nil
	}
	plan, _, more := project.Plan(given)
	list.Append(more)
	if !more.HasErrors() {
		store.MarkUsed(plan)
	}
	return store, list, nil
}

func storeProblem(err error) diag.List {
	var list diag.List
	list.AddError("O106", err)
	return list
}
