package compile_test

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/kubespore/kubespore/pkg/compile"
	"github.com/kubespore/kubespore/pkg/pki"
	"github.com/kubespore/kubespore/pkg/profile"
	"github.com/kubespore/kubespore/profiles"
)

// TestDesign compiles the sample topology of the design, with every proof.
func TestDesign(t *testing.T) {
	text, err := os.ReadFile("../../testdata/topologies/design.yaml")
	if err != nil {
		t.Fatal(err)
	}
	project, problems := compile.Load("design.yaml", text, profile.Source{Name: "profiles", FS: profiles.FS})
	if problems.HasErrors() {
		t.Fatal(problems)
	}
	result, problems := compile.Run(context.Background(), compile.Input{Project: project, Store: pki.Memory(), Now: time.Unix(1.8e9, 0)})
	if problems.HasErrors() {
		t.Fatal(problems)
	}
	if len(result.Hosts) != 305 {
		t.Errorf("%d hosts, want 305", len(result.Hosts))
	}
}
