package payload_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/kubespore/kubespore/pkg/payload"
	"github.com/kubespore/kubespore/pkg/volume/iso9660"
)

// bundleFor packs the image for each architecture and gives the folder and the
// lock.
func bundleFor(t *testing.T, refs ...string) (string, payload.Packed) {
	t.Helper()
	b, parts, dir := &payload.Bill{Cluster: "prod"}, t.TempDir(), t.TempDir()
	for _, spec := range refs {
		ref, arch, _ := strings.Cut(spec, " ")
		file := "images/" + arch + "/" + strings.NewReplacer("/", "_", ":", "_", "@", "_").Replace(ref) + ".tar"
		saveLayout(t, filepath.Join(parts, file), ref, image(t, arch))
		b.Images = append(b.Images, payload.Image{Ref: ref, Arch: arch, File: file})
	}
	return dir, mustPack(t, b, dir, parts)
}

// saveLayout writes an archive of one image.
func saveLayout(t *testing.T, file, ref string, i v1.Image) {
	t.Helper()
	dir := newLayout(t)
	appendImage(t, dir, ref, i)
	archiveOf(t, dir, file, "", nil)
}

func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	if err := filepath.WalkDir(dir, func(name string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := os.ReadFile(name)
		out[strings.TrimPrefix(name, dir+"/docker/registry/v2/")] = string(text)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestStorage writes the tree twice, the second time over a blob that was
// damaged: a tag of two architectures stands for an index of both.
func TestStorage(t *testing.T) {
	bundle, packed := bundleFor(t, "a.example/pause:1 amd64", "a.example/pause:1 arm64", "a.example/team/tool:2 amd64")
	dir := t.TempDir()
	write := func() map[string]string {
		if err := payload.WriteStorage(dir, bundle, packed.Lock, nil); err != nil {
			t.Fatal(err)
		}
		return tree(t, dir)
	}
	first := write()
	for name := range first {
		if strings.HasSuffix(name, "/data") {
			writeSynced(t, filepath.Join(dir, "docker/registry/v2", name), "damaged")
		}
	}
	again := write()
	if len(first) != len(again) {
		t.Errorf("%d files, then %d", len(first), len(again))
	}
	for name, text := range first {
		if again[name] != text {
			t.Errorf("%s differs", name)
		}
	}
	if got, want := first["repositories/team/tool/_manifests/tags/2/current/link"], packed.Lock.Image("a.example/team/tool:2", "amd64").Digest; got != want {
		t.Errorf("team/tool:2 is %s, want %s", got, want)
	}
	digest := first["repositories/pause/_manifests/tags/1/current/link"]
	hex := strings.TrimPrefix(digest, "sha256:")
	var index v1.IndexManifest
	if err := json.Unmarshal([]byte(first["blobs/sha256/"+hex[:2]+"/"+hex+"/data"]), &index); err != nil || len(index.Manifests) != 2 {
		t.Fatalf("%v: %v", index, err)
	}
	for _, d := range index.Manifests {
		if want := packed.Lock.Image("a.example/pause:1", d.Platform.Architecture).Digest; d.Digest.String() != want {
			t.Errorf("%s: %s, want %s", d.Platform.Architecture, d.Digest, want)
		}
	}
}

func TestStorageRefuses(t *testing.T) {
	for _, c := range []struct {
		refs    []string
		message string
	}{
		{[]string{"a.example/pause:1 amd64", "b.example/pause:1 amd64"}, "cannot serve both a.example/pause:1 and b.example/pause:1"},
	} {
		bundle, packed := bundleFor(t, c.refs...)
		err := payload.WriteStorage(t.TempDir(), bundle, packed.Lock, nil)
		if err == nil || !strings.Contains(err.Error(), c.message) {
			t.Errorf("%v: %v", c.refs, err)
		}
	}
	// A digest of an index cannot be served by a bundle of one architecture.
	dir, parts := t.TempDir(), newLayout(t)
	ref := "a.example/pause@" + appendIndex(t, parts, "a.example/pause:1", image(t, "amd64"), image(t, "arm64"))
	bill := &payload.Bill{Images: []payload.Image{{Ref: ref, Arch: "amd64", File: "images/amd64/pause.tar"}}}
	err := payload.WriteStorage(t.TempDir(), dir, mustPack(t, bill, dir, parts).Lock, nil)
	if err == nil || !strings.Contains(err.Error(), "the image for amd64 alone") {
		t.Errorf("a pinned index: %v", err)
	}
	bundle, packed := bundleFor(t, "a.example/pause:1 amd64")
	if err := os.Remove(filepath.Join(bundle, packed.Lock.Images[0].File)); err != nil {
		t.Fatal(err)
	}
	if err := payload.WriteStorage(t.TempDir(), bundle, packed.Lock, nil); err == nil {
		t.Error("a bundle without its image is served")
	}
}

// The tree travels as a volume with the label and the folder that machines look for.
func TestRegistryVolume(t *testing.T) {
	bundle, packed := bundleFor(t, "a.example/pause:1 amd64", "a.example/team/tool:2 amd64")
	dir := t.TempDir()
	if err := payload.WriteStorage(dir, bundle, packed.Lock, nil); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "registry.iso")
	if err := payload.WriteRegistryVolume(name, dir, time.Unix(0, 0)); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	label := make([]byte, 32)
	if _, err := f.ReadAt(label, 16*2048+40); err != nil || strings.TrimSpace(string(label)) != payload.RegistryLabel {
		t.Errorf("the label is %q: %v", label, err)
	}
	files, err := iso9660.Read(f)
	if err != nil {
		t.Fatal(err)
	}
	want := tree(t, dir)
	for _, x := range files {
		name, found := strings.CutPrefix(x.Path, "registry/docker/registry/v2/")
		if text, known := want[name]; !found || !known || x.Size != int64(len(text)) {
			t.Errorf("%s is on the volume", x.Path)
		}
		delete(want, name)
	}
	if len(want) > 0 {
		t.Errorf("not on the volume: %d files", len(want))
	}
}
