package payload_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/kubespore/kubespore/pkg/payload"
	"github.com/kubespore/kubespore/pkg/plan"
)

// manifest is a file of objects that a bill names.
func manifest() payload.Binary {
	return payload.Binary{
		Name: "calico", Version: "v3", Arch: plan.AnyArch, File: "manifests/calico-v3.yaml",
		Paths: []string{"/var/lib/kubespore/manifests/calico.yaml"},
	}
}

// objects is a folder with the manifest, under its makers' name.
func objects(t *testing.T, text string) string {
	t.Helper()
	dir := t.TempDir()
	writeSynced(t, filepath.Join(dir, "calico.yaml"), text)
	return dir
}

// TestManifest packs a file of objects, writes its lock and reads it, and packs
// what is locked from a mirror of the first bundle. It cannot be run.
func TestManifest(t *testing.T) {
	b := &payload.Bill{Cluster: "prod", Binaries: []payload.Binary{manifest()}}
	first, file := t.TempDir(), filepath.Join(t.TempDir(), "payload.lock")
	if err := payload.WriteLock(file, mustPack(t, b, first, objects(t, "kind: List\n")).Lock); err != nil {
		t.Fatal(err)
	}
	lock, err := payload.ReadLock(file)
	if err != nil {
		t.Fatal(err)
	}
	locked := lock.Binary("calico", "v3", plan.AnyArch)
	if locked == nil || locked.File != b.Binaries[0].File {
		t.Fatalf("the lock has %+v", lock)
	}
	b.Binaries[0].SHA256 = locked.SHA256
	if list := payload.VerifyLock(file, lock, b); len(list) > 0 {
		t.Error(list)
	}
	mirror := httptest.NewServer(http.FileServer(http.Dir(first)))
	t.Cleanup(mirror.Close)
	second := t.TempDir()
	mustPack(t, b, second, mirror.URL)
	for _, dir := range []string{first, second} {
		if got, list := verify(t, dir, lock); len(list) > 0 || got.Files != 1 {
			t.Errorf("%d files, %v", got.Files, list)
		}
		if info, err := os.Stat(filepath.Join(dir, locked.File)); err != nil || info.Mode().Perm() != 0o644 {
			t.Errorf("%v, %v", info, err)
		}
	}
	_, list := pack(t, b, t.TempDir(), objects(t, "kind: Secret\n"))
	want(t, list, "W005", "calico v3 is not what is locked")
}
