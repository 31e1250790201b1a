package payload_test

import (
	"path/filepath"
	"testing"

	"github.com/kubespore/kubespore/pkg/payload"
)

// TestUpstream packs programs and images out of the archives in which their
// makers publish them, as a folder of downloads and each alone.
func TestUpstream(t *testing.T) {
	downloads, parts := t.TempDir(), t.TempDir()
	writeSynced(t, filepath.Join(parts, "bin/containerd"), "#!/bin/sh\necho containerd\n")
	writeSynced(t, filepath.Join(parts, "bin/ctr"), "#!/bin/sh\necho ctr\n")
	archiveOf(t, parts, filepath.Join(downloads, "containerd-2.4.2-linux-amd64.tar.gz"), "", gzipped)
	server := t.TempDir()
	writeSynced(t, filepath.Join(server, "kubernetes/server/bin/kubelet"), "#!/bin/sh\necho v1.37.2\n")
	saved := filepath.Join(server, "kubernetes/server/bin/kube-apiserver.tar")
	dockerArchive(t, saved, "registry.k8s.io/kube-apiserver-amd64:v1.37.2", image(t, "amd64"))
	archiveOf(t, server, filepath.Join(downloads, "kubernetes-server-linux-amd64.tar.gz"), "", gzipped)
	writeSynced(t, filepath.Join(downloads, "runc.amd64"), "#!/bin/sh\necho runc\n")

	b := &payload.Bill{
		Binaries: []payload.Binary{
			{Name: "containerd", Version: "2.4.2", Arch: "amd64", File: "binaries/amd64/containerd-2.4.2", URL: "https://example/v2.4.2/containerd-2.4.2-linux-amd64.tar.gz", Member: "bin/containerd"},
			{Name: "kubelet", Version: "v1.37.2", Arch: "amd64", File: "binaries/amd64/kubelet-v1.37.2", URL: "https://example/v1.37.2/bin/linux/amd64/kubelet"},
			{Name: "runc", Version: "1.5.2", Arch: "amd64", File: "binaries/amd64/runc-1.5.2", URL: "https://example/runc.amd64"},
		},
		Images: []payload.Image{{Ref: "registry.k8s.io/kube-apiserver:v1.37.2", Arch: "amd64", File: "images/amd64/apiserver.tar"}},
	}
	out := mustPack(t, b, t.TempDir(), downloads)
	if len(out.Lock.Binaries) != 3 || len(out.Lock.Images) != 1 {
		t.Errorf("packed %v", out.Lock)
	}
	alone := &payload.Bill{Binaries: b.Binaries[:1]}
	mustPack(t, alone, t.TempDir(), filepath.Join(downloads, "containerd-2.4.2-linux-amd64.tar.gz"))

	older := &payload.Bill{Binaries: []payload.Binary{{Name: "kubelet", Version: "v1.37.1", Arch: "amd64", File: "binaries/amd64/kubelet-v1.37.1"}}}
	_, list := pack(t, older, t.TempDir(), downloads)
	want(t, list, "W014", "is not of version v1.37.1")
	// A version is a word: v1.37.2 is not v1.37.20.
	longer := &payload.Bill{Binaries: []payload.Binary{{Name: "kubelet", Version: "v1.37", Arch: "amd64", File: "binaries/amd64/kubelet-v1.37"}}}
	_, list = pack(t, longer, t.TempDir(), downloads)
	want(t, list, "W014", "is not of version v1.37")
}

// TestNoProgram puts something else under the name of a program.
func TestNoProgram(t *testing.T) {
	for text, says := range map[string]string{
		"":                       "it is empty",
		"<html>not found</html>": "it holds a web page",
		"\x1f\x8b\x08":           "it holds an archive",
		"hello":                  `it begins with "hello"`,
		"\x7fELF\x02":            "it may be cut off",
	} {
		dir := t.TempDir()
		writeSynced(t, filepath.Join(dir, "kubelet"), text)
		_, list := pack(t, &payload.Bill{Binaries: bill().Binaries}, t.TempDir(), dir, programs(t))
		want(t, list, "W014", says)
	}
	manifest := payload.Binary{Name: "calico", Version: "v3", Arch: "any", File: "manifests/calico-v3.yaml"}
	for text, good := range map[string]bool{"apiVersion: v1\nkind: List\n": true, "<html>": false, "": false, "\x1f\x8b\x08": false} {
		dir := t.TempDir()
		writeSynced(t, filepath.Join(dir, "calico.yaml"), text)
		_, list := pack(t, &payload.Bill{Binaries: []payload.Binary{manifest}}, t.TempDir(), dir)
		if good != !list.HasErrors() {
			t.Errorf("%q: %v", text, list)
		}
	}
}
