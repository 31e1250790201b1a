package lab

import (
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/kubespore/kubespore/test/boot/documents"
	"github.com/kubespore/kubespore/test/boot/osfile"
)

// The lane's settings reach a topology, and what it has itself stays.
func TestAdapt(t *testing.T) {
	r := (&Lab{Tree: "../../.."}).NewRun(Scenario{Name: "adapt", Lane: ContainerLane, Format: documents.Ignition, Topology: "external-etcd.yaml", Set: map[string]any{"cluster": map[string]any{"formed": true}}})
	r.Dir = t.TempDir()
	if err := r.Adapt([]string{"etcd3"}); err != nil {
		t.Fatal(err)
	}
	var got struct {
		OS, Format string
		Cluster    map[string]any
		Profiles   map[string]map[string]any
		Hosts      []map[string]any
	}
	text, err := os.ReadFile(r.Adapted())
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if got.OS != "debian" || got.Format != "ignition" || got.Cluster["name"] != "external-etcd" || got.Cluster["formed"] != true {
		t.Errorf("%+v", got)
	}
	if profiles := slices.Sorted(maps.Keys(got.Profiles)); !reflect.DeepEqual(profiles, []string{"flannel", "keepalived", "kube-proxy"}) {
		t.Errorf("profiles %v", profiles)
	}
	var names []string
	for _, h := range got.Hosts {
		if h["disks"] != nil || h["mac"] != nil {
			t.Errorf("%v has hardware of its own", h)
		}
		for _, key := range []string{"name", "names"} {
			if name, ok := h[key].(string); ok {
				names = append(names, name)
			}
		}
	}
	if want := []string{"etcd1", "etcd2", "cp1", "cp2", "w[1-1]"}; !reflect.DeepEqual(names, want) {
		t.Errorf("hosts %v, want %v", names, want)
	}
}

// The user's own manifests go where the adapted topology names them. What the
// lane changes leaves alone what a topology switches off; a scenario does not.
func TestAdaptManifests(t *testing.T) {
	for _, s := range []Scenario{
		{Name: "policy", Topology: "test/boot/topologies/policy.yaml"},
		{Name: "off", Topology: "examples/seeds/002.yaml"},
		{Name: "on", Topology: "examples/seeds/002.yaml", Set: map[string]any{"profiles": map[string]any{"kube-proxy": map[string]any{}}}},
	} {
		s.Lane, s.Format = ContainerLane, documents.Ignition
		r := (&Lab{Tree: "../../.."}).NewRun(s)
		r.Dir = t.TempDir()
		if err := r.Adapt(nil); err != nil {
			t.Fatal(err)
		}
		var got struct{ Profiles map[string]any }
		if err := osfile.ReadYAML(r.Adapted(), &got); err != nil {
			t.Fatal(err)
		}
		if off := got.Profiles["kube-proxy"] == false; off != (s.Name == "off") {
			t.Errorf("%s: kube-proxy is %v", s.Name, got.Profiles["kube-proxy"])
		}
		if s.Name == "policy" && !osfile.Exists(filepath.Join(r.Dir, "policy/web.yaml")) {
			t.Error("the manifests stayed behind")
		}
	}
}
