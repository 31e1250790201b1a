package payload_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/klauspost/compress/zstd"

	"github.com/kubespore/kubespore/pkg/payload"
)

// newLayout is an OCI layout without images, as a folder.
func newLayout(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if _, err := layout.Write(dir, empty.Index); err != nil {
		t.Fatal(err)
	}
	return dir
}

func naming(ref string) []layout.Option {
	if ref == "" {
		return nil
	}
	return []layout.Option{layout.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": ref})}
}

// appendImage adds an image under a name, and gives its digest.
func appendImage(t *testing.T, dir, ref string, i v1.Image) string {
	t.Helper()
	if err := layout.Path(dir).AppendImage(i, naming(ref)...); err != nil {
		t.Fatal(err)
	}
	digest, err := i.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return digest.String()
}

// appendIndex adds an index of images under a name, and gives its digest.
func appendIndex(t *testing.T, dir, ref string, images ...v1.Image) string {
	t.Helper()
	index := v1.ImageIndex(empty.Index)
	for _, i := range images {
		config, err := i.ConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: i, Descriptor: v1.Descriptor{
			Platform: &v1.Platform{OS: config.OS, Architecture: config.Architecture, Variant: config.Variant},
		}})
	}
	if err := layout.Path(dir).AppendIndex(index, naming(ref)...); err != nil {
		t.Fatal(err)
	}
	digest, err := index.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return digest.String()
}

// variant is an image for some processors of an architecture.
func variant(t *testing.T, arch, variant string) v1.Image {
	t.Helper()
	i := image(t, arch)
	config, err := i.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config.Variant = variant
	if i, err = mutate.ConfigFile(i, config); err != nil {
		t.Fatal(err)
	}
	return i
}

// archiveOf writes a folder as an archive, each name behind a prefix.
func archiveOf(t *testing.T, dir, file, prefix string, compress func(io.Writer) io.WriteCloser) {
	t.Helper()
	var out bytes.Buffer
	to := io.WriteCloser(nopCloser{&out})
	if compress != nil {
		to = compress(&out)
	}
	w := tar.NewWriter(to)
	err := filepath.WalkDir(dir, func(name string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		if err := w.WriteHeader(&tar.Header{Name: prefix + relative, Mode: 0o644, Size: int64(len(text)), Typeflag: tar.TypeReg}); err != nil {
			return err
		}
		_, err = w.Write(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := to.Close(); err != nil {
		t.Fatal(err)
	}
	writeSynced(t, file, out.String())
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

func gzipped(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) }

func zstandard(w io.Writer) io.WriteCloser {
	z, _ := zstd.NewWriter(w) // fails for wrong options alone
	return z
}

// dockerArchive writes what docker save wrote before release 25.
func dockerArchive(t *testing.T, file, tag string, images ...v1.Image) {
	t.Helper()
	ref, err := name.NewTag(tag)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := tarball.WriteToFile(file, ref, images[0]); err != nil {
		t.Fatal(err)
	}
}

// imageBill names one image.
func imageBill(ref string) *payload.Bill {
	return &payload.Bill{Images: []payload.Image{{Ref: ref, Arch: "amd64", File: pause}}}
}

// TestForms packs an image from every form in which exporters write it. Each
// names the digest that must come out, or a code and a part of what is said.
func TestForms(t *testing.T) {
	const ref = "registry.example/pause:1"
	amd, arm, v3 := image(t, "amd64"), image(t, "arm64"), variant(t, "amd64", "v3")
	second := image(t, "amd64")
	want, err := amd.Digest()
	if err != nil {
		t.Fatal(err)
	}
	other, err := second.Digest()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		write func(t *testing.T, dir string)
		want  string // digest; "any" where the form keeps none
		code  string // of what is said
		says  string
	}{
		{name: "images of two architectures of one name, the other first", want: want.String(), write: func(t *testing.T, dir string) {
			l := newLayout(t)
			appendImage(t, l, ref, arm)
			appendImage(t, l, ref, amd)
			archiveOf(t, l, dir+"/x.tar", "", nil)
		}},
		{name: "an index with the other first", want: want.String(), write: func(t *testing.T, dir string) {
			l := newLayout(t)
			appendIndex(t, l, ref, arm, amd)
			archiveOf(t, l, dir+"/x.tar", "./", nil)
		}},
		{name: "an index of which one part was exported", want: want.String(), write: func(t *testing.T, dir string) {
			for file, lacks := range map[string]v1.Image{"a.tar": amd, "b.tar": arm} {
				l := newLayout(t)
				appendIndex(t, l, ref, arm, amd)
				forget(t, l, lacks)
				archiveOf(t, l, filepath.Join(dir, file), "", nil)
			}
		}},
		{name: "an archive of each architecture, from docker save", want: "any", write: func(t *testing.T, dir string) {
			dockerArchive(t, dir+"/a-arm64.tar", ref, arm)
			dockerArchive(t, dir+"/b-amd64.tar", ref, amd)
		}},
		{name: "a variant first", want: want.String(), write: func(t *testing.T, dir string) {
			l := newLayout(t)
			appendIndex(t, l, ref, v3, amd)
			archiveOf(t, l, dir+"/x.tar", "", nil)
		}},
		{name: "a variant alone", want: "any", code: "W013", says: "is for amd64/v3", write: func(t *testing.T, dir string) {
			l := newLayout(t)
			appendIndex(t, l, ref, v3)
			archiveOf(t, l, dir+"/x.tar", "", nil)
		}},
		{name: "two images of one name", want: other.String(), code: "W013", says: "two images are named", write: func(t *testing.T, dir string) {
			l := newLayout(t)
			appendImage(t, l, ref, amd)
			appendImage(t, l, ref, second)
			archiveOf(t, l, dir+"/x.tar", "", nil)
		}},
		{name: "zstd", want: want.String(), write: func(t *testing.T, dir string) {
			l := newLayout(t)
			appendImage(t, l, ref, amd)
			archiveOf(t, l, dir+"/x.tar.zst", "", zstandard)
		}},
		{name: "gzip, no ending, names with / in front, three folders down", want: want.String(), write: func(t *testing.T, dir string) {
			l := newLayout(t)
			appendImage(t, l, ref, amd)
			archiveOf(t, l, dir+"/a/b/c/bundle-v1-amd64", "/", gzipped)
		}},
		{name: "names with / in front, from docker save", want: "any", write: func(t *testing.T, dir string) {
			saved := filepath.Join(t.TempDir(), "x.tar")
			dockerArchive(t, saved, ref, amd)
			parts := t.TempDir()
			untar(t, saved, parts)
			archiveOf(t, parts, dir+"/x.tar", "/", nil)
		}},
		{name: "an index without media types", want: want.String(), write: func(t *testing.T, dir string) {
			l := newLayout(t)
			appendImage(t, l, ref, amd)
			edit(t, l, func(d map[string]any) { delete(d, "mediaType"); delete(d, "platform") })
			archiveOf(t, l, dir+"/x.tar", "", nil)
		}},
		{name: "under the name of the bundle, without a name of its own", want: want.String(), write: func(t *testing.T, dir string) {
			l := newLayout(t)
			appendImage(t, l, "", amd)
			archiveOf(t, l, filepath.Join(dir, pause), "", nil)
		}},
		{name: "under the name of the bundle, with the tag alone", want: want.String(), write: func(t *testing.T, dir string) {
			l := newLayout(t)
			appendImage(t, l, "1", amd)
			archiveOf(t, l, filepath.Join(dir, pause), "", nil)
		}},
		{name: "under the name of the bundle, but another", code: "W014", says: "says that it holds registry.example/etcd:3", write: func(t *testing.T, dir string) {
			l := newLayout(t)
			appendImage(t, l, "registry.example/etcd:3", amd)
			archiveOf(t, l, filepath.Join(dir, pause), "", nil)
		}},
		{name: "the other architecture alone", code: "W006", says: "is for arm64, and amd64 is needed", write: func(t *testing.T, dir string) {
			l := newLayout(t)
			appendImage(t, l, ref, arm)
			archiveOf(t, l, dir+"/x.tar", "", nil)
		}},
		{name: "cut off", code: "W003", says: "x.tar: passed over: the archive is cut off", write: func(t *testing.T, dir string) {
			l := newLayout(t)
			appendImage(t, l, ref, amd)
			archiveOf(t, l, dir+"/x.tar", "", nil)
			if err := os.Truncate(dir+"/x.tar", 3000); err != nil {
				t.Fatal(err)
			}
		}},
		{name: "cut off and compressed", code: "W003", says: "x.tgz: passed over: the archive is damaged or cut off", write: func(t *testing.T, dir string) {
			l := newLayout(t)
			appendImage(t, l, ref, amd)
			archiveOf(t, l, dir+"/x.tgz", "", gzipped)
			if err := os.Truncate(dir+"/x.tgz", 2000); err != nil {
				t.Fatal(err)
			}
		}},
		{name: "a web page", code: "W003", says: "pause.tar: passed over: this is not an archive", write: func(t *testing.T, dir string) {
			writeSynced(t, dir+"/pause.tar", "<html>404</html>")
		}},
		{name: "a layer that is missing", code: "W009", says: "is missing", write: func(t *testing.T, dir string) {
			l := newLayout(t)
			appendImage(t, l, ref, amd)
			layers, err := amd.Layers()
			if err != nil {
				t.Fatal(err)
			}
			digest, err := layers[0].Digest()
			if err != nil {
				t.Fatal(err)
			}
			if err := os.Remove(filepath.Join(l, "blobs/sha256", digest.Hex)); err != nil {
				t.Fatal(err)
			}
			archiveOf(t, l, dir+"/x.tar", "", nil)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			c.write(t, dir)
			out, list := pack(t, imageBill(ref), t.TempDir(), dir)
			var said []string
			for _, d := range list {
				text := d.Code + " " + d.Message
				for _, r := range d.Related {
					text += "\n" + r.Position.String() + ": " + r.Note
				}
				said = append(said, text)
			}
			if all := strings.Join(said, "\n"); c.code == "" && len(list) > 0 || c.code != "" && !(slices.Equal(codes(list), []string{c.code}) && strings.Contains(all, c.says)) {
				t.Errorf("said %q, want %s %q", all, c.code, c.says)
			}
			switch {
			case c.want == "" && len(out.Lock.Images) > 0:
				t.Errorf("packed %s", out.Lock.Images[0].Digest)
			case c.want != "" && len(out.Lock.Images) != 1, c.want != "" && c.want != "any" && out.Lock.Images[0].Digest != c.want:
				t.Errorf("packed %v, want %s", out.Lock.Images, c.want)
			}
		})
	}
}

// forget removes the blobs of an image from a layout.
func forget(t *testing.T, dir string, i v1.Image) {
	t.Helper()
	digest, err := i.Digest()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "blobs/sha256", digest.Hex)); err != nil {
		t.Fatal(err)
	}
}

// edit changes each descriptor of a layout's index.
func edit(t *testing.T, dir string, change func(map[string]any)) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "index.json"))
	if err != nil {
		t.Fatal(err)
	}
	var index map[string]any
	if err := json.Unmarshal(text, &index); err != nil {
		t.Fatal(err)
	}
	for _, d := range index["manifests"].([]any) {
		change(d.(map[string]any))
	}
	if text, err = json.Marshal(index); err != nil {
		t.Fatal(err)
	}
	writeSynced(t, filepath.Join(dir, "index.json"), string(text))
}

// TestPinned packs images that are named by a digest: of the index or of the
// manifest, and nothing else.
func TestPinned(t *testing.T) {
	amd, arm := image(t, "amd64"), image(t, "arm64")
	manifest, err := amd.Digest()
	if err != nil {
		t.Fatal(err)
	}
	for _, named := range []string{"quay.io/x/tool:v1", "", "quay.io/x/tool:v1@sha256:" + strings.Repeat("3", 64)} {
		l := newLayout(t)
		for _, digest := range []string{appendIndex(t, l, named, arm, amd), manifest.String()} {
			bundle := t.TempDir()
			out, list := pack(t, imageBill("quay.io/x/tool@"+digest), bundle, l)
			if err := payload.WriteVolume(filepath.Join(t.TempDir(), "payload.iso"), bundle, when); err != nil {
				t.Error(err)
			}
			if len(list) > 0 || out.Lock.Images[0].Digest != manifest.String() {
				t.Errorf("%q, %s: %v %v", named, digest, out.Lock.Images, list)
			}
		}
	}
	l := newLayout(t)
	appendImage(t, l, "quay.io/x/tool@sha256:"+strings.Repeat("3", 64), amd)
	_, list := pack(t, imageBill("quay.io/x/tool@sha256:"+strings.Repeat("3", 64)), t.TempDir(), l)
	want(t, list, "W005", "has the digest "+manifest.String())
	saved := filepath.Join(t.TempDir(), "x.tar")
	dockerArchive(t, saved, "quay.io/x/tool:v1", amd)
	_, list = pack(t, imageBill("quay.io/x/tool@"+manifest.String()), t.TempDir(), saved)
	want(t, list, "W003", "no source has")
}
