//go:build real

package payload

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// upstream stands for the internet: what the makers of programs publish, and a
// registry.
type upstream struct {
	members  map[string][]string // of the archive at each path
	registry http.Handler
}

// ServeHTTP gives a program, or an archive with the members that the script
// looks for.
func (u *upstream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/v2/") {
		u.registry.ServeHTTP(w, r)
		return
	}
	members, known := u.members[r.URL.Path]
	if !known {
		http.NotFound(w, r)
		return
	}
	var out bytes.Buffer
	if members[0] == "" {
		out.WriteString("#!/bin/sh\necho " + r.URL.Path + "\n")
	} else {
		z := gzip.NewWriter(&out)
		t := tar.NewWriter(z)
		for _, m := range members {
			text := "#!/bin/sh\necho " + m + "\n"
			_ = t.WriteHeader(&tar.Header{Name: m, Mode: 0o755, Size: int64(len(text))})
			_, _ = t.Write([]byte(text))
		}
		_ = t.Close()
		_ = z.Close()
	}
	http.ServeContent(w, r, "", time.Unix(0, 0), bytes.NewReader(out.Bytes()))
}

var (
	programLine = regexp.MustCompile(`(?m)^program '([^']*)' 'https://([^/]+)(/[^']*)' '([^']*)' '([^']*)' '[^']*'$`)
	imageLine   = regexp.MustCompile(`(?m)^image '([^']*)' '([^']*)' '([^']*)' '([^']*)'$`)
)

// TestDownload runs the download script with real curl and each of the programs
// that it carries images with, against an internet of our own, packs what it
// fetched, and runs the script that now names digests once more. One bill has a
// manifest in addition to programs and images.
func TestDownload(t *testing.T) {
	crane := filepath.Join(t.TempDir(), "crane")
	if out, err := exec.Command("go", "build", "-o", crane, "github.com/google/go-containerregistry/cmd/crane").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	skopeo, err := exec.LookPath("skopeo")
	if err != nil {
		t.Fatal("skopeo is missing: test/tools/prepare test installs it")
	}
	var locks [][]byte
	for _, c := range []struct{ name, network, carrier string }{
		{"flannel by skopeo", "flannel", skopeo}, {"flannel by crane", "flannel", crane}, {"calico by crane", "calico", crane},
	} {
		t.Run(c.name, func(t *testing.T) {
			locks = append(locks, download(t, toolFolder(t, c.carrier), topology(t, "  "+c.network+": {}\n")))
		})
	}
	if len(locks) == 3 && !bytes.Equal(locks[0], locks[1]) {
		t.Error("skopeo and crane give different locks")
	}
}

// toolFolder is a folder with what the script needs and one program that
// carries images: what else lies on the machine must not matter.
func toolFolder(t *testing.T, carrier string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"bash", "cat", "chmod", "cp", "curl", "cut", "find", "grep", "gzip", "head", "mkdir", "mv", "rm", "sed", "sha256sum", "sort", "tar", "wc"} {
		path, err := exec.LookPath(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(path, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(carrier, filepath.Join(dir, filepath.Base(carrier))); err != nil {
		t.Fatal(err)
	}
	return dir
}

// download fetches what a topology needs, packs it, and does so once more. It
// gives the lock.
func download(t *testing.T, tools, topology string) []byte {
	t.Helper()
	u := &upstream{members: map[string][]string{}, registry: registry.New(registry.Logger(log.New(io.Discard, "", 0)))}
	server := httptest.NewServer(u)
	defer server.Close()
	host := strings.TrimPrefix(server.URL, "http://")
	w := &world{dir: t.TempDir()}
	write(t, filepath.Join(w.dir, "single.yaml"), []byte(topology))
	write(t, filepath.Join(w.dir, ".config/containers/registries.conf"), []byte("[[registry]]\nlocation = \""+host+"\"\ninsecure = true\n"))

	for _, folder := range []string{"first", "locked"} {
		script := string(w.kubespore(t, "payload", "list", "--script", "single.yaml"))
		for _, m := range programLine.FindAllStringSubmatch(script, -1) {
			if path := m[3]; folder == "first" {
				u.members[path] = append(u.members[path], m[4])
			} else if m[5] == "" {
				t.Errorf("%s is not locked in the script", m[1])
			}
		}
		for n, m := range imageLine.FindAllStringSubmatch(script, -1) {
			if folder == "first" {
				push(t, atHome(m[2], host), n)
			} else if m[4] == "" {
				t.Errorf("%s is not locked in the script", m[1])
			}
		}
		script = programLine.ReplaceAllString(script, "program '$1' 'http://"+host+"$3' '$4' '$5' ''")
		// Images come from our registry and keep their names.
		const source = `from=$(pinned "$ref" "$want")`
		if !strings.Contains(script, source) {
			t.Fatalf("the script has no line %s", source)
		}
		script = strings.Replace(script, source, `from=$(pinned "`+host+`/${ref#*/}" "$want")`, 1)
		write(t, filepath.Join(w.dir, "download.sh"), []byte(script))
		c := exec.Command("bash", "download.sh", folder)
		c.Dir, c.Env = w.dir, append(os.Environ(), "PATH="+tools, "HOME="+w.dir)
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		w.kubespore(t, "payload", "pack", "--from", folder, "-o", folder+"-bundle", "single.yaml")
	}
	first, err := os.ReadFile(filepath.Join(w.dir, "first-bundle/payload.lock"))
	if err != nil {
		t.Fatal(err)
	}
	second, err := os.ReadFile(filepath.Join(w.dir, "locked-bundle/payload.lock"))
	if err != nil || !bytes.Equal(first, second) {
		t.Errorf("what the script fetches by digest is something else: %v", err)
	}
	return first
}

// atHome is an image's reference in a registry of ours.
func atHome(ref, host string) string {
	_, path, _ := strings.Cut(ref, "/")
	return host + "/" + path
}

// push puts an image of two architectures into the registry, the other one
// first, by turns in the forms of Docker and of OCI. The same reference gives the
// same content.
func push(t *testing.T, ref string, turn int) {
	t.Helper()
	tag, err := name.NewTag(ref)
	if err != nil {
		t.Fatal(err)
	}
	manifest, config, list := types.DockerManifestSchema2, types.DockerConfigJSON, types.DockerManifestList
	if turn%2 == 1 {
		manifest, config, list = types.OCIManifestSchema1, types.OCIConfigJSON, types.OCIImageIndex
	}
	index := mutate.IndexMediaType(empty.Index, list)
	for _, arch := range []string{"arm64", "amd64"} {
		_, path, _ := strings.Cut(ref, "/")
		layer := static.NewLayer([]byte(path+arch), types.DockerUncompressedLayer)
		image, err := mutate.AppendLayers(mutate.ConfigMediaType(mutate.MediaType(empty.Image, manifest), config), layer)
		if err != nil {
			t.Fatal(err)
		}
		file, err := image.ConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		file.OS, file.Architecture = "linux", arch
		if image, err = mutate.ConfigFile(image, file); err != nil {
			t.Fatal(err)
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: image, Descriptor: v1.Descriptor{
			MediaType: manifest, Platform: &v1.Platform{OS: "linux", Architecture: arch},
		}})
	}
	if err := remote.WriteIndex(tag, index); err != nil {
		t.Fatal(err)
	}
}
