package plan_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/kubespore/kubespore/pkg/plan"
	"github.com/kubespore/kubespore/pkg/profile"
	"github.com/kubespore/kubespore/pkg/topology"
	"github.com/kubespore/kubespore/profiles"
)

// TestLock pins one program and one image for one architecture: hosts of it
// have them, hosts of another and other programs do not.
func TestLock(t *testing.T) {
	text, _ := topology.Template("single")
	parsed, list := topology.Parse("single.yaml", text, topology.Known{})
	if list.HasErrors() {
		t.Fatal(list)
	}
	catalog, list := profile.Load(profile.Source{Name: "profiles", FS: profiles.FS})
	if list.HasErrors() {
		t.Fatal(list)
	}
	version := parsed.Kubernetes.Version
	lock := plan.Lock{
		Binaries: []plan.LockedBinary{{Name: "kubelet", Version: version, Arch: "amd64", File: "a"}, {Name: "kubelet", Version: version, Arch: "arm64", File: "b"}},
		Images:   []plan.LockedImage{{Ref: "registry.k8s.io/kube-scheduler:" + version, Arch: "amd64", File: "c"}},
	}
	p, _, list := plan.Build(plan.Inputs{Topology: parsed, Catalog: catalog, Lock: lock})
	if list.HasErrors() {
		t.Fatal(list)
	}
	h := p.Hosts[0]
	for _, b := range h.Binaries {
		if want := b.Name == "kubelet"; (b.Locked != nil) != want || want && b.Locked.File != "a" {
			t.Errorf("%s: %v", b.Name, b.Locked)
		}
	}
	for _, i := range h.Images {
		if want := strings.Contains(i.Ref, "kube-scheduler"); (i.Locked != nil) != want || want && i.Locked.File != "c" {
			t.Errorf("%s: %v", i.Ref, i.Locked)
		}
	}
	if got := p.Cluster.LockedImages; !slices.Equal(got, lock.Images) {
		t.Errorf("a registry is told of %v", got)
	}
	if url, member := (plan.BinaryRef{URL: "https://example.com/{arch}.tar.gz", Member: "x-{arch}/x"}).For("arm64"); url != "https://example.com/arm64.tar.gz" || member != "x-arm64/x" {
		t.Errorf("%s %s", url, member)
	}
}
