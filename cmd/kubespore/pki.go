package main

import (
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/kubespore/kubespore/pkg/compile"
	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/pki"
	"github.com/kubespore/kubespore/pkg/topology"
)

// listing is what pki list prints.
type listing struct {
	Certificates []pki.Entry   `json:"certificates"`
	BootBy       *time.Time    `json:"bootBy,omitempty"` // not set where the store has none in use
	RenewBy      *time.Time    `json:"renewBy,omitempty"`
	Rotations    []pki.Rotated `json:"rotations"` // that have not come to their end, by name
}

func runPKIList(c *call) int {
	now, err := c.now()
	if err != nil {
		return c.answer.misused(err)
	}
	store, list, usage := lookAtStore(c)
	if usage != nil {
		return c.answer.misused(usage)
	}
	if list.HasErrors() {
		return c.answer.finish(list, nil, nil)
	}
	defer store.Close()
	entries := store.List(now)
	for _, e := range entries {
		if e.Problem != "" {
			list.Errorf("O109", diag.Position{File: e.File}, "", "%s", e.Problem).WithHint("restore the file from a backup")
		}
	}
	rotations, err := pki.Rotations(store)
	if err != nil {
		list.Append(storeProblem(err))
	}
	l := listing{Certificates: entries, Rotations: rotations}
	if bootBy, renewBy := pki.Deadlines(entries); !bootBy.IsZero() {
		l.BootBy, l.RenewBy = &bootBy, &renewBy
	}
	return c.answer.finish(list, l, func(w io.Writer) { printListing(w, l, now) })
}

func printListing(w io.Writer, l listing, now time.Time) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprint(t, "CERTIFICATE\tCOMMON NAME\tSIGNED BY\tLIFE\tENDS IN\tEXPIRES\tRENEW BY\tNOTE\n")
	for _, e := range l.Certificates {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", e.File, e.CommonName, e.Authority, bar(e.Left), untilDate(e.NotAfter, now),
			e.NotAfter.Format(time.DateOnly), e.RenewBy.Format(time.DateOnly), note(e))
	}
	_ = t.Flush()
	if l.BootBy != nil {
		fmt.Fprintf(w, "\nboot before %s, renew before %s\n", l.BootBy.Format(time.DateOnly), l.RenewBy.Format(time.DateOnly))
	}
	for _, r := range l.Rotations {
		fmt.Fprintf(w, "\n%s is in the phase %s since %s\nnext: %s\n", r.Name, r.Phase, r.Since.Format(time.DateOnly), r.Next)
	}
}

// bar draws what is left of a life, in tenths. The last tenth is drawn until the end.
func bar(left float64) string {
	full := int(math.Ceil(left * 10))
	return "[" + strings.Repeat("#", full) + strings.Repeat(".", 10-full) + "]"
}

// untilDate says how long it is until then: in days or, for the last two, in hours.
func untilDate(then, now time.Time) string {
	switch d := then.Sub(now); {
	case d <= 0:
		return "ended"
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	default:
		return fmt.Sprintf("%dd", int(d.Hours()/24))
	}
}

func note(e pki.Entry) string {
	switch {
	case !e.HasKey:
		return "key kept elsewhere"
	case e.Unused:
		return "not needed any more"
	}
	return ""
}

// renewal is what pki renew prints.
type renewal struct {
	Store        string        `json:"store"`
	Certificates []pki.Renewed `json:"certificates"`
}

func runPKIRenew(c *call) int {
	now, err := c.now()
	if err != nil {
		return c.answer.misused(err)
	}
	choice := pki.Choice{Names: c.args[1:]}
	if c.options.before != "" {
		if choice.Before, err = topology.ParseLifetime(c.options.before); err != nil {
			return c.answer.misused(&usageError{message: "--before: " + err.Error()})
		}
	}
	project, list := c.work.load()
	if list.HasErrors() {
		return c.answer.finish(list, nil, nil)
	}
	dir := c.work.storeDir(project.Topology.Cluster.Name)
	store, err := c.work.openStore(project.Topology.Cluster.Name)
	if err != nil {
		return c.answer.finish(append(list, storeProblem(err)...), nil, nil)
	}
	defer store.Close()
	renewed, more := renewIn(store, project, choice, now)
	list.Append(more)
	if !list.HasErrors() && !(c.options.strict && len(list) > 0) {
		list.AddError("O106", store.Commit())
	}
	return c.answer.finish(list, renewal{dir, renewed}, func(w io.Writer) { printRenewal(w, renewed) })
}

func renewIn(store *pki.Store, project *compile.Project, choice pki.Choice, now time.Time) ([]pki.Renewed, diag.List) {
	given, err := store.Allocations()
	if err != nil {
		return nil, storeProblem(err)
	}
	decided, _, list := project.Plan(given)
	if list.HasErrors() {
		return nil, list
	}
	renewed, more := store.Renew(decided, choice, now)
	list.Append(more)
	return renewed, list
}

func printRenewal(w io.Writer, renewed []pki.Renewed) {
	for _, r := range renewed {
		fmt.Fprintf(w, "%s ends on %s now, not on %s\n", r.File, r.NotAfter.Format(time.DateOnly), r.Ended.Format(time.DateOnly))
	}
	if len(renewed) == 0 {
		fmt.Fprintln(w, "nothing to renew")
		return
	}
	fmt.Fprintf(w, "\n%s renewed in the store. Machines have the old ones until you bring them new documents: run kubespore build\n", diag.Counted(len(renewed), "certificate"))
}

// storeResult is what pki verify prints.
type storeResult struct {
	Certificates int `json:"certificates"`
}

func runPKIVerify(c *call) int {
	now, err := c.now()
	if err != nil {
		return c.answer.misused(err)
	}
	store, list, usage := lookAtStore(c)
	if usage != nil {
		return c.answer.misused(usage)
	}
	if list.HasErrors() {
		return c.answer.finish(list, nil, nil)
	}
	defer store.Close()
	list.Append(store.Verify(now))
	n := len(store.List(now))
	return c.answer.finish(list, storeResult{n}, func(w io.Writer) {
		fmt.Fprintf(w, "the store is whole: %s\n", diag.Counted(n, "certificate"))
	})
}

// lookAtStore opens the store that --pki or the topology names. With a
// topology it also knows which certificates are in use.
func lookAtStore(c *call) (*pki.Store, diag.List, error) {
	if len(c.args) == 0 {
		if c.options.pki == "" {
			return nil, nil, &usageError{message: "which store?", hint: "write kubespore " + c.command.name + " TOPOLOGY, or --pki DIR"}
		}
		store, err := pki.OpenReadOnly(c.options.pki, c.work.keys.open(""))
		return store, storeProblem(err), nil
	}
	project, list := c.work.load()
	if list.HasErrors() {
		return nil, list, nil
	}
	cluster := project.Topology.Cluster.Name
	store, err := pki.OpenReadOnly(c.work.storeDir(cluster), c.work.keys.open(cluster))
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
