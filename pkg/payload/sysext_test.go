package payload_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kubespore/kubespore/pkg/payload"
	"github.com/kubespore/kubespore/pkg/volume/squashfs"
)

// TestSysexts writes one image for each architecture; each holds its programs
// and says for which processor. A manifest is in none.
func TestSysexts(t *testing.T) {
	b := bill()
	b.Images = nil
	b.Binaries[0].Paths = []string{"/opt/bin/kubelet", "/opt/cni/bin/kubelet"}
	arm := b.Binaries[0]
	arm.Arch, arm.File = "arm64", "binaries/arm64/kubelet-v1"
	b.Binaries = append(b.Binaries, arm, manifest())
	bundle, dir := t.TempDir(), filepath.Join(t.TempDir(), "sysext")
	mustPack(t, b, bundle, programs(t), objects(t, "kind: List\n"))
	images, err := payload.WriteSysexts(dir, bundle, b, when)
	if err != nil || len(images) != 2 {
		t.Fatal(images, err)
	}
	for i, arch := range []string{"amd64", "arm64"} {
		f, err := os.Open(images[i].File)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		files, err := squashfs.Read(f)
		if err != nil {
			t.Fatal(err)
		}
		var paths []string
		for _, f := range files {
			paths = append(paths, f.Path)
		}
		slices.Sort(paths)
		want := []string{"opt/bin/kubelet", "opt/cni/bin/kubelet", "usr/lib/extension-release.d/extension-release.kubespore-" + arch}
		if images[i].Arch != arch || !slices.Equal(paths, want) {
			t.Errorf("%s: %q", images[i].File, paths)
		}
	}
}

func TestSysextsRefuse(t *testing.T) {
	bundle := t.TempDir()
	mustPack(t, bill(), bundle, programs(t), serve(t, image(t, "amd64")))
	elsewhere, twice := bill(), bill()
	elsewhere.Binaries[0].Paths = []string{"/var/lib/kubelet"}
	twice.Binaries = append(twice.Binaries, twice.Binaries[0])
	for message, b := range map[string]*payload.Bill{
		"cannot hold /var/lib/kubelet":               elsewhere,
		"cannot hold two programs /opt/bin/kubelet:": twice,
	} {
		dir := filepath.Join(t.TempDir(), "sysext")
		if _, err := payload.WriteSysexts(dir, bundle, b, when); err == nil || !strings.Contains(err.Error(), message) {
			t.Errorf("%q: %v", message, err)
		}
	}
}
