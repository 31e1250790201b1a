package plan_test

import (
	"os"
	"path/filepath"
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
	files, err := filepath.Glob("../../examples/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			parsed, list := topology.Parse(file, text)
			expectNone(t, list)
			p, list := plan.Build(parsed, catalog, plan.Allocations{})
			expectNone(t, list)
			if len(p.Hosts) != len(parsed.Hosts) || len(p.Certs) == 0 || len(p.Authorities) == 0 {
				t.Errorf("%d hosts, %d certificates and %d authorities planned", len(p.Hosts), len(p.Certs), len(p.Authorities))
			}
		})
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
