package compile

import (
	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/payload"
	"github.com/kubespore/kubespore/pkg/render"
	"github.com/kubespore/kubespore/pkg/verify"
)

// decide makes the plan.
func (p *pipe) decide() {
	given, err := p.Store.Allocations()
	if err != nil {
		p.list.AddError("O106", err)
		return
	}
	decided, evaluator, problems := p.Project.Plan(given)
	p.list.Append(problems)
	p.list.Append(support(p.Topology, p.Catalog, p.Now))
	p.result.Plan, p.evaluator = decided, evaluator
	if !problems.HasErrors() {
		p.checkNames()
		p.list.Append(payload.CheckLock(p.LockFile, p.Lock, payload.NewBill(decided)))
	}
}

// checkNames refuses names of hosts that the topology does not have.
func (p *pipe) checkNames() {
	for _, name := range p.Hosts {
		_, problem := p.Host(name)
		p.list.Append(problem)
	}
}

// issue finds or makes every key. Nothing is on disk before commitStore.
func (p *pipe) issue() {
	keys, problems := p.Store.Issue(p.result.Plan, p.Now, func(done, total int) { p.report("keys", done, total) })
	p.list.Append(problems)
	p.keys = keys
	if !problems.HasErrors() {
		p.dates()
	}
}

// prepare renders what all hosts share and counts the generation of what the
// cluster is to hold.
func (p *pipe) prepare() {
	var problems diag.List
	p.renderer, problems = render.New(p.result.Plan, p.evaluator, p.overlays.Open)
	p.list.Append(problems)
	if problems.HasErrors() {
		return
	}
	a := &p.result.Plan.Allocations
	if objects := p.renderer.ObjectsDigest(); objects != a.Objects {
		a.Objects = objects
		a.Generation++
	}
	p.renderer.SetGeneration(a.Generation)
	p.result.Generation = a.Generation
	verifier, err := verify.New(p.result.Plan)
	p.list.AddError("O108", err)
	if p.verifier = verifier; err == nil {
		given, unread := verifier.Given()
		if p.given = given; unread {
			p.list.Append(given)
		}
	}
}

// prove runs the proofs that need all documents. What the cluster lacks is said
// where nothing is wrong: a plan that is wrong may lack it for that reason.
func (p *pipe) prove() {
	p.list.Append(p.caused(p.verifier.Cluster()))
	if !p.list.HasErrors() {
		p.list.Append(p.result.Plan.Advice)
		p.result.Calls = p.verifier.Calls()
	}
}

// commitStore makes the keys and allocations last, before any document that
// needs them.
func (p *pipe) commitStore() {
	if p.Out == "" && p.Print == nil {
		return
	}
	if len(p.Hosts) == 0 {
		p.result.Plan.Allocations.SetBuilt()
	}
	if err := p.Store.SetAllocations(p.result.Plan.Allocations); err != nil {
		p.list.AddError("O106", err)
		return
	}
	p.list.AddError("O106", p.Store.Commit())
}
