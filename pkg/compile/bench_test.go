package compile_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/kubespore/kubespore/pkg/compile"
	"github.com/kubespore/kubespore/pkg/pki"
	"github.com/kubespore/kubespore/pkg/profile"
	"github.com/kubespore/kubespore/profiles"
)

// fleet is a topology of three control planes and many workers.
func fleet(system string, workers int) []byte {
	return fmt.Appendf(nil, `apiVersion: kubespore/v1alpha1
kind: Topology
cluster: {name: fleet, endpoint: 10.0.0.5:6443}
kubernetes: {version: v1.37.2}
network: {pods: [10.240.0.0/12], services: [10.96.0.0/16]}
os: %s
profiles: {flannel: {}, keepalived: {}}
hosts:
  - {names: "cp[1-3]", roles: [control-plane], addresses: 10.0.0.11+/16}
  - {names: "w[1-%d]", roles: [worker], addresses: 10.0.1.1+/16}
`, system, workers)
}

// BenchmarkBuild is a build of 300 hosts with every proof and nothing written, for a
// system with each format of documents; what its stages take comes as metrics, in
// milliseconds of all workers.
func BenchmarkBuild(b *testing.B) {
	for _, system := range []string{"fedora-coreos", "debian"} {
		b.Run(system, func(b *testing.B) { benchmarkBuild(b, fleet(system, 297)) })
	}
}

func benchmarkBuild(b *testing.B, text []byte) {
	project, problems := compile.Load("fleet.yaml", text, profile.Source{Name: "profiles", FS: profiles.FS})
	if problems.HasErrors() {
		b.Fatal(problems)
	}
	for b.Loop() {
		result, problems := compile.Run(context.Background(), compile.Input{Project: project, Store: pki.Memory(), Now: time.Unix(1.8e9, 0)})
		if problems.HasErrors() {
			b.Fatal(problems)
		}
		for _, s := range result.Stages {
			b.ReportMetric(float64(s.Duration.Milliseconds()), "ms-"+strings.TrimPrefix(s.Name, "- "))
		}
	}
}
