package lab

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/kubespore/kubespore/test/boot/documents"
	"github.com/kubespore/kubespore/test/boot/issuer"
	"github.com/kubespore/kubespore/test/boot/process"
)

// Run is one scenario at work.
type Run struct {
	Scenario
	Lab      *Lab
	Dir      string
	Hosts    []documents.Host
	Machines map[string]*Machine
	last     string // what was last waited for
	Secret   string // what was written into the cluster
	victim   string // the machine that last held the virtual address
	Admin    string // the credential of a cluster that is not kubespore's
	HasMedia bool   // kubespore media has written some
	Servers  []*http.Server
	Services []*process.Process           // other programs on the machines' network
	Left     map[string]map[string]string // what kubeadm left on machines that the step upgrade upgraded
	Device   string                       // the stick with the payload, as the kernel calls it
	Writer   *Writer                      // writes into the cluster
	Tokens   *issuer.Issuer               // where Issuer says
	Leases   map[string]string            // what DHCP gives, by machine
	DHCP     *process.Process             // the server that does
	Next     *Run                         // packs what the step upgrade brings; has no machines
}

// NewRun makes a run of a scenario, and of the one that packs what it upgrades to.
func (l *Lab) NewRun(s Scenario) *Run {
	r := &Run{Scenario: s, Lab: l, Dir: filepath.Join(l.Run, s.Name), Machines: map[string]*Machine{}}
	if s.Upgrade != "" {
		set := maps.Clone(s.Set)
		set["kubernetes"] = map[string]any{"version": s.Upgrade}
		r.Next = l.NewRun(Scenario{Name: s.Name + "-next", Topology: s.Topology, Release: s.Release, Lane: s.Lane, Format: s.Format, Set: set, Payload: InFolder})
	}
	return r
}

// Path is the topology file.
func (r *Run) Path() string {
	if filepath.IsAbs(r.Topology) {
		return r.Topology
	}
	if strings.ContainsRune(r.Topology, '/') {
		return filepath.Join(r.Lab.Tree, r.Topology)
	}
	return filepath.Join(r.Lab.Tree, "examples", r.Topology)
}

// Document is where the build puts a machine's document.
func (r *Run) Document(host string) string {
	return filepath.Join(r.Dir, "out/hosts", host, documents.FileNames[r.Format])
}

// Media is the folder that kubespore media writes to.
func (r *Run) Media() string { return filepath.Join(r.Dir, "media") }

// Bundle is the bundle as the machines see it. What a scenario changes in it
// is its own: the cache lies below, and is never written to.
func (r *Run) Bundle() string { return filepath.Join(r.Dir, "payload") }

// Volume is the bundle as an ISO.
func (r *Run) Volume() string { return filepath.Join(r.Dir, "payload.iso") }

// Golden is the image with the payload in it that machines proper start from,
// where their payload comes in a folder.
func (r *Run) Golden() string { return filepath.Join(r.Dir, "golden.raw") }

// Debian is that root.
func (r *Run) Debian() string { return r.Lab.Debian[r.DebianName()] }

// Base is that image.
func (r *Run) Base() Base { return r.Lab.Bases[r.BaseName()] }

// Writer creates objects at the cluster's endpoint, five a second.
type Writer struct {
	Stop         func()
	Done         chan struct{}
	Acknowledged map[string]bool
	Silence      time.Duration // the longest between two answers
}

// Patience is how long a step may wait that does not say it itself.
const Patience = 5 * time.Minute

// Named gives the machines that the words name.
func (r *Run) Named(ctx context.Context, words []string) ([]*Machine, error) {
	if slices.Equal(words, []string{"all"}) {
		words = nil
		for _, h := range r.Hosts {
			words = append(words, h.Name)
		}
	}
	var machines []*Machine
	for _, name := range words {
		switch name {
		case "holder":
			holder, err := r.holder(ctx)
			if err != nil {
				return nil, err
			}
			r.victim, name = holder, holder
		case "victim":
			name = r.victim
		}
		m := r.Machines[name]
		if m == nil {
			return nil, fmt.Errorf("no machine is called %s", name)
		}
		machines = append(machines, m)
	}
	return machines, nil
}

// Each does something with all named machines at the same time.
func (r *Run) Each(ctx context.Context, words []string, do func(*Machine) error) (string, error) {
	machines, err := r.Named(ctx, words)
	if err != nil {
		return "", err
	}
	var meant []string // which machines the words stood for
	var group errgroup.Group
	for i, m := range machines {
		if i < len(words) && words[i] != m.Name && words[i] != "all" {
			meant = append(meant, m.Name)
		}
		group.Go(func() error {
			if err := do(m); err != nil {
				return fmt.Errorf("%s: %w", m.Name, err)
			}
			return nil
		})
	}
	return strings.Join(meant, " "), group.Wait()
}

// holder is the machine with the cluster's virtual address.
func (r *Run) holder(ctx context.Context) (string, error) {
	server, err := r.Kubectl(ctx, "config", "view", "--output=jsonpath={.clusters[0].cluster.server}")
	if err != nil {
		return "", err
	}
	address := strings.Trim(strings.TrimPrefix(server[:strings.LastIndex(server, ":")], "https://"), "[]")
	for _, h := range r.Hosts {
		out, err := process.Run(ctx, "ip", "-n", r.Lab.Lan.Of(h.Name), "-oneline", "address", "show", "to", address)
		if err == nil && out != "" && r.Machines[h.Name].On() {
			return h.Name, nil
		}
	}
	return "", fmt.Errorf("no machine holds %s", address)
}
