package plan_test

import (
	"strings"
	"testing"

	"github.com/kubespore/kubespore/pkg/plan"
	"github.com/kubespore/kubespore/pkg/topology"
)

// fleet is a cluster with 10,000 workers.
const fleet = `apiVersion: kubespore/v1alpha1
kind: Topology
cluster: {name: fleet, endpoint: "10.1.0.9:6443"}
kubernetes: {version: v1.37.2}
network: {pods: [10.128.0.0/9], services: [10.96.0.0/16], nameservers: [10.1.0.1]}
os: flatcar
access: {users: [{name: core, sshAuthorizedKeys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ2SfQGDJ5VFBJ0HzVnUL1DRcyyqtgzmbTbfhXMx6sUc operator]}]}
profiles: {keepalived: {}}
hosts:
  - {names: "cp[1-3]", roles: [control-plane], addresses: 10.1.0.11+/16, gateway: 10.1.0.1}
  - {names: "w[1-9999]", roles: [worker], addresses: 10.1.1.0+/16, gateway: 10.1.0.1}
`

func parse(tb testing.TB, text string) *topology.Topology {
	tb.Helper()
	t, list := topology.Parse("topology.yaml", []byte(strings.TrimPrefix(text, "\n")), topology.Known{})
	for _, d := range list {
		if d.Severity == 0 {
			tb.Fatalf("%s: %s: %s %s", d.Position, d.Path, d.Message, d.Hint)
		}
	}
	return t
}

func BenchmarkBuild(b *testing.B) {
	catalog, t := builtin(b), parse(b, fleet)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, list := plan.Build(plan.Inputs{Topology: t, Catalog: catalog}); list.HasErrors() {
			expectNone(b, list)
		}
	}
}
