package main

import (
	"fmt"
	"io"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/pki"
	"github.com/kubespore/kubespore/pkg/plan"
)

// rotation is what pki rotate prints.
type rotation struct {
	Rotations []pki.Rotated `json:"rotations"` // in the phase that they are in now
}

func runPKIRotate(c *call) int {
	now, err := c.now()
	if err != nil {
		return c.answer.misused(err)
	}
	result := rotation{Rotations: []pki.Rotated{}}
	list := changeStore(c, func(store *pki.Store, p *plan.Plan) diag.List {
		rotated, list := pki.Rotate(store, p, c.args[1:], now)
		result.Rotations = append(result.Rotations, rotated...)
		return list
	})
	return c.answer.finish(list, result, func(w io.Writer) { printRotation(w, result) })
}

func printRotation(w io.Writer, r rotation) {
	says := map[string]string{
		plan.PhaseTrust: "the new one is accepted besides the old one, which is in use",
		plan.PhaseIssue: "the new one is in use, and the old one is still accepted",
		pki.PhaseDone:   "the old one is not accepted any more",
	}
	for _, x := range r.Rotations {
		fmt.Fprintf(w, "%s: %s: %s\nnext: %s\n", x.Name, x.Phase, says[x.Phase], x.Next)
	}
}
