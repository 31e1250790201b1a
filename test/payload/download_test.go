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
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
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
	programLine = regexp.MustCompile(`(?m)^program '([^']*)' 'https://([^/]+)(/[^']*)' '([^']*)' '([^']*)'$`)
	imageLine   = regexp.MustCompile(`(?m)^image '([^']*)' '([^']*)' '([^']*)' '([^']*)'$`)
)

// TestDownload runs the download script with real curl and crane against an
// internet of our own, packs what it fetched, and runs the script that now
// names digests once more. One bill has a manifest besides programs and images.
func TestDownload(t *testing.T) {
	crane := filepath.Join(t.TempDir(), "crane")
	if out, err := exec.Command("go", "build", "-o", crane, "github.com/google/go-containerregistry/cmd/crane").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, network := range []string{"flannel", "calico"} {
		t.Run(network, func(t *testing.T) { download(t, filepath.Dir(crane), topology(t, "  "+network+": {}\n")) })
	}
}

// download fetches what a topology needs, packs it, and does so once more.
func download(t *testing.T, tools, topology string) {
	t.Helper()
	u := &upstream{members: map[string][]string{}, registry: registry.New(registry.Logger(log.New(io.Discard, "", 0)))}
	server := httptest.NewServer(u)
	defer server.Close()
	host := strings.TrimPrefix(server.URL, "http://")
	w := &world{dir: t.TempDir()}
	write(t, filepath.Join(w.dir, "single.yaml"), []byte(topology))

	for _, folder := range []string{"first", "locked"} {
		script := string(w.kubespore(t, "payload", "list", "--script", "single.yaml"))
		for _, m := range programLine.FindAllStringSubmatch(script, -1) {
			if path := m[3]; folder == "first" {
				u.members[path] = append(u.members[path], m[4])
			} else if m[5] == "" {
				t.Errorf("%s is not locked in the script", m[1])
			}
		}
		for _, m := range imageLine.FindAllStringSubmatch(script, -1) {
			if folder == "first" {
				push(t, atHome(m[2], host))
			} else if m[4] == "" {
				t.Errorf("%s is not locked in the script", m[1])
			}
		}
		script = programLine.ReplaceAllString(script, "program '$1' 'http://"+host+"$3' '$4' '$5'")
		script = imageLine.ReplaceAllStringFunc(script, func(line string) string {
			m := imageLine.FindStringSubmatch(line)
			return strings.Replace(line, "'"+m[2]+"'", "'"+atHome(m[2], host)+"'", 1)
		})
		write(t, filepath.Join(w.dir, "download.sh"), []byte(script))
		c := exec.Command("bash", "download.sh", folder)
		c.Dir, c.Env = w.dir, append(os.Environ(), "PATH="+tools+":/usr/bin:/bin")
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
}

// atHome is an image's reference in a registry of ours.
func atHome(ref, host string) string {
	_, path, _ := strings.Cut(ref, "/")
	return host + "/" + path
}

func push(t *testing.T, ref string) {
	t.Helper()
	tag, err := name.NewTag(ref)
	if err != nil {
		t.Fatal(err)
	}
	image, err := random.Image(5000, 1)
	if err != nil {
		t.Fatal(err)
	}
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config.OS, config.Architecture = "linux", "amd64"
	if image, err = mutate.ConfigFile(image, config); err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(tag, image); err != nil {
		t.Fatal(err)
	}
}
