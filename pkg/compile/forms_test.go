package compile_test

import (
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/kubespore/kubespore/pkg/compile"
	"github.com/kubespore/kubespore/pkg/compile/compiletest"
	"github.com/kubespore/kubespore/pkg/document"
	"github.com/kubespore/kubespore/pkg/plan"
	"github.com/kubespore/kubespore/pkg/profile"
	"github.com/kubespore/kubespore/pkg/render"
	"github.com/kubespore/kubespore/profiles"
)

// The control plane has one table of flags, which static pods and units write
// in two forms.
func TestUnitsHaveTheFlagsOfStaticPods(t *testing.T) {
	const common = "audit: metadata, apiServerExtraArgs: [v=4], controllerManagerExtraArgs: ['node-monitor-period=5s'], schedulerExtraArgs: [v=3]"
	pods := entriesOf(t, "  control-plane: {"+common+"}\n")
	units := entriesOf(t, "  control-plane: {run: units, "+common+"}\n")
	for program, file := range map[string]string{"kube-apiserver": "apiserver", "kube-controller-manager": "controller-manager", "kube-scheduler": "scheduler"} {
		var pod struct {
			Spec struct{ Containers []struct{ Command []string } }
		}
		if err := yaml.Unmarshal(pods["/etc/kubernetes/manifests/"+program+".yaml"].Content, &pod); err != nil || len(pod.Spec.Containers) != 1 {
			t.Fatalf("%s: %v, %d containers", program, err, len(pod.Spec.Containers))
		}
		text := string(units["/etc/kubernetes/"+file].Content)
		_, value, _ := strings.Cut(text, `_ARGS="`)
		value = strings.NewReplacer("\\\n", " ", `\"`, "").Replace(strings.TrimSuffix(value, "\"\n"))
		if want, have := pod.Spec.Containers[0].Command[1:], strings.Fields(value); len(want) < 6 || !slices.Equal(want, have) {
			t.Errorf("%s: as a pod\n%q\nas a unit\n%q", program, want, have)
		}
		if _, there := units["/etc/kubernetes/manifests/"+program+".yaml"]; there {
			t.Errorf("%s is a unit and a static pod", program)
		}
	}
	for name, e := range units {
		if path.Dir(name) == "/etc/kubernetes/pki" && e.Kind == document.KindFile && e.Mode&0o044 == 0 && e.User != "kube" {
			t.Errorf("%s is %s's", name, e.User)
		}
	}
}

// entriesOf renders the one machine of the example single with more profiles.
func entriesOf(t *testing.T, more string) map[string]document.Entry {
	t.Helper()
	text, err := os.ReadFile("../../examples/single.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return entriesOfTopology(t, strings.Replace(string(text), "\nprofiles:\n", "\nprofiles:\n"+more, 1))
}

// entriesOfTopology renders the first machine of a topology.
func entriesOfTopology(t *testing.T, text string) map[string]document.Entry {
	t.Helper()
	source := profile.Source{Name: "profiles", FS: profiles.FS}
	project, list := compile.Load("single.yaml", []byte(text), source)
	if list.HasErrors() {
		t.Fatal(list)
	}
	planned, evaluator, list := project.Plan(plan.Allocations{})
	if list.HasErrors() {
		t.Fatal(list)
	}
	renderer, list := render.New(planned, evaluator, func(string) ([]byte, fs.FS, error) { return nil, nil, fs.ErrNotExist })
	if list.HasErrors() {
		t.Fatal(list)
	}
	renderer.SetGeneration(1)
	keys, _ := compiletest.Keys(planned, now)
	doc, list := renderer.Host(planned.Hosts[0], keys)
	if list.HasErrors() {
		t.Fatal(list)
	}
	entries, err := doc.Entries()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]document.Entry{}
	for _, e := range entries {
		out[e.Path] = e
	}
	return out
}
