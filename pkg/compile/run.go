package compile

import (
	"context"
	"io"
	"time"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/document"
	"github.com/kubespore/kubespore/pkg/outdir"
	"github.com/kubespore/kubespore/pkg/pki"
	"github.com/kubespore/kubespore/pkg/plan"
	"github.com/kubespore/kubespore/pkg/render"
	"github.com/kubespore/kubespore/pkg/verify"
)

// Input is everything that a build depends on.
type Input struct {
	*Project
	Overlays Overlays
	Store    *pki.Store
	Out      string      // folder of the build; "" writes nothing, there or into the store
	Last     *outdir.Dir // a build that is only looked at: nothing is made when this one would be equal
	Hosts    []string    // write only these, carry the others over; all when empty
	Print    io.Writer   // takes the document of the one host of Hosts; with it Out is "", and the store keeps the keys
	Now      time.Time   // the build's clock
	Version  string      // of the program
	Identity string      // tells the program from one that may write other documents
	Strict   bool        // warnings are errors

	// Progress is told how far a stage is, when set.
	Progress func(stage string, done, total int)
	// Each is given every finished document, one at a time, in no order.
	Each func(*plan.Host, *document.Document)
}

// Result is what a build came to.
type Result struct {
	Plan       *plan.Plan
	Hosts      []Host        // sorted by name
	Calls      []verify.Call // who dials whom, in documents that hold every proof
	Unchanged  bool          // the last build was whole and up to date: nothing was done
	Generation int           // of what the cluster is to hold
	BootBy     time.Time
	RenewBy    time.Time
	Stages     []Stage
}

// Stage is a part of a build and how long it took. Those of the work on hosts
// are summed over all workers.
type Stage struct {
	Name     string
	Duration time.Duration
}

// pipe is a build under way: what each stage hands to the next.
type pipe struct {
	Input
	ctx      context.Context
	list     diag.List
	result   Result
	overlays *recorder

	keys      *plan.Keys
	evaluator *plan.Evaluator
	renderer  *render.Renderer
	verifier  *verify.Verifier
	given     diag.List // what is wrong with the flags of the topology; said with what the hosts' documents show
	out       *outdir.Dir
	stage     *outdir.Stage
	printed   []byte // what Print gets when all holds
}

// step is a named part of the pipe.
type step struct {
	name string
	run  func()
}

// Run builds. Unless everything holds, out/ and the store stay as they were.
func Run(ctx context.Context, in Input) (Result, diag.List) {
	p := newPipe(ctx, in)
	defer p.close()
	p.through(
		step{"plan", func() { p.decide(); p.list.Append(Beyond(ctx, in, p.list)) }},
		step{"compare", func() { p.open(); p.compare() }},
		step{"keys", p.issue},
		step{"prepare", func() { p.prepare(); p.begin() }},
		step{"hosts", func() { p.hosts(); p.list.Append(p.given) }},
		step{"cluster", func() { p.prove(); p.outputs() }},
		step{"store", p.commitStore},
		step{"out", func() { p.commitOut(); p.print() }},
	)
	return p.result, p.list
}

// Render gives Each the documents of the hosts asked for, to look at them. It
// proves and writes nothing.
func Render(ctx context.Context, in Input) (Result, diag.List) {
	in.Out = ""
	p := newPipe(ctx, in)
	p.through(
		step{"plan", p.decide},
		step{"keys", p.issue},
		step{"prepare", p.prepare},
		step{"hosts", p.look},
	)
	return p.result, p.list
}

func newPipe(ctx context.Context, in Input) *pipe {
	return &pipe{Input: in, ctx: ctx, overlays: newRecorder(in.Overlays)}
}

// through goes from step to step until one says stop.
func (p *pipe) through(steps ...step) {
	for _, s := range steps {
		start := time.Now()
		s.run()
		p.result.Stages = append(p.result.Stages, Stage{s.name, time.Since(start)})
		if p.stop() {
			return
		}
	}
}

// stop says whether the pipe ends here.
func (p *pipe) stop() bool {
	if err := p.ctx.Err(); err != nil && !p.result.Unchanged {
		p.list.Errorf("O103", diag.Position{}, "", "interrupted: nothing was changed")
	}
	if p.Strict {
		p.list = p.list.Strict()
	}
	return p.list.HasErrors() || p.result.Unchanged
}
