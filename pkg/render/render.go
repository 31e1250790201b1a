package render

import (
	"io/fs"

	"github.com/coreos/ignition/v2/config/v3_4/types"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/document"
	"github.com/kubespore/kubespore/pkg/plan"
)

// layerOS is the Layer of profiles that may override peers.
const layerOS = "os"

// Renderer makes documents. It may be used by several goroutines at once.
type Renderer struct {
	plan       *plan.Plan
	evaluator  *plan.Evaluator
	overlays   map[string]layer
	objects    []object
	digest     string
	generation int
	certs      map[string]*plan.CertSpec
	secrets    map[secretName]string // ID by name

	texts     memo[plan.SharedText, rendered]
	rawFiles  memo[rawFile, rendered]
	fragments memo[fragmentKey, *translated]
}

// New prepares what hosts share: the overlays and the objects of the cluster.
// The function gives an overlay's text and the folder that it stands in.
func New(p *plan.Plan, e *plan.Evaluator, overlays func(name string) ([]byte, fs.FS, error)) (*Renderer, diag.List) {
	r := &Renderer{plan: p, evaluator: e, overlays: map[string]layer{}, certs: map[string]*plan.CertSpec{}, secrets: map[secretName]string{}}
	for i := range p.Certs {
		r.certs[p.Certs[i].ID] = &p.Certs[i]
	}
	for _, s := range p.Secrets {
		r.secrets[secretName{s.Host, s.Name}] = s.ID
	}
	var problems diag.List
	for _, h := range p.Hosts {
		for _, name := range h.Overlays {
			if _, ok := r.overlays[name]; !ok {
				r.overlays[name] = readOverlay(p, h, name, overlays, &problems)
			}
		}
	}
	problems.Append(r.renderObjects())
	return r, problems
}

// ObjectsDigest stands for everything that the cluster is to hold. The build
// generation is not part of it, because it follows from it.
func (r *Renderer) ObjectsDigest() string { return r.digest }

// SetGeneration sets the build generation that documents carry. It must be
// called before Host.
func (r *Renderer) SetGeneration(n int) { r.generation = n }

// Host makes the document of a host. Nothing is returned besides the
// diagnostics when there is an error. Butane has judged each part; whether the
// parts fit together is for pkg/verify, which asks Ignition about the whole.
func (r *Renderer) Host(h *plan.Host, keys *plan.Keys) (*document.Document, diag.List) {
	j := &job{Renderer: r, host: h, keys: keys, data: map[string]*plan.Data{}}
	var peers, system []piece
	for _, s := range h.Selected {
		if s.Layer == layerOS {
			system = append(system, j.profile(s)...)
		} else {
			peers = append(peers, j.profile(s)...)
		}
	}
	peers = append(peers, j.deposits(), j.clusterObjects())
	result := j.assemble(peers)
	if len(system) > 0 {
		result = override(result, j.assemble(system))
	}
	for _, name := range h.Overlays {
		result = override(result, r.overlays[name])
		hideClosed(&result, r.overlays[name])
	}
	if j.problems.HasErrors() {
		return nil, j.problems
	}
	result.config.Ignition.Version = types.MaxVersion.String()
	order(&result.config)
	doc := &document.Document{Host: h.Name, Config: result.config, Origins: result.origins, Secret: map[string]bool{}, Keys: map[string][]string{}}
	j.fillLate(doc)
	for item, keys := range result.secret {
		doc.Secret[item] = true
		if len(keys) > 0 {
			doc.Keys[item] = keys
		}
	}
	return doc, j.problems
}

// job is the making of one document.
type job struct {
	*Renderer
	host     *plan.Host
	keys     *plan.Keys
	data     map[string]*plan.Data // by profile
	listing  []string              // paths of files that need what is known last
	problems diag.List
}

func (j *job) assemble(pieces []piece) layer {
	out, problems := assemble(pieces)
	j.problems.Append(problems)
	return out
}

// dataFor gives the dot of a profile's templates, the same one for all of them.
func (j *job) dataFor(s *plan.Selected) *plan.Data {
	d := j.data[s.Name]
	if d == nil {
		d = j.evaluator.Host(j.host.Name, s.Name)
		j.data[s.Name] = d
	}
	return d
}
