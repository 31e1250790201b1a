package payload_test

import (
	"archive/tar"
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/payload"
	"github.com/kubespore/kubespore/pkg/plan"
)

const (
	kubelet = "binaries/amd64/kubelet-v1"
	pause   = "images/amd64/registry.example_pause_1.tar"
)

func bill() *payload.Bill {
	return &payload.Bill{
		Cluster:  "prod",
		Binaries: []payload.Binary{{Name: "kubelet", Version: "v1", Arch: "amd64", Paths: []string{"/opt/bin/kubelet"}, File: kubelet}},
		Images:   []payload.Image{{Ref: "registry.example/pause:1", Arch: "amd64", File: pause}},
	}
}

// lockedBill is a bill after a lock was made of it.
func lockedBill(lock plan.Lock) *payload.Bill {
	b := bill()
	b.Binaries[0].SHA256 = lock.Binaries[0].SHA256
	b.Images[0].Digest, b.Images[0].SHA256 = lock.Images[0].Digest, lock.Images[0].SHA256
	return b
}

func image(t *testing.T, arch string) v1.Image {
	t.Helper()
	i, err := random.Image(2000, 2)
	if err != nil {
		t.Fatal(err)
	}
	config, err := i.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config.OS, config.Architecture = "linux", arch
	if i, err = mutate.ConfigFile(i, config); err != nil {
		t.Fatal(err)
	}
	return i
}

var when = time.Date(2026, 8, 1, 0, 0, 0, 0, time.UTC)

// programs is a folder with the program, under its plain name.
func programs(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	writeSynced(t, filepath.Join(dir, "kubelet"), "#!/bin/sh\n"+strings.Repeat("k", 5000))
	return dir
}

func writeSynced(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
}

// serve runs a registry with the image in it.
func serve(t *testing.T, i v1.Image) string {
	t.Helper()
	s := httptest.NewServer(registry.New())
	t.Cleanup(s.Close)
	host := strings.TrimPrefix(s.URL, "http://")
	ref, err := name.ParseReference(host + "/pause:1")
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(ref, i); err != nil {
		t.Fatal(err)
	}
	return "registry:" + host
}

func pack(t *testing.T, b *payload.Bill, dir string, sources ...string) (payload.Packed, diag.List) {
	t.Helper()
	var open []payload.Source
	for _, text := range sources {
		s, err := payload.OpenSource(text, payload.Web{})
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, s)
	}
	return payload.Pack(context.Background(), payload.Packing{Bill: b, Sources: open, Dir: dir})
}

func mustPack(t *testing.T, b *payload.Bill, dir string, sources ...string) payload.Packed {
	t.Helper()
	out, list := pack(t, b, dir, sources...)
	if list.HasErrors() {
		t.Fatal(list)
	}
	return out
}

func codes(list diag.List) []string {
	var out []string
	for _, d := range list {
		out = append(out, d.Code)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// want holds a list to a code and a word of its message.
func want(t *testing.T, list diag.List, code, message string) {
	t.Helper()
	if !slices.Equal(codes(list), []string{code}) || !strings.Contains(list[0].Message, message) {
		t.Errorf("got %v, want %s %q", list, code, message)
	}
}

// TestSources packs the same image from every form that a source has: the same
// bundle comes out, but for docker save, which forgets the image's own digest.
func TestSources(t *testing.T) {
	i := image(t, "amd64")
	first := t.TempDir()
	lock := mustPack(t, bill(), first, programs(t), serve(t, i)).Lock
	digest, err := i.Digest()
	if err != nil {
		t.Fatal(err)
	}
	if lock.Images[0].Digest != digest.String() {
		t.Errorf("the lock has %s, the registry %s", lock.Images[0].Digest, digest)
	}
	if _, list := verify(t, first, lock); len(list) > 0 {
		t.Fatal(list)
	}

	mirror := httptest.NewServer(http.FileServer(http.Dir(first)))
	t.Cleanup(mirror.Close)
	layout := t.TempDir()
	untar(t, filepath.Join(first, pause), layout)
	for name, sources := range map[string][]string{
		"bundle":      {first},
		"mirror":      {mirror.URL},
		"layout":      {programs(t), layout},
		"oci archive": {programs(t), filepath.Join(first, pause)},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			mustPack(t, lockedBill(lock), dir, sources...)
			if _, list := verify(t, dir, lock); len(list) > 0 {
				t.Error(list)
			}
		})
	}
	t.Run("what Docker reads of it", func(t *testing.T) {
		tag, err := name.NewTag(lock.Images[0].Ref)
		if err != nil {
			t.Fatal(err)
		}
		read, err := tarball.ImageFromPath(filepath.Join(first, pause), &tag)
		if err != nil {
			t.Fatal(err)
		}
		want, err := i.ConfigName()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := read.ConfigName(); err != nil || got != want {
			t.Errorf("%v: the configuration is %s, not %s", err, got, want)
		}
		layers, err := read.Layers()
		if err != nil || len(layers) == 0 {
			t.Fatalf("%d layers: %v", len(layers), err)
		}
	})
	t.Run("docker archive", func(t *testing.T) {
		archive := filepath.Join(t.TempDir(), "saved.tar")
		tag, err := name.NewTag("registry.example/pause:1")
		if err != nil {
			t.Fatal(err)
		}
		if err := tarball.WriteToFile(archive, tag, i); err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		out := mustPack(t, bill(), dir, programs(t), archive)
		if _, list := verify(t, dir, out.Lock); len(list) > 0 {
			t.Error(list)
		}
	})
}

func untar(t *testing.T, archive, dir string) {
	t.Helper()
	f, err := os.Open(archive)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for r := tar.NewReader(f); ; {
		h, err := r.Next()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		writeSynced(t, filepath.Join(dir, h.Name), string(text))
	}
}

func TestPackRefuses(t *testing.T) {
	i := image(t, "amd64")
	good := t.TempDir()
	lock := mustPack(t, bill(), good, programs(t), serve(t, i)).Lock
	other := t.TempDir()
	writeSynced(t, filepath.Join(other, "kubelet"), "#!/bin/another")
	foreign := t.TempDir()
	writeSynced(t, filepath.Join(foreign, "kubelet"), elfHeader(183)) // EM_AARCH64
	damaged := t.TempDir()
	copied, err := os.ReadFile(filepath.Join(good, pause))
	if err != nil {
		t.Fatal(err)
	}
	at := len(bytes.TrimRight(copied, "\x00")) - 100 // in the last blob
	copied[at] ^= 1
	writeSynced(t, filepath.Join(damaged, pause), string(copied))

	for name, c := range map[string]struct {
		bill          *payload.Bill
		sources       []string
		code, message string
	}{
		"missing program":       {bill(), []string{serve(t, i)}, "W003", "no source has kubelet v1 for amd64"},
		"missing image":         {bill(), []string{programs(t)}, "W003", "no source has registry.example/pause:1 for amd64"},
		"other program":         {lockedBill(lock), []string{other, good}, "W005", "kubelet v1 for amd64 is not what is locked"},
		"other image":           {lockedBill(lock), []string{programs(t), serve(t, image(t, "amd64"))}, "W005", "registry.example/pause:1 for amd64 is not what is locked"},
		"program for others":    {bill(), []string{foreign, good}, "W006", "kubelet is for arm64, and amd64 is needed"},
		"image for others":      {bill(), []string{programs(t), serve(t, image(t, "arm64"))}, "W006", "is for arm64"},
		"damaged image":         {lockedBill(lock), []string{programs(t), damaged}, "W009", "holds something else"},
		"registry is not there": {bill(), []string{programs(t), "registry:127.0.0.1:1"}, "W004", "does not give 127.0.0.1:1/pause:1"},
		"mirror is not there":   {bill(), []string{"http://127.0.0.1:1"}, "W004", "does not give"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			_, list := pack(t, c.bill, dir, c.sources...)
			for _, d := range list {
				if d.Code != c.code {
					t.Errorf("also %s: %s", d.Code, d.Message)
				}
			}
			if len(list) == 0 || !strings.Contains(list[0].Message, c.message) {
				t.Errorf("got %v, want %q", list, c.message)
			}
		})
	}
}

// elfHeader is the beginning of a program for a kind of machine.
func elfHeader(machine byte) string {
	h := make([]byte, 64)
	copy(h, "\x7fELF\x02\x01\x01")
	h[16], h[18], h[20], h[52], h[54], h[58] = 2, machine, 1, 64, 56, 64
	return string(h)
}

// TestResume stops a copy at every tenth of a program, and once between parts;
// the next run takes up what is there.
func TestResume(t *testing.T) {
	source, i := programs(t), image(t, "amd64")
	address := serve(t, i)
	whole, err := os.ReadFile(filepath.Join(source, "kubelet"))
	if err != nil {
		t.Fatal(err)
	}
	var asked []string
	stopAt := 0
	mirror := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/"+kubelet {
			http.NotFound(w, r)
			return
		}
		asked = append(asked, r.Header.Get("Range"))
		if r.Method == http.MethodGet && stopAt > 0 {
			w.Header().Set("Content-Length", "5010")
			_, _ = w.Write(whole[:stopAt])
			panic(http.ErrAbortHandler)
		}
		http.ServeFile(w, r, filepath.Join(source, "kubelet"))
	}))
	mirror.Config.ErrorLog = nil
	t.Cleanup(mirror.Close)
	dir := t.TempDir()
	stopAt = 3000
	_, list := pack(t, bill(), dir, address, mirror.URL)
	want(t, list, "W010", "cannot be copied")
	stopAt, asked = 0, nil
	out := mustPack(t, bill(), dir, address, mirror.URL)
	if !slices.Contains(asked, "bytes=3000-") {
		t.Errorf("the mirror was asked for %q", asked)
	}
	if out.Copied != 1 || out.Kept != 1 {
		t.Errorf("copied %d, kept %d", out.Copied, out.Kept)
	}
	if _, list := verify(t, dir, out.Lock); len(list) > 0 {
		t.Error(list)
	}
	if out := mustPack(t, bill(), dir, address, mirror.URL); out.Copied != 0 || out.Kept != 2 {
		t.Errorf("again: copied %d, kept %d", out.Copied, out.Kept)
	}
}
