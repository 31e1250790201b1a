//go:build real

package applied

import (
	"context"
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kubespore/kubespore/pkg/document"
)

// TestIgnitionTrustsOne has the real Ignition fetch a document over HTTPS, as a
// machine does that boots from the generated tree: by the archive next to its
// initramfs. It takes it from the server with the certificate of the store, and
// from no other; nor does it take another document.
func TestIgnitionTrustsOne(t *testing.T) {
	needRoot(t)
	const topology, host = "../../examples/pair.yaml", "w1"
	hosts, _ := both(t, topology, "debian")
	dir := bothDir(topology, "debian")
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	medium := func(store string) string {
		media := filepath.Join(t.TempDir(), "media")
		run(t, workspace.kubespore, "media", "pxe", "-q", "--url", "https://"+listener.Addr().String(), "--build", filepath.Join(dir, "ignition"), "--pki", store,
			"-o", media, filepath.Join(dir, "ignition.yaml"))
		return media
	}
	media := medium(filepath.Join(dir, "pki"))
	// Another authority, of the same name.
	store := filepath.Join(t.TempDir(), "pki")
	run(t, "cp", "-a", filepath.Join(dir, "pki"), store)
	run(t, "rm", filepath.Join(store, "ca/netboot.crt"), filepath.Join(store, "ca/netboot.key"))
	other := medium(store)

	var shown atomic.Pointer[tls.Certificate]
	show := func(media string) {
		t.Helper()
		c, err := tls.LoadX509KeyPair(filepath.Join(media, "boot-server/server.crt"), filepath.Join(media, "boot-server/server.key"))
		if err != nil {
			t.Fatal(err)
		}
		shown.Store(&c)
	}
	server := &http.Server{Handler: http.FileServer(http.Dir(filepath.Join(media, "pxe"))), ErrorLog: log.New(io.Discard, "", 0),
		TLSConfig: &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return shown.Load(), nil }}}
	go server.ServeTLS(listener, "", "")
	defer server.Close()

	pointer := pointerOf(t, media, "52-54-00-00-02-31")
	show(media)
	root := emptyRoot(t)
	apply(t, root, pointer)
	raw, err := os.ReadFile(filepath.Join(hosts, host, "config.ign"))
	if err != nil {
		t.Fatal(err)
	}
	doc, err := document.Decode(host, raw, nil)
	if err != nil {
		t.Fatal(err)
	}
	sameTree(t, root, doc)

	show(other)
	refuses(t, pointer, "certificate signed by unknown authority")
	show(media)
	served, err := filepath.Glob(filepath.Join(media, "pxe/hosts/*/config.ign"))
	if err != nil || len(served) != 2 {
		t.Fatal(served, err)
	}
	for _, file := range served {
		if err := os.WriteFile(file, []byte(`{"ignition":{"version":"3.4.0"}}`), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	refuses(t, pointer, "hash verification failed")
}

// pointerOf takes out of the archive of a machine what Ignition reads there.
func pointerOf(t *testing.T, media, mac string) string {
	t.Helper()
	script, err := os.ReadFile(filepath.Join(media, "pxe/mac-"+mac+".ipxe"))
	if err != nil {
		t.Fatal(err)
	}
	archive := regexp.MustCompile(`(?m)^initrd --name document (\S+)$`).FindSubmatch(script)
	if archive == nil {
		t.Fatalf("%s", script)
	}
	to := t.TempDir()
	run(t, "sh", "-c", `gzip -dc "$1" | cpio --quiet -i -D "$2"`, "sh", filepath.Join(media, "pxe", string(archive[1])), to)
	return filepath.Join(to, "usr/lib/ignition/user.ign")
}

// refuses waits until Ignition says why it does not take a document. It asks
// servers again and again.
func refuses(t *testing.T, config, why string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	state := t.TempDir()
	c := exec.CommandContext(ctx, workspace.ignition, "--root="+t.TempDir(), "--platform=file", "--stage=fetch", "--log-to-stdout",
		"--config-cache="+filepath.Join(state, "ignition.json"), "--state-file="+filepath.Join(state, "state"), "--neednet="+filepath.Join(state, "neednet"))
	c.Env = append(os.Environ(), "IGNITION_CONFIG_FILE="+config)
	said := &watched{until: why, found: cancel}
	c.Stdout, c.Stderr = said, said
	if err := c.Run(); err == nil {
		t.Errorf("Ignition took it, though: %s", why)
	}
	if !strings.Contains(said.String(), why) {
		t.Errorf("Ignition does not say %q:\n%s", why, tail([]byte(said.String())))
	}
	if _, err := os.Stat(filepath.Join(state, "ignition.json")); err == nil {
		t.Error("Ignition kept a document")
	}
}

// watched keeps what a program says, and calls found when it has said it.
type watched struct {
	strings.Builder
	until string
	found func()
}

func (w *watched) Write(text []byte) (int, error) {
	n, err := w.Builder.Write(text)
	if strings.Contains(w.String(), w.until) {
		w.found()
	}
	return n, err
}
