package plan_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/plan"
	"github.com/kubespore/kubespore/pkg/profile"
	"github.com/kubespore/kubespore/pkg/topology"
	"github.com/kubespore/kubespore/profiles"
)

// Every example is a topology that the built-in profiles can plan.
func TestExamples(t *testing.T) {
	catalog := builtin(t)
	files, err := examples()
	if err != nil || len(files) < 2 {
		t.Fatalf("no examples: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			parsed, list := topology.Parse(file, text, topology.Known{Systems: catalog.SystemFormats()})
			expectNone(t, list)
			p, _, list := plan.Build(plan.Inputs{Topology: parsed, Catalog: catalog, Files: inputsOf(file, parsed, catalog)})
			expectNone(t, list)
			if len(p.Hosts) != len(parsed.Hosts) || len(p.Certs) == 0 || len(p.Authorities) == 0 {
				t.Errorf("%d hosts, %d certificates and %d authorities planned", len(p.Hosts), len(p.Certs), len(p.Authorities))
			}
		})
	}
}

// Pods reach the API server by the first address of the services, or by its
// names in cluster DNS: its certificate has them whatever a topology says.
func TestAPIServerHasItsServiceAddress(t *testing.T) {
	files, err := examples()
	if err != nil || len(files) < 2 {
		t.Fatalf("no examples: %v", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		catalog := builtin(t)
		parsed, _ := topology.Parse(file, text, topology.Known{Systems: catalog.SystemFormats()})
		p, _, list := plan.Build(plan.Inputs{Topology: parsed, Catalog: catalog, Files: inputsOf(file, parsed, catalog)})
		expectNone(t, list)
		seen := 0
		for _, c := range p.Certs {
			if c.Name != "apiserver" {
				continue
			}
			seen++
			for _, network := range parsed.Network.Services {
				if first := network.Addr().Next(); !slices.Contains(c.Addresses, first) {
					t.Errorf("%s: %s lacks %s", file, c.ID, first)
				}
			}
			for _, name := range []string{"kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc." + parsed.Cluster.Domain} {
				if !slices.Contains(c.DNSNames, name) {
					t.Errorf("%s: %s lacks %s", file, c.ID, name)
				}
			}
		}
		if seen != len(p.Cluster.ControlPlanes) {
			t.Errorf("%s: %d certificates of API servers for %d control planes", file, seen, len(p.Cluster.ControlPlanes))
		}
	}
}

func builtin(tb testing.TB) *profile.Catalog {
	tb.Helper()
	c, list := profile.Load(profile.Source{Name: "profiles", FS: profiles.FS})
	expectNone(tb, list)
	return c
}

func expectNone(tb testing.TB, list diag.List) {
	tb.Helper()
	for _, d := range list.Sorted() {
		tb.Errorf("%s: %s: %s: %s [%s] %s", d.Position, d.Severity, d.Path, d.Message, d.Code, d.Hint)
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

// inputsOf reads the files that a topology names.
func inputsOf(file string, t *topology.Topology, c *profile.Catalog) map[string]plan.UserFile {
	out := map[string]plan.UserFile{}
	for _, name := range plan.FilesAsked(t, c) {
		content, err := os.ReadFile(filepath.Join(filepath.Dir(file), name))
		out[name] = plan.UserFile{Name: name, File: plan.UserFileName(t, name), Content: content, Err: err}
	}
	return out
}
