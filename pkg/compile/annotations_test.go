package compile_test

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	metavalidation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/kubespore/kubespore/pkg/compile/compiletest"
	"github.com/kubespore/kubespore/pkg/profile"
	"github.com/kubespore/kubespore/profiles"
)

// TestNodePatches: what control planes patch Nodes with is JSON that the API server takes:
// labels of its own domains, and the annotations of host and pool, each as it was written.
func TestNodePatches(t *testing.T) {
	const file = "../../testdata/good/annotations.yaml"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	doc, list := compiletest.Document(file, text, "c1", os.ReadFile, now, profile.Source{Name: "profiles", FS: profiles.FS})
	if list.HasErrors() {
		t.Fatal(list)
	}
	entries, err := doc.Entries()
	if err != nil {
		t.Fatal(err)
	}
	have := map[string]metav1.ObjectMeta{}
	for _, e := range entries {
		if e.Path != "/etc/kubespore/node-labels" {
			continue
		}
		for line := range strings.Lines(string(e.Content)) {
			name, patch, found := strings.Cut(line, " ")
			if !found {
				continue // the file ends with an empty line
			}
			var node struct {
				Metadata metav1.ObjectMeta `json:"metadata"`
			}
			d := json.NewDecoder(bytes.NewBufferString(patch))
			d.DisallowUnknownFields()
			if err := d.Decode(&node); err != nil {
				t.Errorf("%s: %v", line, err)
			}
			problems := validation.ValidateAnnotations(node.Metadata.Annotations, field.NewPath("annotations"))
			problems = append(problems, metavalidation.ValidateLabels(node.Metadata.Labels, field.NewPath("labels"))...)
			if len(problems) > 0 {
				t.Errorf("%s: %v", name, problems)
			}
			have[name] = node.Metadata
		}
	}
	if _, there := have["w2"]; there || len(have) != 2 {
		t.Errorf("patches of %d Nodes, want those of c1 and w1", len(have))
	}
	if labels := have["c1"].Labels; len(labels) != 2 || len(have["c1"].Annotations) > 0 {
		t.Errorf("c1: %v", have["c1"])
	}
	want := map[string]string{
		"example.org/owner": "storage team", "example.org/rack": "b",
		"example.org/note": "a \"quoted\" $HOME `date` \\ 'text'\nof two lines",
		"flannel.alpha.coreos.com/public-ip-overwrite": "203.0.113.21",
	}
	for key, value := range want {
		if got := have["w1"].Annotations[key]; got != value {
			t.Errorf("w1: %s is %q, want %q", key, got, value)
		}
	}
	if len(have["w1"].Annotations) != len(want) || len(have["w1"].Labels) > 0 {
		t.Errorf("w1: %v", have["w1"])
	}
}
