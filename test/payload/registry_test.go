//go:build real

package payload

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/kubespore/kubespore/pkg/payload"
)

// arm is a worker of another architecture than the others.
const arm = "  - {name: arm1, roles: [worker], arch: arm64, address: 192.168.200.31/24, gateway: 192.168.200.1}\n"

// startRegistry starts the real registry on a storage tree, which it may only
// read, and gives its address.
func startRegistry(t *testing.T, tree string) string {
	t.Helper()
	out, err := exec.Command("../tools/deb", "docker-registry", "usr/bin/docker-registry").Output()
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	_ = l.Close()
	config := filepath.Join(t.TempDir(), "config.yml")
	write(t, config, fmt.Appendf(nil, `version: 0.1
storage:
  filesystem: {rootdirectory: %s}
  maintenance: {readonly: {enabled: true}}
http: {addr: %q}
`, tree, address))
	serveRegistry(t, out, config, func() bool {
		r, err := http.Get("http://" + address + "/v2/")
		if err == nil {
			_ = r.Body.Close()
		}
		return err == nil
	})
	return address
}

// pulls pulls every image from a registry, by its tag for each architecture and by
// digest, and counts those that are there for both.
func (w *world) pulls(t *testing.T, address string) (both int) {
	t.Helper()
	lock, err := payload.ReadLock(filepath.Join(w.bundle, payload.InBundle))
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range lock.Images {
		tag, err := name.NewTag(i.Ref)
		if err != nil {
			t.Fatal(err)
		}
		repository := address + "/" + tag.RepositoryStr()
		for _, asked := range []string{repository + ":" + tag.TagStr(), repository + "@" + i.Digest} {
			ref, err := name.ParseReference(asked)
			if err != nil {
				t.Fatal(err)
			}
			image, err := remote.Image(ref, remote.WithPlatform(v1.Platform{OS: "linux", Architecture: i.Arch}))
			if err != nil {
				t.Errorf("%s for %s: %v", asked, i.Arch, err)
				continue
			}
			if digest, err := image.Digest(); err != nil || digest.String() != i.Digest {
				t.Errorf("%s for %s is %s, and %s is locked: %v", asked, i.Arch, digest, i.Digest, err)
			}
			// Reads every layer and checks its digest.
			if err := validate.Image(image); err != nil {
				t.Errorf("%s for %s: %v", asked, i.Arch, err)
			}
		}
		if i.Arch == "arm64" && lock.Image(i.Ref, "amd64") != nil {
			both++
		}
	}
	return both
}

// TestRegistry starts the real registry on the tree of two architectures, and
// pulls every image from it: by its tag for each architecture, and by digest.
func TestRegistry(t *testing.T) {
	w := newWorldOf(t, "", arm)
	w.kubespore(t, "payload", "pack", "--from", "payload", "--registry", "registry", "single.yaml")
	address := startRegistry(t, filepath.Join(w.dir, "registry"))
	if both := w.pulls(t, address); both == 0 {
		t.Error("no image is there for both architectures")
	}
	// What a registry serves is a source of images in turn.
	if err := os.RemoveAll(filepath.Join(w.bundle, "images")); err != nil {
		t.Fatal(err)
	}
	w.kubespore(t, "payload", "pack", "--from", "parts", "--from", "registry:"+address, "-o", "again", "single.yaml")
}

// TestTwoBundles: the payload of a cluster of two architectures is packed from the
// bundles of two clusters of one architecture each, in any order.
func TestTwoBundles(t *testing.T) {
	text := topology(t, "  flannel: {}\n")
	amd := newWorldFrom(t, text)
	armed := strings.Replace(text, "- name: node1\n", "- name: node1\n    arch: arm64\n", 1)
	if armed == text {
		t.Fatal("the example has no such host")
	}
	arm64 := newWorldFrom(t, armed)
	mixed := strings.Replace(text, "name: single", "name: mixed", 1) + arm
	write(t, filepath.Join(amd.dir, "mixed.yaml"), []byte(mixed))
	locks := map[string]map[string]string{}
	for _, w := range []*world{amd, arm64} {
		lock, err := payload.ReadLock(filepath.Join(w.bundle, payload.InBundle))
		if err != nil {
			t.Fatal(err)
		}
		arch := lock.Images[0].Arch
		locks[arch] = map[string]string{}
		for _, i := range lock.Images {
			locks[arch][i.Ref] = i.Digest
		}
	}
	if len(locks) != 2 {
		t.Fatalf("the bundles are for %d architectures", len(locks))
	}
	for _, order := range [][]string{{"--from", amd.bundle, "--from", arm64.bundle}, {"--from", arm64.bundle, "--from", amd.bundle}} {
		if err := os.RemoveAll(filepath.Join(amd.dir, "mixed")); err != nil {
			t.Fatal(err)
		}
		amd.kubespore(t, append([]string{"payload", "pack", "-o", "mixed", "mixed.yaml"}, order...)...)
		amd.kubespore(t, "build", "-o", "out-mixed", "mixed.yaml")
		amd.kubespore(t, "payload", "verify", "--build", "out-mixed", "mixed.yaml", "mixed")
		lock, err := payload.ReadLock(filepath.Join(amd.dir, "mixed", payload.InBundle))
		if err != nil {
			t.Fatal(err)
		}
		count := map[string]int{}
		for _, i := range lock.Images {
			count[i.Arch]++
			if i.Digest != locks[i.Arch][i.Ref] {
				t.Errorf("%s for %s is %s, and its bundle has %s", i.Ref, i.Arch, i.Digest, locks[i.Arch][i.Ref])
			}
		}
		if count["amd64"] == 0 || count["arm64"] == 0 {
			t.Errorf("images of %v", count)
		}
	}
}

// namesLocked: what the machine makes names from is the lock that the build followed.
func (w *world) namesLocked(t *testing.T) {
	t.Helper()
	lock, err := payload.ReadLock(filepath.Join(w.bundle, payload.InBundle))
	if err != nil {
		t.Fatal(err)
	}
	var want strings.Builder
	for _, i := range lock.Images {
		fmt.Fprintf(&want, "%s %s\n", i.Ref, i.Digest)
	}
	if got := w.fileOf(t, "/etc/kubespore/registry/images"); strings.TrimSpace(got) != strings.TrimSpace(want.String()) {
		t.Errorf("the document has\n%s\nand the lock\n%s", got, want.String())
	}
}

// TestRegistryVolume: the volume KUBESPORE-REG, attached to the machine of the profile
// registry, fills its registry; the real one serves every image from there.
func TestRegistryVolume(t *testing.T) {
	w := newWorld(t, "  registry: {hosts: [node1]}\n")
	w.namesLocked(t)
	w.kubespore(t, "payload", "pack", "--from", "payload", "--registry", "registry", "--registry-iso", "reg.iso", "single.yaml")
	volume := filepath.Join(w.dir, "reg.iso")
	if text, err := os.ReadFile("/proc/filesystems"); err != nil || !strings.Contains(string(text), "iso9660") {
		// The kernel of the tests reads no ISO 9660: xorriso does, and the label stays.
		shell(t, fmt.Sprintf("xorriso -osirrox on -indev %[1]s -extract / %[2]s/tree 2>&1 && truncate -s 128M %[1]s.ext4 && mkfs.ext4 -q -L \"$(blkid --match-tag LABEL --output value %[1]s)\" -d %[2]s/tree %[1]s.ext4", volume, w.dir))
		volume += ".ext4"
	}
	m := w.machine(t)
	write(t, filepath.Join(m.root, "etc/passwd"), []byte("root:x:0:0::/:/bin/sh\nregistry:x:990:990::/:/bin/false\n"))
	write(t, filepath.Join(m.root, "etc/group"), []byte("root:x:0:\nregistry:x:990:\n"))
	write(t, filepath.Join(m.root, "opt/bin/fill"), []byte("#!/bin/sh\nexec env $(cat /etc/kubespore/registry/seed.env) /opt/kubespore/bin/kubespore-registry-seed\n"))
	stamp := filepath.Join(m.root, "var/lib/kubespore/registry-seeded")
	if ended, said := m.run(t, "/opt/bin/fill", time.Minute); !ended || !strings.Contains(said, "there are no images for the registry") {
		t.Fatal(said)
	}
	plug(t, volume)
	// A power cut in the middle, then the whole.
	if ended, _ := m.run(t, "/opt/bin/fill", 100*time.Millisecond); ended {
		t.Log("it was faster than the power cut")
	}
	if ended, said := m.run(t, "/opt/bin/fill", time.Minute); !ended {
		t.Fatal(said)
	}
	if _, err := os.Stat(stamp); err != nil {
		t.Error(err)
	}
	w.pulls(t, startRegistry(t, filepath.Join(m.root, "var/lib/registry")))
}
