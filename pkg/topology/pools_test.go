package topology

import (
	"os"
	"reflect"
	"testing"
)

// TestPools: the nearest value counts, mappings are joined, lists are added.
func TestPools(t *testing.T) {
	const file = "../../testdata/good/pools.yaml"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	topology, list := Parse(file, text, testKnown)
	if len(list) > 0 {
		t.Fatal(list)
	}
	shared, own := topology.Hosts[1], topology.Hosts[3]
	storage := Taint{"example.org/storage", "yes", "NoSchedule"}
	for _, c := range []struct {
		what       string
		have, want any
	}{
		{"roles", shared.Roles, []string{"worker"}},
		{"system", []string{shared.OS, own.OS}, []string{"debian", "ubuntu"}},
		{"labels", []map[string]string{shared.Labels, own.Labels}, []map[string]string{{"zone": "a", "example.org/disk": "ssd"}, {"zone": "b", "example.org/disk": "ssd"}}},
		{"taints", [][]Taint{shared.Taints, own.Taints}, [][]Taint{{storage}, {storage, {"example.org/slow", "yes", "PreferNoSchedule"}}}},
		{"parameters", own.Profiles["kubelet"].Params, map[string]any{"maxPods": 200, "config": map[string]any{"imageMaximumGCAge": "240h", "podsPerCore": 4}}},
		{"line of what the pool says", topology.At("hosts[2].profiles.kubelet.config.podsPerCore").Line, 26},
		{"line of what the host says", topology.At("hosts[2].profiles.kubelet.maxPods").Line, 19},
	} {
		if !reflect.DeepEqual(c.have, c.want) {
			t.Errorf("%s: %v, want %v", c.what, c.have, c.want)
		}
	}
}
