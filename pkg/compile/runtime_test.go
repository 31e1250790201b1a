package compile_test

import (
	"context"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/kubespore/kubespore/pkg/compile"
	"github.com/kubespore/kubespore/pkg/compile/compiletest"
	"github.com/kubespore/kubespore/pkg/pki"
	"github.com/kubespore/kubespore/pkg/profile"
	"github.com/kubespore/kubespore/profiles"
)

// TestAnotherRuntime holds that a container runtime is one folder: with the
// profile crio in the place of containerd every proof holds, and what asks the
// slot for its socket, units and folders gets CRI-O's.
func TestAnotherRuntime(t *testing.T) {
	text, err := os.ReadFile("../../examples/ha-debian.yaml")
	if err != nil {
		t.Fatal(err)
	}
	text = regexp.MustCompile(`(?m)^profiles:\n`).ReplaceAll(text, []byte("profiles:\n  containerd: false\n  crio: {}\n"))
	layers := []profile.Source{{Name: "profiles", FS: profiles.FS}, {Name: "own", FS: os.DirFS("../../testdata/profiles")}}
	project, list := compile.Load("ha-debian.yaml", text, layers...)
	if list.HasErrors() {
		t.Fatal(list)
	}
	if _, list := compile.Run(context.Background(), compile.Input{Project: project, Store: pki.Memory(), Now: now}); len(list) > 0 {
		t.Fatal(list)
	}
	want := map[string]string{
		"/var/lib/kubelet/config.yaml":                         "containerRuntimeEndpoint: unix:///run/crio/crio.sock\n",
		"/etc/systemd/system/kubelet.service":                  "After=network-online.target crio.service ",
		"/etc/systemd/system/kubespore-images.service":         "Requires=crio.service\n",
		"/etc/kubespore/console-steps":                         "crio.service container runtime\n",
		"/etc/kubespore/reset":                                 "runtime /opt/kubespore/lib/crio\n",
		"/etc/systemd/system/crio-.scope.d/20-kubespore.conf":  "",
		"/opt/kubespore/bin/kubespore-images":                  "root=/var/lib/containers/storage\n",
		"/etc/systemd/system/kubespore-apiserver-stop.service": "After=crio.service\n",
	}
	read := func(name string) ([]byte, error) { return os.ReadFile("../../examples/" + name) }
	doc, list := compiletest.Document("ha-debian.yaml", text, "cp1", read, now, layers...)
	if list.HasErrors() {
		t.Fatal(list)
	}
	entries, err := doc.Entries()
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if part, asked := want[e.Path]; asked && strings.Contains(string(e.Content), part) {
			delete(want, e.Path)
		}
		if strings.Contains(e.Path, "containerd") {
			t.Errorf("%s of %s is there without containerd", e.Path, doc.Origins[e.Item].Profile)
		}
	}
	for path, part := range want {
		t.Errorf("%s does not say %q", path, part)
	}
}
