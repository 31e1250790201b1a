//go:build oracle

package payload

import (
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
)

// field is a field of protobuf, of a number below 16.
func field(number byte, content []byte) []byte {
	return append(binary.AppendUvarint([]byte{number<<3 | 2}, uint64(len(content))), content...)
}

// cri calls containerd's ImageService of runtime.v1 as the kubelet does; curl speaks
// gRPC's HTTP/2. It gives what stands in the headers, which say how it ended, and the answer.
func (m *machine) cri(t *testing.T, method string, message []byte) (headers string, answer []byte) {
	t.Helper()
	request := filepath.Join(t.TempDir(), "request")
	write(t, request, append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(message))), message...))
	out, err := exec.Command("curl", "--silent", "--show-error", "--http2-prior-knowledge", "--unix-socket", filepath.Join(m.root, "run/containerd/containerd.sock"),
		"--header", "content-type: application/grpc", "--header", "te: trailers", "--data-binary", "@"+request, "--dump-header", "-", "--output", request+".answer",
		"http://localhost/runtime.v1.ImageService/"+method).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", method, err, out)
	}
	answer, _ = os.ReadFile(request + ".answer") // none when it failed
	return string(out), answer
}

// imageStatus looks up an image by the text that stands in a pod, and says whether it
// is there: ImageStatusRequest is {image: {image: TEXT}}.
func (m *machine) imageStatus(t *testing.T, text string) bool {
	t.Helper()
	headers, got := m.cri(t, "ImageStatus", field(1, field(1, []byte(text))))
	if !strings.Contains(headers, "grpc-status: 0") || len(got) < 5 {
		t.Fatalf("%s: %d bytes\n%s", text, len(got), headers)
	}
	return len(got) > 5 && got[5] == 0x0a // ImageStatusResponse{image}
}

// TestImageStatus: under every form of name that the user's pods have, the kubelet finds
// the image in the real containerd after the import, and none under a name that nothing
// has.
func TestImageStatus(t *testing.T) {
	made, err := random.Image(imageBytes, 1)
	if err != nil {
		t.Fatal(err)
	}
	config, err := made.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config.OS, config.Architecture = "linux", "amd64"
	if made, err = mutate.ConfigFile(made, config); err != nil {
		t.Fatal(err)
	}
	digest, err := made.Digest()
	if err != nil {
		t.Fatal(err)
	}
	names := []string{
		"nginx:1.29", "docker.io/nginx:1.28", "docker.io/library/nginx:1.27", "grafana/grafana:12.1", "busybox", "registry:5000/app",
		"quay.io/x/tool:1@" + digest.String(), "ghcr.io/y/tool@" + digest.String(),
	}
	pods := ""
	for i, name := range names {
		pods += fmt.Sprintf("---\napiVersion: v1\nkind: Pod\nmetadata: {name: p%d}\nspec: {containers: [{name: a, image: '%s', imagePullPolicy: IfNotPresent}]}\n", i, name)
	}
	w := newWorldFromWith(t, topology(t, "  flannel: {}\n  manifests: {files: [pods.yaml]}\n"), func(w *world) {
		write(t, filepath.Join(w.dir, "pods.yaml"), []byte(pods))
		// Of the two with a digest, as an exporter writes them.
		dir := filepath.Join(w.dir, "parts/pinned")
		index, err := layout.Write(dir, empty.Index)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names[6:] {
			if err := index.AppendImage(made, layout.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": name})); err != nil {
				t.Fatal(err)
			}
		}
		if out, err := exec.Command("tar", "-C", dir, "-cf", dir+".tar", ".").CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
	})
	m := w.machine(t)
	m.bake(t, w)
	disk := filepath.Join(w.dir, "disk")
	shell(t, fmt.Sprintf("truncate -s 64M %[1]s && mkfs.ext4 -q %[1]s", disk))
	m.disk(t, disk)
	m.containerd(t, documented)
	if ended, said := m.run(t, importer, 2*time.Minute); !ended {
		t.Fatal(said)
	}
	for _, name := range names {
		if !m.imageStatus(t, name) {
			t.Errorf("the kubelet finds no image under %s:\n%s", name, m.images(t, "list"))
		}
	}
	if m.imageStatus(t, "nginx:1.0") {
		t.Error("the kubelet finds what is not there")
	}
}
