package compile

import (
	"cmp"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/durable"
	"github.com/kubespore/kubespore/pkg/input"
	"github.com/kubespore/kubespore/pkg/outdir"
	"github.com/kubespore/kubespore/pkg/plan"
	"github.com/kubespore/kubespore/pkg/render"
)

// open locks the folder of the build.
func (p *pipe) open() {
	if p.Out == "" {
		return
	}
	var err error
	p.out, err = outdir.Open(p.Out, outdir.Options{Cluster: p.Topology.Cluster.Name})
	p.list.AddError("O111", err)
}

// close lets others in. A build that was not committed leaves nothing.
func (p *pipe) close() {
	if p.out != nil {
		p.list.AddError("O111", p.out.Close())
	}
}

// compare finds out whether the last build is what this one would be.
func (p *pipe) compare() {
	dir := cmp.Or(p.out, p.Last)
	if dir == nil {
		return
	}
	last := dir.Manifest()
	p.list.Append(VersionStep(last, p.Topology))
	if last == nil || p.out != nil && len(p.Hosts) > 0 || !p.Now.Before(last.RenewBy) {
		return
	}
	inputs, ok := p.inputs()
	if !ok || !same(last.Overlays, p.Overlays) || !dir.UpToDate(inputs) {
		return
	}
	p.result.Unchanged = true
	p.result.Generation, p.result.BootBy, p.result.RenewBy = last.Generation, last.BootBy, last.RenewBy
	p.recall(last)
}

// inputs stands for everything that a build depends on, besides overlays. The
// clock matters only when a certificate is due, and the manifest knows when.
func (p *pipe) inputs() (string, bool) {
	store, err := p.Store.Digest()
	p.list.AddError("O106", err)
	parts := []string{p.Identity, p.Topology.Digest, p.Catalog.Digest, fmt.Sprintf("%+v", p.Lock), store}
	for _, name := range slices.Sorted(maps.Keys(p.Files)) {
		parts = append(parts, name, digest(p.Files[name].Content))
	}
	return digest([]byte(strings.Join(parts, "\n"))), err == nil
}

// recall describes the hosts of a build that need not be made again.
func (p *pipe) recall(last *outdir.Manifest) {
	size := map[string]int64{}
	for _, f := range last.Files {
		size[f.Path] = f.Size
	}
	for _, h := range p.result.Plan.Hosts {
		host := describe(h)
		host.Bytes = int(size[host.File])
		host.DeliveryBytes = host.Bytes
		if raw, err := p.limited(host); err == nil && raw != nil {
			host.measure(raw)
		}
		p.result.Hosts = append(p.result.Hosts, host)
	}
}

// limited reads a document again when its delivery counts other than bytes.
func (p *pipe) limited(h Host) ([]byte, error) {
	if h.DeliveryLimit == 0 {
		return nil, nil
	}
	return input.ReadUpTo(filepath.Join(p.Out, h.File), MostDocument)
}

// begin starts writing next to the last build. Hosts that were not asked for
// are carried over.
func (p *pipe) begin() {
	if p.out == nil {
		return
	}
	stage, problems := p.out.Stage()
	p.list.Append(problems)
	p.stage = stage
	if problems.HasErrors() {
		return
	}
	for _, h := range p.result.Plan.Hosts {
		if !p.wanted(h.Name) {
			_, err := p.stage.Carry(h.Name)
			p.list.AddError("O105", err)
		}
	}
}

// wanted says whether a host was asked for.
func (p *pipe) wanted(host string) bool { return len(p.Hosts) == 0 || slices.Contains(p.Hosts, host) }

// outputs writes what the operator gets: admin.conf.
func (p *pipe) outputs() {
	if p.stage == nil {
		return
	}
	p.list.AddError("O105", p.stage.Write(outdir.File{Path: durable.GitIgnoreName, Data: durable.GitIgnore()}))
	for _, c := range p.result.Plan.Certs {
		if c.Output == nil {
			continue
		}
		if c.Output.Form != "kubeconfig" {
			p.list.Errorf("O112", c.Position, "", "an output cannot have the form %q", c.Output.Form).WithHint("write form: kubeconfig")
			continue
		}
		data := render.Kubeconfig(p.result.Plan.Cluster.Name, c.Output.Server, c.CommonName, p.keys.Authorities[c.Authority].Certificate, p.keys.Certs[c.ID])
		p.list.AddError("O105", p.stage.Write(outdir.File{Path: c.Output.Path, Secret: true, Data: data}))
	}
}

// commitOut puts the new build in the place of the last one.
func (p *pipe) commitOut() {
	if p.stage == nil {
		return
	}
	inputs, ok := p.inputs()
	if !ok {
		return
	}
	if len(p.Hosts) > 0 {
		inputs = "" // some documents may be older than their inputs
	}
	p.list.AddError("O105", p.stage.Commit(outdir.About{
		Kubespore: p.Version, Cluster: p.Topology.Cluster.Name, Topology: p.Topology.Digest, Inputs: inputs, Kubernetes: p.Topology.Kubernetes.Version,
		Generation: p.result.Generation, Issued: p.Now, BootBy: p.result.BootBy, RenewBy: p.result.RenewBy,
		Overlays: p.overlays.reads(),
	}))
}

// dates notes how long the build is good: until the first leaf ends, and until
// the first is due for renewal.
func (p *pipe) dates() {
	earliest := func(t *time.Time, candidate time.Time) {
		if t.IsZero() || candidate.Before(*t) {
			*t = candidate
		}
	}
	for _, c := range p.result.Plan.Certs {
		pair := p.keys.Certs[c.ID]
		earliest(&p.result.BootBy, pair.NotAfter)
		earliest(&p.result.RenewBy, renewBy(pair))
	}
}

// renewBy is when a third of a certificate's life is left: from then on the
// store makes a new one.
func renewBy(pair plan.Pair) time.Time {
	return pair.NotAfter.Add(-pair.NotAfter.Sub(pair.NotBefore) / 3)
}

// print gives the one document that was asked for.
func (p *pipe) print() {
	if p.Print == nil || p.list.HasErrors() {
		return
	}
	if _, err := p.Print.Write(p.printed); err != nil {
		p.list.Errorf("O105", diag.Position{}, "", "the document cannot be written: %v", err)
	}
}
