package main

import (
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// Every scenario names a topology that is there, machines that it has and
// steps that exist.
func TestScenarios(t *testing.T) {
	byDefault, err := readScenarios("scenarios.yaml", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range byDefault {
		if s.Extra {
			t.Errorf("%s is extra and in the default run", s.Name)
		}
	}
	var all []scenario
	if err := readYAML("scenarios.yaml", &all); err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		r := (&lab{tree: "../.."}).newRun(s)
		if _, err := os.Stat(r.path()); err != nil {
			t.Errorf("%s: %v", s.Name, err)
		}
		if s.Shows == "" || len(s.Steps) == 0 {
			t.Errorf("%s shows nothing", s.Name)
		}
	}
	for _, none := range []string{"no-such", "sing", "media"} {
		if _, err := readScenarios("scenarios.yaml", []string{none}); err == nil {
			t.Errorf("%s was found", none)
		}
	}
	extra, err := readScenarios("scenarios.yaml", []string{allExtra})
	if err != nil || len(byDefault)+len(extra) != len(all) {
		t.Errorf("%d by default, %d extra, %d in all: %v", len(byDefault), len(extra), len(all), err)
	}
	media, err := readScenarios("scenarios.yaml", []string{"single", "media-*"})
	if err != nil || len(media) < 3 || media[0].Name != "single" || !strings.HasPrefix(media[1].Name, "media-") {
		t.Errorf("%d scenarios: %v", len(media), err)
	}
}

func TestUnknownStep(t *testing.T) {
	for _, step := range []string{"", "reday", "ready1", "power-on", "console-shows cp1", "lose-folder cp1"} {
		if _, _, err := verbOf(step); err == nil {
			t.Errorf("%q is taken for a step", step)
		}
	}
}

// What nobody can do from outside is refused before anything is made.
func TestInside(t *testing.T) {
	for step, refused := range map[string]bool{"repeat-self-tests": true, "lose-folder cp1 /var/lib/etcd": true, "dns-resolves w1 cp1 10.0.0.1": true, "run-outside true": false, "cut-power holder": true, "cut-power cp1": false, "nodes-ready 20m": false} {
		for lane, payload := range map[string]string{containerLane: "", machineLane: onVolume} {
			err := scenario{Lane: lane, Format: ignition, Payload: payload, Steps: []string{step}}.check()
			if (err != nil) != (refused && lane == machineLane) {
				t.Errorf("%s in the lane %q: %v", step, lane, err)
			}
		}
	}
	for _, s := range []scenario{
		{Lane: "no-such", Format: ignition},
		{Lane: containerLane, Format: cloudInit},
		{Lane: containerLane, Format: ignition, Clock: "2001-01-01"},
		{Lane: machineLane, Format: "no-such", Payload: onVolume},
		{Lane: containerLane, Format: ignition, Kernel: "quiet"},
		{Lane: machineLane, Format: ignition, Payload: onVolume, Purged: []string{"nftables"}},
		{Lane: containerLane, Format: ignition, Payload: onVolume},
		{Lane: containerLane, Format: ignition, Page: "README.md"},
		{Lane: containerLane, Format: ignition, Payload: onMirror, Upstream: true},
		{Lane: machineLane, Format: ignition, Payload: inFolder},
		{Lane: containerLane, Format: ignition, Deliver: map[string]string{"cp1": "fw-cfg"}},
		{Lane: machineLane, Format: ignition, Deliver: map[string]string{"cp1": "no-such"}},
		{Lane: machineLane, Format: ignition, Deliver: map[string]string{"cp1": "seed"}},
		{Lane: machineLane, Format: ignition, Deliver: map[string]string{"cp1": "pxe"}, Firmware: map[string]string{"cp1": "no-such"}},
		{Lane: machineLane, Format: cloudInit, Firmware: map[string]string{"cp1": uefi}},
		{Lane: containerLane, Format: ignition, Steps: []string{"try all"}},
		{Lane: machineLane, Format: ignition, Steps: []string{"try-image all"}},
		{Lane: machineLane, Format: ignition, Steps: []string{"try-cluster all"}},
	} {
		if err := s.check(); err == nil {
			t.Errorf("taken: %+v", s)
		}
	}
}

// Programs are those of the minor that a machine's topology asks for.
func TestMinors(t *testing.T) {
	old := (&lab{tree: "../.."}).newRun(scenario{Name: "old", Topology: "single.yaml", Set: map[string]any{"kubernetes": map[string]any{"version": "v1.35.4"}}, Upgrade: "v1.36.3"})
	for r, want := range map[*run]string{old: "1.35", old.next: "1.36"} {
		if got, err := r.minor(); err != nil || got != want {
			t.Errorf("%s asks for %q, not %s: %v", r.Name, got, want, err)
		}
	}
	if of("1.35", "kubelet@") != "kubelet@1.35" || of("1.35", "etcd") != "etcd" {
		t.Error("programs have other names")
	}
	for ref, want := range map[string]string{"registry.k8s.io/kube-apiserver:v1.36.3": "kube-apiserver@1.36", "registry.k8s.io/etcd:3.6.8-0": "etcd@3.6"} {
		if got, err := recipeOf(ref); err != nil || got.program != want {
			t.Errorf("%s is made of %q, not %s: %v", ref, got.program, want, err)
		}
	}
	for _, version := range []string{"", "1.36", "v1.36", "latest"} {
		if got, err := minorOf(version); err == nil {
			t.Errorf("%q is of the minor %s", version, got)
		}
	}
}

// The lane's settings reach a topology, and what it has itself stays.
func TestAdapt(t *testing.T) {
	r := (&lab{tree: "../.."}).newRun(scenario{Name: "adapt", Lane: containerLane, Format: ignition, Topology: "external-etcd.yaml", Set: map[string]any{"cluster": map[string]any{"formed": true}}})
	r.dir = t.TempDir()
	if err := r.adapt([]string{"etcd3"}); err != nil {
		t.Fatal(err)
	}
	var got struct {
		OS, Format string
		Cluster    map[string]any
		Profiles   map[string]map[string]any
		Hosts      []map[string]any
	}
	text, err := os.ReadFile(r.adapted())
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
	for _, s := range []scenario{
		{Name: "policy", Topology: "test/boot/topologies/policy.yaml"},
		{Name: "off", Topology: "examples/seeds/002.yaml"},
		{Name: "on", Topology: "examples/seeds/002.yaml", Set: map[string]any{"profiles": map[string]any{"kube-proxy": map[string]any{}}}},
	} {
		s.Lane, s.Format = containerLane, ignition
		r := (&lab{tree: "../.."}).newRun(s)
		r.dir = t.TempDir()
		if err := r.adapt(nil); err != nil {
			t.Fatal(err)
		}
		var got struct{ Profiles map[string]any }
		if err := readYAML(r.adapted(), &got); err != nil {
			t.Fatal(err)
		}
		if off := got.Profiles["kube-proxy"] == false; off != (s.Name == "off") {
			t.Errorf("%s: kube-proxy is %v", s.Name, got.Profiles["kube-proxy"])
		}
		if s.Name == "policy" && !exists(filepath.Join(r.dir, "policy/web.yaml")) {
			t.Error("the manifests stayed behind")
		}
	}
}
