package render

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/plan"
	"github.com/kubespore/kubespore/pkg/profile"
	"github.com/kubespore/kubespore/pkg/topology"
	"github.com/kubespore/kubespore/profiles"
)

// builtin plans a topology with the built-in profiles.
func builtin(t testing.TB, file string, text []byte) planned {
	t.Helper()
	catalog, problems := profile.Load(profile.Source{Name: "profiles", FS: profiles.FS})
	parsed, more := topology.Parse(file, text, topology.Known{Systems: catalog.SystemFormats()})
	problems.Append(more)
	if problems.HasErrors() {
		t.Fatal(printed(problems))
	}
	beside := map[string]plan.UserFile{}
	for _, name := range plan.FilesAsked(parsed, catalog) {
		content, err := os.ReadFile(filepath.Join(filepath.Dir(file), name))
		beside[name] = plan.UserFile{Name: name, File: plan.UserFileName(parsed, name), Content: content, Err: err}
	}
	p, evaluator, problems := plan.Build(plan.Inputs{Topology: parsed, Catalog: catalog, Files: beside})
	if problems.HasErrors() {
		t.Fatal(printed(problems))
	}
	return planned{p, evaluator}
}

// standIns makes key material for everything that a plan asks for.
func standIns(p planned) *plan.Keys {
	keys := &plan.Keys{Authorities: map[string]plan.Pair{}, Certs: map[string]plan.Pair{}, Secrets: map[string]plan.Secret{}, Floors: map[string]time.Time{}}
	now := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
	pair := func(name string) plan.Pair {
		return plan.Pair{Certificate: []byte("<<" + name + ".crt>>\n"), Key: []byte("<<" + name + ".key>>\n"), NotBefore: now}
	}
	for _, a := range p.Authorities {
		keys.Authorities[a.Name] = pair(a.Name)
	}
	for _, c := range p.Certs {
		keys.Certs[c.ID] = pair(c.ID)
	}
	for _, s := range p.Secrets {
		keys.Secrets[s.ID] = plan.Secret{Value: []byte("<<" + s.ID + ">>"), Public: []byte("<<" + s.ID + ".pub>>\n")}
	}
	for _, h := range p.Hosts {
		keys.Floors[h.Name] = now
	}
	return keys
}

// Every host of every example is rendered by several goroutines, which the
// race detector watches, without a word of complaint.
func TestExamples(t *testing.T) {
	files, err := examples()
	if err != nil || len(files) < 2 {
		t.Fatalf("no examples: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			p := builtin(t, file, text)
			r, problems := New(p.Plan, p.evaluator, noOverlays)
			if len(problems) > 0 {
				t.Fatal(printed(problems))
			}
			keys := standIns(p)
			lists := make([]diag.List, len(p.Hosts))
			var wait sync.WaitGroup
			for i := range p.Hosts {
				wait.Go(func() { _, lists[i] = r.Host(p.Hosts[i], keys) })
				if i > 10 {
					break
				}
			}
			wait.Wait()
			var all diag.List
			for _, l := range lists {
				all.Append(l)
			}
			if len(all) > 0 {
				t.Error(printed(all))
			}
		})
	}
}

const fleet = `apiVersion: kubespore/v1alpha1
kind: Topology
cluster: {name: fleet, endpoint: "10.1.0.9:6443"}
kubernetes: {version: v1.36.3}
network: {pods: [10.128.0.0/9], services: [10.96.0.0/16], nameservers: [10.1.0.1]}
os: flatcar
access: {users: [{name: core, sshAuthorizedKeys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ2SfQGDJ5VFBJ0HzVnUL1DRcyyqtgzmbTbfhXMx6sUc operator]}]}
profiles: {keepalived: {}}
hosts:
  - {names: "cp[1-3]", roles: [control-plane], addresses: 10.1.0.11+/16, gateway: 10.1.0.1}
  - {names: "w[1-997]", roles: [worker], addresses: 10.1.1.0+/16, gateway: 10.1.0.1}
`

// BenchmarkHost renders the workers of a fleet, one a round, from nothing.
func BenchmarkHost(b *testing.B) {
	p := builtin(b, "fleet.yaml", []byte(fleet))
	keys := standIns(p)
	r, _ := New(p.Plan, p.evaluator, noOverlays)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, problems := r.Host(p.Hosts[3+i%997], keys); len(problems) > 0 {
			b.Fatal(printed(problems))
		}
	}
}

// examples gives the topologies that a user starts from.
func examples() ([]string, error) {
	files, err := filepath.Glob("../../examples/*.yaml")
	if err != nil {
		return nil, err
	}
	seeds, err := filepath.Glob("../../examples/seeds/*.yaml")
	return append(files, seeds...), err
}
