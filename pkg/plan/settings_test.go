package plan

import (
	"testing"

	"github.com/kubespore/kubespore/pkg/profile"
	"github.com/kubespore/kubespore/pkg/topology"
	"github.com/kubespore/kubespore/profiles"
)

// TestSettings holds that what a setting can be, by which profiles are judged
// when they are loaded, is what plans give it.
func TestSettings(t *testing.T) {
	for _, algorithm := range topology.KeyAlgorithms {
		for _, custody := range topology.Custodies {
			parsed := &topology.Topology{PKI: topology.PKI{KeyAlgorithm: algorithm}}
			for _, hosts := range [][]*HostFacts{nil, {{Name: "a", IsNode: true}, {Name: "b", IsNode: true}}} {
				cluster := &Cluster{Custody: custody, Minor: "1.36", Hosts: hosts, StackedEtcd: hosts == nil}
				for name, texts := range clusterSettings(parsed, cluster) {
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

// TestEveryListIsUsed holds that there is no list that no built-in profile
// repeats a fragment for or asks for in a condition.
func TestEveryListIsUsed(t *testing.T) {
	c, problems := profile.Load(profile.Source{Name: "profiles", FS: profiles.FS})
	if problems.HasErrors() {
		t.Fatal(problems)
	}
	used := map[string]bool{}
	for _, p := range c.Profiles {
		for _, f := range p.Fragments {
			used[f.Each] = true
		}
		for _, when := range p.Conditions() {
			for _, list := range when.Lists {
				used[list] = true
			}
		}
	}
	for _, name := range Lists() {
		if !used[name] {
			t.Errorf("no built-in profile uses the list %s: remove it", name)
		}
	}
}
