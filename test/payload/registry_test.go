//go:build real

package payload

import (
	"bytes"
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
	c := exec.Command(strings.TrimSpace(string(out)), "serve", config)
	var log bytes.Buffer
	c.Stdout, c.Stderr = &log, &log
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Process.Kill()
		_ = c.Wait()
	})
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if r, err := http.Get("http://" + address + "/v2/"); err == nil {
			_ = r.Body.Close()
			return address
		}
		if time.Now().After(deadline) {
			t.Fatalf("the registry does not start:\n%s", log.String())
		}
	}
}

// TestRegistry starts the real registry on the tree of two architectures, and
// pulls every image from it: by its tag for each architecture, and by digest.
func TestRegistry(t *testing.T) {
	w := newWorldOf(t, "", arm)
	w.kubespore(t, "payload", "pack", "--from", "payload", "--registry", "registry", "single.yaml")
	address := startRegistry(t, filepath.Join(w.dir, "registry"))
	lock, err := payload.ReadLock(filepath.Join(w.bundle, payload.InBundle))
	if err != nil {
		t.Fatal(err)
	}
	both := 0
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
			// Reads every layer and holds it against its digest.
			if err := validate.Image(image); err != nil {
				t.Errorf("%s for %s: %v", asked, i.Arch, err)
			}
		}
		if i.Arch == "arm64" && lock.Image(i.Ref, "amd64") != nil {
			both++
		}
	}
	if both == 0 {
		t.Error("no image is there for both architectures")
	}
	// What a registry serves is a source of images in turn.
	if err := os.RemoveAll(filepath.Join(w.bundle, "images")); err != nil {
		t.Fatal(err)
	}
	w.kubespore(t, "payload", "pack", "--from", "parts", "--from", "registry:"+address, "-o", "again", "single.yaml")
}
