package plan_test

import (
	"strings"
	"testing"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/plan"
)

// TestChangesSinceTheLastBuild: what a cluster that runs cannot follow is refused, and
// what asks for something is said.
func TestChangesSinceTheLastBuild(t *testing.T) {
	catalog := load(t, tree(nil))
	base := cluster("10.240.0.0/12", "", cp1, w1)
	first := build(t, base, nil, plan.Allocations{})
	for name, c := range map[string]struct{ old, new, code, path, says string }{
		"nothing":        {"", "", "", "", ""},
		"cluster's name": {"{name: t,", "{name: u,", "P068", "cluster.name", "of the cluster t"},
		"services":       {"10.96.0.0/16", "10.97.0.0/16", "P068", "network.services", "10.96.0.0/16"},
		"endpoint":       {"10.1.0.9:6443", "10.1.0.8:6443", "P069", "cluster.endpoint", "from 10.1.0.9:6443 to 10.1.0.8:6443"},
		"a host renamed": {"name: w1,", "name: w9,", "P070", "hosts[1].name", "w9 has the address that w1 had"},
		"a host more":    {w1, w1 + "\n  - " + w2, "", "", ""},
		"a host less":    {"  - " + w1 + "\n", "", "", "", ""},
	} {
		p, _, list := plan.Build(plan.Inputs{Topology: parse(t, strings.Replace(base, c.old, c.new, 1)), Catalog: catalog, Allocations: first.Allocations})
		list = append(list, p.Advice...)
		switch {
		case c.code == "" && len(list) == 0:
		case len(list) != 1 || list[0].Code != c.code || list[0].Path != c.path || !strings.Contains(list[0].Message, c.says) || (c.code == "P068") != (list[0].Severity == diag.Error):
			t.Errorf("%s: %v", name, list)
		}
	}
	dualStack := strings.NewReplacer("[10.240.0.0/12]", `[10.240.0.0/12, "fd00:10::/48"]`, "[10.96.0.0/16]", `[10.96.0.0/16, "fd00:96::/112"]`).Replace(cluster("10.240.0.0/12", "", dual(cp1, w1)...))
	if _, _, list := plan.Build(plan.Inputs{Topology: parse(t, dualStack), Catalog: catalog, Allocations: first.Allocations}); len(list) > 0 {
		t.Errorf("a second family: %v", list)
	}
}
