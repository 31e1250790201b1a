package verify

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"

	ignition "github.com/coreos/ignition/v2/config/v3_4"
	"github.com/coreos/ignition/v2/config/v3_4/types"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/document"
	"github.com/kubespore/kubespore/pkg/plan"
)

// Verifier proves documents of one plan. Host may be called from several
// goroutines; Cluster comes after the last of them.
type Verifier struct {
	plan    *plan.Plan
	lines   commandLines
	rules   flagRules
	objects *objectProofs
	// unitNames are the units that some host can have.
	unitNames map[string]bool
	texts     sync.Map // see shared
	proven    memo     // what was already proved about contents that many hosts share

	mu      sync.Mutex
	cluster clusterProofs
}

// New prepares the proofs for a plan.
func New(p *plan.Plan) (*Verifier, error) {
	table, err := loadRelease(p.Cluster.Minor)
	if err != nil {
		return nil, err
	}
	rules, err := loadFlagRules()
	if err != nil {
		return nil, err
	}
	reader, err := newObjectReader()
	if err != nil {
		return nil, err
	}
	v := &Verifier{plan: p, lines: commandLines{table, map[string]bool{}}, rules: rules, unitNames: unitNames(p.Catalog), cluster: clusterProofs{plan: p}}
	v.objects, err = newObjectProofs(p, reader, table, v.lines, &v.proven)
	return v, err
}

// Host proves all that can be said of one finished document, raw being its
// bytes as they are delivered: the proofs look at what those bytes say, and
// take from doc only where it comes from.
func (v *Verifier) Host(h *plan.Host, doc *document.Document, raw []byte) diag.List {
	config, err := decodeStrictly(raw)
	if err == nil {
		return v.HostOf(h, doc, config, func() ([]byte, error) { return raw, nil })
	}
	out := judge(h, doc, raw)
	if !out.HasErrors() {
		out.Errorf("V001", diag.Position{}, h.Name, "the document holds something that is not in the Ignition specification: %s", plainError(err))
	}
	return out
}

// HostOf proves the same of a document that is delivered in another format, config
// being what its bytes say. encode gives it as Ignition, for Ignition to judge.
func (v *Verifier) HostOf(h *plan.Host, doc *document.Document, config types.Config, encode func() ([]byte, error)) diag.List {
	var out diag.List
	if out.Append(v.accepted(h, doc, config, encode)); out.HasErrors() {
		return out
	}
	finished := *doc
	finished.Config = config
	m, err := newMachine(h, v.plan, &finished)
	if err != nil {
		out.Errorf("V001", diag.Position{}, h.Name, "the document cannot be read back: %s", plainError(err))
		return out
	}
	m.verbatim = v.objects.verbatim
	v.objects.readObjects(m)
	m.ends = v.endpoints(m, &out)
	m.listeners = listenersOf(m)
	for _, proof := range []func(*machine, *diag.List){
		v.objects.objects, // objects.go: everything that is Kubernetes' decodes and names images we have
		proveStaticPods,   // pods.go: static pods start without the API, paths and flags exist
		proveAnonymous,    // userfiles.go: kubelets and balancers may ask the API server how it is
		proveSafe,         // userfiles.go: what replaces a file of ours leaves out nothing that others rely on
		proveWorkloads,    // pods.go: what other pods mount from a node is there
		proveOnce,         // twice.go: no two files say different things of one object
		proveClaims,       // claims.go: claims find volumes
		proveDNS,          // dns.go: kubelets send pods to the DNS of the cluster
		v.units,           // units.go: units refer to what exists, in an order without cycles
		v.services,        // flags.go: flags of programs run by units exist in that release
		proveKeys,         // keys.go: every key is this host's own
		provePairs,        // pairs.go: what belongs together does, also where an overlay replaced it
		proveWritable,     // system.go: every path lies where the system can be written
		proveFirewall,     // firewall.go: every port that something serves is open
		provePorts,        // listeners.go: no two programs listen on one port
		proveRegistries,   // registries.go: what registries are checked with is there
		proveNames,        // registries.go: every name that is dialled can be resolved
		proveSysctls,      // sysctls.go: nothing undoes a sysctl that some profile needs
		proveVirtual,      // virtual.go: the address that clients dial is held, and no machine has it for itself
		proveTOML,         // toml.go: containerd can read its configuration
	} {
		proof(m, &out)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.cluster.ends = append(v.cluster.ends, m.ends)
	v.cluster.listening = append(v.cluster.listening, hostListeners{h, m.listeners, daemonSetsOf(m)})
	return out
}

// Cluster proves what needs all documents: who dials whom, with which
// certificate, under which name.
func (v *Verifier) Cluster() diag.List {
	v.mu.Lock()
	defer v.mu.Unlock()
	var out diag.List
	v.cluster.trust(&out)
	v.cluster.portsOfPods(&out)
	return out
}

// decodeStrictly reads an Ignition document, and nothing that Ignition would pass over.
func decodeStrictly(raw []byte) (config types.Config, err error) {
	strict := json.NewDecoder(bytes.NewReader(raw))
	strict.DisallowUnknownFields()
	if err = strict.Decode(&config); err == nil && strict.More() {
		err = errors.New("there is more after its end")
	}
	return config, err
}

// accepted checks a document with Ignition's own parser and validator.
// Ignition's warnings count, for they are easily missed at a machine's first boot.
//
// Ignition judges paths, modes, owners and units, and of a content only that
// it is a data URL, which newMachine proves of each. So documents that differ
// in contents alone share its judgement.
func (v *Verifier) accepted(h *plan.Host, doc *document.Document, config types.Config, encode func() ([]byte, error)) (out diag.List) {
	key, err := skeleton(config)
	if err != nil {
		out.Errorf("V001", diag.Position{}, h.Name, "the document cannot be read back: %s", plainError(err))
		return out
	}
	return v.proven.do("ignition "+key, func() (found diag.List) {
		raw, err := encode()
		if err != nil {
			found.Errorf("V001", diag.Position{}, h.Name, "the document has no form in Ignition: %s", plainError(err))
			return found
		}
		return judge(h, doc, raw)
	})
}

// skeleton stands for all of a document but the contents of its files.
func skeleton(config types.Config) (string, error) {
	config.Storage.Files = slices.Clone(config.Storage.Files)
	for i := range config.Storage.Files {
		f := &config.Storage.Files[i]
		if f.Contents.Source != nil && strings.HasPrefix(*f.Contents.Source, "data:") {
			f.Contents.Source = nil
		}
	}
	text, err := json.Marshal(config)
	return digest(text), err
}

// judge asks Ignition itself: the one place of a build that does. Parts that are valid
// on their own may not be so together, as with a path through a link of another part.
func judge(h *plan.Host, doc *document.Document, raw []byte) (out diag.List) {
	_, report, err := ignition.Parse(raw)
	// Ignition gives nothing back of what it refuses, and we name the part.
	var config types.Config
	_ = json.Unmarshal(raw, &config) // as much as can be read
	if err != nil && len(report.Entries) == 0 {
		out.Errorf("V001", diag.Position{}, h.Name, "ignition refuses the document: %s", plainError(err))
	}
	for _, e := range report.Entries {
		item := document.ItemAt(&config, e.Context.Path)
		about := e.Context.String()
		if kind, name, ok := strings.Cut(item, ":"); ok {
			about = kind + " " + name
		}
		out.Errorf("V001", doc.At(item), h.Name, "%s: %s", about, document.PlainMessage(e.Message))
	}
	return out
}

// shared gives one copy of a text that many hosts hold, such as the
// certificate of an authority.
func (v *Verifier) shared(text []byte) []byte {
	one, _ := v.texts.LoadOrStore(string(text), text)
	return one.([]byte)
}

// memo remembers the outcome of a proof by what it was about, so that what is
// the same on many hosts is proved once.
type memo struct{ m sync.Map }

func (m *memo) do(key string, prove func() diag.List) diag.List {
	type once struct {
		sync.Once
		list diag.List
	}
	entry, _ := m.m.LoadOrStore(key, &once{})
	o := entry.(*once)
	o.Do(func() { o.list = prove() })
	return o.list
}
