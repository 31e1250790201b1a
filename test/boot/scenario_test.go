package main

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/kubespore/kubespore/test/boot/documents"
	"github.com/kubespore/kubespore/test/boot/lab"
	"github.com/kubespore/kubespore/test/boot/osfile"
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
	var all []lab.Scenario
	if err := osfile.ReadYAML("scenarios.yaml", &all); err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		r := (&lab.Lab{Tree: "../.."}).NewRun(s)
		if _, err := os.Stat(r.Path()); err != nil {
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
	extra, err := readScenarios("scenarios.yaml", []string{lab.AllExtra})
	if err != nil || len(byDefault)+len(extra) != len(all) {
		t.Errorf("%d by default, %d extra, %d in all: %v", len(byDefault), len(extra), len(all), err)
	}
	media, err := readScenarios("scenarios.yaml", []string{"single", "media-*"})
	if err != nil || len(media) < 3 || media[0].Name != "single" || !strings.HasPrefix(media[1].Name, "media-") {
		t.Errorf("%d scenarios: %v", len(media), err)
	}
}

// What cannot be done from outside is refused before anything is made.
func TestInside(t *testing.T) {
	for step, refused := range map[string]bool{"repeat-self-tests": true, "lose-folder cp1 /var/lib/etcd": true, "dns-resolves w1 cp1 10.0.0.1": true, "run-outside true": false, "cut-power holder": true, "cut-power cp1": false, "nodes-ready 20m": false} {
		for lane, payload := range map[string]string{lab.ContainerLane: "", lab.MachineLane: lab.OnVolume} {
			err := check(lab.Scenario{Lane: lane, Format: documents.Ignition, Payload: payload, Steps: []string{step}})
			if (err != nil) != (refused && lane == lab.MachineLane) {
				t.Errorf("%s in the lane %q: %v", step, lane, err)
			}
		}
	}
	for _, s := range []lab.Scenario{
		{Lane: "no-such", Format: documents.Ignition},
		{Lane: lab.ContainerLane, Format: documents.CloudInit},
		{Lane: lab.ContainerLane, Format: documents.Ignition, Clock: "2001-01-01"},
		{Lane: lab.MachineLane, Format: "no-such", Payload: lab.OnVolume},
		{Lane: lab.ContainerLane, Format: documents.Ignition, Kernel: "quiet"},
		{Lane: lab.MachineLane, Format: documents.Ignition, Payload: lab.OnVolume, Purged: []string{"nftables"}},
		{Lane: lab.ContainerLane, Format: documents.Ignition, Payload: lab.OnVolume},
		{Lane: lab.ContainerLane, Format: documents.Ignition, Page: "README.md"},
		{Lane: lab.ContainerLane, Format: documents.Ignition, Payload: lab.OnMirror, Upstream: true},
		{Lane: lab.MachineLane, Format: documents.Ignition, Payload: lab.InFolder},
		{Lane: lab.ContainerLane, Format: documents.Ignition, Deliver: map[string]string{"cp1": "fw-cfg"}},
		{Lane: lab.MachineLane, Format: documents.Ignition, Deliver: map[string]string{"cp1": "no-such"}},
		{Lane: lab.MachineLane, Format: documents.Ignition, Deliver: map[string]string{"cp1": "seed"}},
		{Lane: lab.MachineLane, Format: documents.Ignition, Deliver: map[string]string{"cp1": "pxe"}, Firmware: map[string]string{"cp1": "no-such"}},
		{Lane: lab.MachineLane, Format: documents.CloudInit, Firmware: map[string]string{"cp1": lab.UEFI}},
		{Lane: lab.ContainerLane, Format: documents.Ignition, Steps: []string{"try all"}},
		{Lane: lab.MachineLane, Format: documents.Ignition, Steps: []string{"try-image all"}},
		{Lane: lab.MachineLane, Format: documents.Ignition, Steps: []string{"try-cluster all"}},
	} {
		if err := check(s); err == nil {
			t.Errorf("taken: %+v", s)
		}
	}
}

// Pods of a scenario run images that the machines have: the cluster's own, of its minor.
func TestImagesOfPods(t *testing.T) {
	var all []lab.Scenario
	var minors map[string]struct {
		CoreDNS string `yaml:"coredns"`
	}
	if err := errors.Join(osfile.ReadYAML("scenarios.yaml", &all), osfile.ReadYAML("../../profiles/versions.yaml", &minors)); err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, s := range all {
		r := (&lab.Lab{Tree: "../.."}).NewRun(s)
		minor, err := r.Minor()
		if err != nil {
			t.Fatal(err)
		}
		steps := strings.Join(s.Steps, "\n")
		texts := map[string]string{"a step": steps}
		for _, file := range appliedFile.FindAllStringSubmatch(steps, -1) {
			text, err := os.ReadFile(filepath.Join("../..", file[1]))
			if err != nil {
				t.Errorf("%s: %v", s.Name, err)
			}
			texts[file[1]] = string(text)
		}
		for from, text := range texts {
			for _, image := range corednsImage.FindAllStringSubmatch(text, -1) {
				seen++
				if want := minors[minor].CoreDNS; image[1] != want {
					t.Errorf("%s: %s runs CoreDNS %s, and machines have that of %s, %s", s.Name, from, image[1], minor, want)
				}
			}
		}
	}
	if seen == 0 {
		t.Error("no image was compared")
	}
}

var (
	appliedFile  = regexp.MustCompile(`-f (test/boot/\S+[.]yaml)`)
	corednsImage = regexp.MustCompile(`coredns/coredns:(v[0-9.]+)`)
)
