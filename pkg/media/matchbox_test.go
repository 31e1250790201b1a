//go:build oracle

package media

import (
	"io"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestMatchboxServes runs the real matchbox on the folder: a machine's address
// gives what to boot and nothing more, the token alone gives the document.
func TestMatchboxServes(t *testing.T) {
	dir := t.TempDir()
	hosts := []Host{ignitionHost("cp1", "fedora-coreos"), ignitionHost("w1", "flatcar")}
	hosts[1].MACs = []string{"52:54:00:00:00:0b", "52:54:00:00:00:0c"}
	write(t, dir, Matchbox(Netboot{URL: "http://10.0.0.5:8080"}), hosts...)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	server := exec.Command(tool(t, "matchbox"), "-address", address, "-data-path", filepath.Join(dir, "matchbox"), "-assets-path", "", "-log-level", "error")
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Process.Kill(); _ = server.Wait() })
	get := func(path string) (int, string) {
		for range 100 {
			r, err := http.Get("http://" + address + path)
			if err != nil {
				time.Sleep(50 * time.Millisecond)
				continue
			}
			defer r.Body.Close()
			text, err := io.ReadAll(r.Body)
			if err != nil {
				t.Fatal(err)
			}
			return r.StatusCode, string(text)
		}
		t.Fatal("matchbox does not answer")
		return 0, ""
	}
	for path, want := range map[string]string{
		"/ipxe?mac=52-54-00-00-00-0a":                             "coreos.live.rootfs_url=",
		"/ipxe?mac=52-54-00-00-00-0b":                             "flatcar_production_pxe.vmlinuz",
		"/ipxe?mac=52-54-00-00-00-0c":                             "flatcar_production_pxe.vmlinuz",
		"/ignition?token=" + token([]byte(document(t, hosts[0]))): `"version":"3.4.0"`,
	} {
		if code, text := get(path); code != http.StatusOK || !strings.Contains(text, want) {
			t.Errorf("%s: %d %s", path, code, text)
		}
	}
	for _, path := range []string{"/ipxe?mac=52-54-00-00-00-0f", "/ignition?mac=52-54-00-00-00-0a", "/ignition", "/ignition?token=cp1"} {
		if code, text := get(path); code != http.StatusNotFound {
			t.Errorf("%s: %d %s", path, code, text)
		}
	}
}
