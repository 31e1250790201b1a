package compile

import (
	"context"
	"fmt"
	"path"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/document"
	"github.com/kubespore/kubespore/pkg/outdir"
	"github.com/kubespore/kubespore/pkg/plan"
)

// Host is what a build came to for one host.
type Host struct {
	Name          string   `json:"name"`
	Roles         []string `json:"roles"`
	Profiles      []string `json:"profiles"`
	File          string   `json:"file"` // below the build's folder
	Bytes         int      `json:"bytes"`
	Delivery      string   `json:"delivery"`
	DeliveryBytes int      `json:"deliveryBytes"` // what counts against the limit
	DeliveryLimit int      `json:"deliveryLimit"` // 0 for none
}

// workload counts the time that all workers spend in a part of the work.
type workload struct{ render, emit, verify, write atomic.Int64 }

// timed adds the time of a call to a counter.
func timed(counter *atomic.Int64, work func()) {
	start := time.Now()
	work()
	counter.Add(int64(time.Since(start)))
}

// hosts makes, proves and writes every document. Documents live only as long
// as a worker holds them, so memory does not grow with the number of hosts.
func (p *pipe) hosts() {
	ctx, cancel := context.WithCancel(p.ctx)
	defer cancel()
	hosts := p.result.Plan.Hosts
	lists := make([]diag.List, len(hosts))
	p.result.Hosts = make([]Host, len(hosts))
	var (
		done    int
		load    workload
		workers errgroup.Group
		turn    sync.Mutex // Each and Progress are called by one worker at a time
	)
	workers.SetLimit(runtime.GOMAXPROCS(0))
	for i := range hosts {
		workers.Go(func() error {
			if ctx.Err() != nil {
				return nil
			}
			doc := p.host(hosts[i], &p.result.Hosts[i], &lists[i], &load, cancel)
			turn.Lock()
			defer turn.Unlock()
			if p.Each != nil && doc != nil {
				p.Each(hosts[i], doc)
			}
			done++
			p.report("documents", done, len(hosts))
			return nil
		})
	}
	_ = workers.Wait() // what is wrong is in the lists
	p.list.Append(p.caused(fold(lists)))
	for _, part := range []struct {
		name string
		time *atomic.Int64
	}{{"- render", &load.render}, {"- emit", &load.emit}, {"- verify", &load.verify}, {"- write", &load.write}} {
		p.result.Stages = append(p.result.Stages, Stage{part.name, time.Duration(part.time.Load())})
	}
}

// fold joins the diagnostics of all hosts. What a profile does wrong is wrong
// on every host that has it, and is said of the first.
func fold(hosts []diag.List) diag.List {
	type mistake struct {
		code, message string
		at            diag.Position
	}
	type place struct{ index, host, more int }
	var out diag.List
	seen := map[mistake]*place{}
	for host, list := range hosts {
		for _, d := range list {
			m := mistake{d.Code, d.Message, d.Position}
			first := seen[m]
			switch {
			case first == nil:
				seen[m] = &place{index: len(out), host: host}
			case first.host != host && d.Position != diag.Position{}:
				first.host, first.more = host, first.more+1
				continue
			case first.more > 0:
				continue
			}
			out = append(out, d)
		}
	}
	for _, p := range seen {
		if p.more > 0 {
			out[p.index].Message += fmt.Sprintf(" (and on %d more hosts)", p.more)
		}
	}
	return out
}

// look makes the documents that were asked for, one after the other.
func (p *pipe) look() {
	for _, h := range p.result.Plan.Hosts {
		if !p.wanted(h.Name) {
			continue
		}
		doc, problems := p.renderer.Host(h, p.keys)
		p.list.Append(problems)
		if doc != nil {
			p.Each(h, doc)
		}
	}
}

// host makes one document. What cannot be written stops the others too.
func (p *pipe) host(h *plan.Host, result *Host, list *diag.List, load *workload, stop func()) *document.Document {
	var doc *document.Document
	timed(&load.render, func() {
		var problems diag.List
		doc, problems = p.renderer.Host(h, p.keys)
		list.Append(problems)
	})
	if doc == nil {
		return nil
	}
	var written written
	var problems diag.List
	timed(&load.emit, func() { written, problems = write(h, doc) })
	list.Append(problems)
	if problems.HasErrors() {
		return nil
	}
	timed(&load.verify, func() { list.Append(written.prove(p.verifier, h, doc)) })
	*result = describe(h)
	result.measure(written.files[0].Data)
	result.demandRoom(p.Topology.At(h.Path+".delivery"), h.Path, doc, list)
	if p.Print != nil && p.wanted(h.Name) {
		p.printed = written.files[0].Data
	}
	if p.stage != nil && p.wanted(h.Name) && !list.HasErrors() {
		list.AddError("O106", p.remember(h, doc))
		if err := p.write(written.files, load); err != nil {
			list.AddError("O105", err)
			stop()
		}
	}
	return doc
}

// remember notes in the store what the document makes of its machine, for kits.
func (p *pipe) remember(h *plan.Host, doc *document.Document) error {
	state := doc.Named
	if state == nil {
		var err error
		if state, err = doc.State(); err != nil {
			return err
		}
	}
	return p.Store.Remember(h.Name, state)
}

func (p *pipe) write(files []outdir.File, load *workload) (err error) {
	timed(&load.write, func() {
		for _, f := range files {
			if err = p.stage.Write(f); err != nil {
				return
			}
		}
	})
	return err
}

// describe says what is known of a host without its document.
func describe(h *plan.Host) Host {
	c := delivery(h.Delivery)
	out := Host{Name: h.Name, Roles: h.Roles, File: path.Join("hosts", h.Name, DocumentName(h.Format)), Delivery: c.Name, DeliveryLimit: c.Limit}
	for _, s := range h.Selected {
		out.Profiles = append(out.Profiles, s.Name)
	}
	return out
}

func (p *pipe) report(stage string, done, total int) {
	if p.Progress != nil {
		p.Progress(stage, done, total)
	}
}
