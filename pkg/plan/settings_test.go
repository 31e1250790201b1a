package plan

import (
	"testing"

	"github.com/kubespore/kubespore/pkg/profile"
	"github.com/kubespore/kubespore/pkg/topology"
)

// TestSettings holds that what a setting can be, by which profiles are judged
// when they are loaded, is what plans give it.
func TestSettings(t *testing.T) {
	for _, algorithm := range topology.KeyAlgorithms {
		for _, custody := range topology.Custodies {
			parsed := &topology.Topology{PKI: topology.PKI{KeyAlgorithm: algorithm}}
			for _, hosts := range [][]*HostFacts{nil, {{Name: "a", IsNode: true}, {Name: "b", IsNode: true}}} {
				cluster := &Cluster{Custody: custody, Minor: "1.36", Hosts: hosts, StackedEtcd: hosts == nil}
				for name, texts := range clusterSettings(parsed, cluster, nil) {
					for _, text := range texts {
						if !profile.SettingCan(name, text) {
							t.Errorf("%s is %q, and profiles may not say so", name, text)
						}
					}
				}
			}
		}
	}
	if profile.SettingCan("endpoint", "virtuall") || profile.SettingCan("nothing", "true") {
		t.Error("anything goes")
	}
}
