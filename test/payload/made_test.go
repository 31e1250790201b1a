//go:build real

package payload

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

var madeLine = regexp.MustCompile(`(?m)^made '([^']*)' '([^']*)' .*$`)

// TestMadeImage takes the image that no registry has from the download script,
// with real apt, to the program that runs in it: keepalived reads the
// configuration that a document carries.
func TestMadeImage(t *testing.T) {
	w := &world{dir: t.TempDir()}
	text, err := os.ReadFile("../../examples/ha.yaml")
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(w.dir, "ha.yaml"), text)
	script := string(w.kubespore(t, "payload", "list", "--script", "ha.yaml"))
	line := madeLine.FindStringSubmatch(script)
	if line == nil {
		t.Fatal("the script makes no image")
	}
	file, ref := line[1], line[2]
	// Everything else comes from elsewhere.
	script = regexp.MustCompile(`(?m)^(program|image) '.*$`).ReplaceAllString(script, "")
	write(t, filepath.Join(w.dir, "download.sh"), []byte(script))
	c := exec.Command("bash", "download.sh", "downloads")
	c.Dir = w.dir
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}

	first := made(t, w, file, "first")
	if !bytes.Equal(first, made(t, w, file, "second")) {
		t.Error("the same packages give two images")
	}
	tag, err := name.NewTag(ref)
	if err != nil {
		t.Fatal(err)
	}
	image, err := tarball.ImageFromPath(filepath.Join(w.dir, "first", file), &tag)
	if err != nil {
		t.Fatal(err)
	}
	// What a layer is called is what runtimes take it for.
	layers, err := image.Layers()
	if err != nil || len(layers) != 1 {
		t.Fatalf("%d layers: %v", len(layers), err)
	}
	manifest, err := image.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	head := make([]byte, 2)
	if blob, err := layers[0].Compressed(); err != nil {
		t.Fatal(err)
	} else if _, err := io.ReadFull(blob, head); err != nil {
		t.Fatal(err)
	}
	if zipped := string(head) == "\x1f\x8b"; zipped != strings.HasSuffix(string(manifest.Layers[0].MediaType), "gzip") {
		t.Errorf("a layer is called %s; compressed: %v", manifest.Layers[0].MediaType, zipped)
	}
	root := t.TempDir()
	tar := exec.Command("tar", "-x", "-C", root)
	tar.Stdin = mutate.Extract(image)
	if out, err := tar.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	write(t, filepath.Join(root, "etc/keepalived/keepalived.conf"), []byte("global_defs {\n  script_user root\n  enable_script_security\n}\n"))
	out, err := exec.Command("chroot", root, "keepalived", "--version").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "Keepalived v") {
		t.Errorf("%v\n%s", err, out)
	}
	if out, err := exec.Command("chroot", root, "keepalived", "--config-test", "--use-file=/etc/keepalived/keepalived.conf").CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// made packs the image alone and gives its archive. What the bill has besides
// is missing, so pack says so; the image is there all the same.
func made(t *testing.T, w *world, file, bundle string) []byte {
	t.Helper()
	c := exec.Command(program(t), "payload", "pack", "--from", "downloads", "-o", bundle, "ha.yaml")
	c.Dir = w.dir
	out, _ := c.CombinedOutput()
	text, err := os.ReadFile(filepath.Join(w.dir, bundle, file))
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return text
}
