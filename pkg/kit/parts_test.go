package kit

import (
	"slices"
	"strings"
	"testing"

	"github.com/kubespore/kubespore/pkg/document"
)

const (
	sumA = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	sumB = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
)

// wayOf makes the kit between two lists of programs and images.
func wayOf(t *testing.T, oldPrograms, newPrograms, oldImages, newImages string) *Kit {
	t.Helper()
	lists := func(programs, images, state string) *document.Document {
		// Blanks and ends of lines as a data URL has them.
		escaped := strings.NewReplacer(" ", "%20", "\n", "%0A")
		return doc(map[string]string{document.ProgramsPath: escaped.Replace(programs), document.ImagesPath: escaped.Replace(images), document.StatePath: state})
	}
	k, err := Between(lists(oldPrograms, oldImages, "old"), Input{
		Document: lists(newPrograms, newImages, "new"),
		Restarts: func(path string) (a, b []string) { return []string{"kubespore-binaries.service"}, nil },
		Runs:     func(program string) []string { return []string{strings.TrimPrefix(program, "/opt/bin/") + ".service"} },
	})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// steps are those of the only way, without those that put files.
func steps(t *testing.T, k *Kit) []string {
	t.Helper()
	if len(k.From) != 1 {
		t.Fatalf("%d ways, not: %+v", len(k.From), k.Not)
	}
	return slices.DeleteFunc(slices.Clone(k.From[0].steps), func(s string) bool { return strings.HasPrefix(s, "file ") })
}

// A kit brings programs and images by their digests, says which version it leads to and
// what does not go back, and restarts what runs of them and nothing that installs.
func TestParts(t *testing.T) {
	k := wayOf(t,
		"/opt/bin/kubelet v1.36.3 "+sumA+" binaries/amd64/kubelet-v1.36.3\n/opt/bin/gone v1 "+sumA+" binaries/amd64/gone-v1\n/opt/bin/same v1 "+sumA+" binaries/amd64/same-v1\n",
		"/opt/bin/kubelet v1.37.2 "+sumB+" binaries/amd64/kubelet-v1.37.2\n/opt/bin/same v1 "+sumA+" binaries/amd64/same-v1\n",
		"registry.k8s.io/etcd:3.6.5-0 sha256:"+sumA+" "+sumA+" images/amd64/etcd-3.6.tar\n",
		"registry.k8s.io/etcd:3.7.1-0 sha256:"+sumB+" "+sumB+" images/amd64/etcd-3.7.tar\n")
	want := []string{
		"kubernetes 1.37.2", "forward etcd 3.7.1",
		"image sha256:" + sumB + " - - " + sumB + " registry.k8s.io/etcd:3.7.1-0 images/amd64/etcd-3.7.tar",
		"program 0755 root root " + sumB + " /opt/bin/kubelet binaries/amd64/kubelet-v1.37.2",
		"remove /opt/bin/gone",
		"try-restart kubelet.service",
	}
	if got := steps(t, k); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if parts := k.Payload(); len(parts) != 2 || parts[0].File != "binaries/amd64/kubelet-v1.37.2" || parts[1].SHA256 != sumB {
		t.Errorf("%+v", parts)
	}
}

// What is not locked has no digest, so no kit brings it; a patch that keeps it is fine.
func TestPartsWithoutLock(t *testing.T) {
	k := wayOf(t, "/opt/bin/kubelet v1.37.1\n", "/opt/bin/kubelet v1.37.2\n", "", "example.org/app:2\n")
	if len(k.Not) != 1 || !slices.Equal(k.Not[0].Items, []string{"image:example.org/app:2", "program:/opt/bin/kubelet"}) {
		t.Errorf("%+v", k.Not)
	}
	steps(t, wayOf(t, "/opt/bin/kubelet v1.37.2\n", "/opt/bin/kubelet v1.37.2\n/opt/bin/new v1 "+sumA+" binaries/amd64/new-v1\n", "example.org/app:2\n", ""))
}

// No minor of Kubernetes or etcd is skipped, and none goes back.
func TestSteps(t *testing.T) {
	state := func(kubelet, etcd string) document.State {
		return document.State{"program:/opt/bin/kubelet": "v" + kubelet, "image:registry.k8s.io/kube-apiserver:v" + kubelet: "-", "image:registry.k8s.io/etcd:" + etcd: "-"}
	}
	for _, c := range []struct{ fromKube, fromEtcd, toKube, toEtcd, want string }{
		{"1.36.3", "3.6.5-0", "1.37.2", "3.7.1-0", ""},
		{"1.37.1", "3.7.1-0", "1.37.2", "3.7.1-1", ""},
		{"1.35.4", "3.6.5-0", "1.37.2", "3.6.6-0", "Kubernetes does not skip a minor from 1.35.4 to 1.37.2"},
		{"1.37.2", "3.7.1-0", "1.37.1", "3.7.1-0", "Kubernetes does not go back from 1.37.2 to 1.37.1"},
		{"1.36.3", "3.5.9-0", "1.37.2", "3.7.1-0", "etcd does not skip a minor from 3.5.9 to 3.7.1"},
		{"1.37.2", "3.7.1-0", "1.36.3", "3.6.5-0", "Kubernetes does not go back from 1.37.2 to 1.36.3; etcd does not go back from 3.7.1 to 3.6.5"},
		{"1.37.2", "3.7.1-0", "2.0.0", "3.7.1-0", "Kubernetes does not skip a minor from 1.37.2 to 2.0.0"},
	} {
		if got := strings.Join(Steps(state(c.fromKube, c.fromEtcd), state(c.toKube, c.toEtcd)), "; "); got != c.want {
			t.Errorf("%+v: %q", c, got)
		}
	}
}
