package objects_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubespore/kubespore/pkg/imageref"
	"github.com/kubespore/kubespore/pkg/objects"
)

const several = `# a comment
---
apiVersion: v1
kind: ConfigMap
metadata: {name: a, namespace: b}
--- # a comment
# nothing here
---
null
---

apiVersion: v1
kind: Pod
metadata: {generateName: c-}
`

func TestRead(t *testing.T) {
	all, fault := objects.Read("f.yaml", []byte(several))
	if fault != nil {
		t.Fatal(fault.Message)
	}
	var got []string
	for _, o := range all {
		m := o.Metadata
		got = append(got, fmt.Sprintf("%s %s %s %s%s %s lacks %q", o.At("f.yaml", nil), o.APIVersion, o.Kind, m.Name, m.GenerateName, m.Namespace, o.Lacks()))
	}
	want := []string{`f.yaml:3:1 v1 ConfigMap a b lacks ""`, `f.yaml:12:1 v1 Pod c-  lacks ""`}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestFaults(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"nothing":            {"# comment\n---\nnull\n", "f.yaml:1 the file holds no object"},
		"syntax":             {"a: 1\n---\nb: c: d\n", "f.yaml:3 this is not YAML"},
		"second without ---": {"a: 1\n---\nb: 2\n...\nc: 3\n", "f.yaml:4 this is not YAML"},
		"text behind ---":    {"a: 1\n---\nb: 2\n--- c\n", "f.yaml:4 this line begins with --- and goes on"},
		"endless alias":      {"a: 1\n---\n\nb: &b {c: *b}\n", "f.yaml:4:1 this is not an object: anchor 'b' value contains itself"},
	} {
		t.Run(name, func(t *testing.T) {
			_, fault := objects.Read("f.yaml", []byte(c.text))
			if fault == nil {
				t.Fatal("it was read")
			}
			if got := fault.At.String() + " " + fault.Message; !strings.HasPrefix(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestLacks(t *testing.T) {
	for text, want := range map[string]string{
		"text":                         "apiVersion, kind and metadata",
		"a: b":                         "apiVersion, kind and metadata",
		"kind: [a]":                    "apiVersion, kind and metadata",
		"kind: A":                      "apiVersion",
		"apiVersion: v1":               "kind",
		"{apiVersion: v1, kind: A}":    "metadata.name",
		"{apiVersion: v1, kind: List}": "",
		"{apiVersion: v1, kind: A, metadata: {name: a}}": "",
	} {
		o, fault := objects.Parse("f", objects.Part{Text: []byte(text), Line: 1})
		if fault != nil {
			t.Fatal(fault.Message)
		}
		if got := o.Lacks(); got != want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
}

func TestImages(t *testing.T) {
	text := `kind: Any
image: not-of-a-container
base: &base {image: base:1, imagePullPolicy: Always}
spec:
  initContainers:
  - image: a
  containers: &list
  - {image: registry.example.org/b:2, imagePullPolicy: Never}
  - {image: 3}
  - <<: *base
    name: c
  again: {containers: *list}
  template: {spec: {ephemeralContainers: [{<<: [*base], image: d:4}]}}
`
	o, fault := objects.Parse("f", objects.Part{Text: []byte(text), Line: 11})
	if fault != nil {
		t.Fatal(fault.Message)
	}
	var got []string
	for _, i := range o.Images() {
		got = append(got, fmt.Sprint(o.At("f", i.Node), " ", imageref.Name(i.Ref), " ", i.Policy))
	}
	want := []string{"f:16:12 docker.io/library/a:latest false", "f:18:13 registry.example.org/b:2 true", "f:13:21 docker.io/library/base:1 true", "f:23:64 docker.io/library/d:4 true"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"docker.io/library/a:latest", "docker.io/library/base:1", "docker.io/library/d:4", "registry.example.org/b:2"}, objects.ImageNames(o)); diff != "" {
		t.Error(diff)
	}
}

// TestAliasesEnd walks a text of few lines whose aliases stand for very much.
func TestAliasesEnd(t *testing.T) {
	var b strings.Builder
	b.WriteString("l0: &l0 {containers: [{image: a}]}\n")
	for i := 1; i < 40; i++ {
		fmt.Fprintf(&b, "l%d: &l%d [*l%d, *l%d]\n", i, i, i-1, i-1)
	}
	if _, fault := objects.Read("f", []byte(b.String())); fault == nil || !strings.Contains(fault.Message, "aliasing") {
		t.Errorf("got %v", fault)
	}
}
