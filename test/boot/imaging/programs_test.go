package imaging

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kubespore/kubespore/test/boot/lab"
)

// Programs are those of the minor that a machine's topology names.
func TestMinors(t *testing.T) {
	old := (&lab.Lab{Tree: "../../.."}).NewRun(lab.Scenario{Name: "old", Topology: "single.yaml", Set: map[string]any{"kubernetes": map[string]any{"version": "v1.35.4"}}, Upgrade: "v1.36.3"})
	for r, want := range map[*lab.Run]string{old: "1.35", old.Next: "1.36"} {
		if got, err := r.Minor(); err != nil || got != want {
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
		if got, err := lab.MinorOf(version); err == nil {
			t.Errorf("%q is of the minor %s", version, got)
		}
	}
}

// Every program that the lab gives machines is one that a profile wants there,
// and at a place of its own.
func TestProgramsAreWanted(t *testing.T) {
	files, err := filepath.Glob("../../../profiles/*/profile.yaml")
	own, _ := filepath.Glob("../../../testdata/profiles/*/profile.yaml") // err is that of the pattern
	if err != nil || len(files) == 0 || len(own) == 0 {
		t.Fatal(files, own, err)
	}
	files = append(files, own...)
	var profiles strings.Builder
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		profiles.Write(text)
	}
	for _, path := range append(slices.Collect(maps.Values(onMachines)), slices.Collect(maps.Keys(fromDebian))...) {
		if !strings.Contains(profiles.String(), "/"+path+",") && !strings.Contains(profiles.String(), "/"+path+"\n") {
			t.Errorf("no profile wants /%s", path)
		}
	}
}
