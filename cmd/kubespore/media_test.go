package main

import (
	"crypto/x509"
	"encoding/pem"
	"maps"
	"path/filepath"
	"strings"
	"testing"
)

// TestMediaOverHTTPS makes a tree for an https URL: the web server's certificate
// is for that URL and made once, and a build does not see that the store has it.
func TestMediaOverHTTPS(t *testing.T) {
	w := newWorld(t)
	w.write("prod.yaml", header+"  - {name: cp1, roles: [control-plane], address: 192.168.1.1/16, mac: \"52:54:00:00:00:01\"}\n")
	pxe := func(more ...string) (int, string) {
		code, _, stderr := w.kubespore(append([]string{"media", "pxe", "-q", "--build", w.path("out"), "-o", w.path("media"), w.path("prod.yaml")}, more...)...)
		return code, stderr
	}
	w.mustBuild()
	before := w.tree(w.path("out"))
	if code, stderr := pxe("--url", "https://Boot.example:8443/pxe"); code != exitFine {
		t.Fatal(stderr)
	}
	first := w.tree(w.path("media"))
	block, _ := pem.Decode([]byte(w.read("media/boot-server/server.crt")))
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	if err := certificate.VerifyHostname("boot.example"); err != nil {
		t.Error(err)
	}
	if code, stderr := pxe("--url", "https://Boot.example:8443/pxe"); code != exitFine || !maps.Equal(w.tree(w.path("media")), first) {
		t.Error("another tree", stderr)
	}
	w.mustBuild()
	if !maps.Equal(w.tree(w.path("out")), before) {
		t.Error("the build changed")
	}
	w.checkStore(nil)

	// The certificate of another, and what does not go together.
	ca := w.path("media/boot-server/ca.crt")
	w.write("mine.crt", w.read("media/boot-server/ca.crt"))
	if code, stderr := pxe("--url", "https://10.0.0.5", "--ca", w.path("mine.crt")); code != exitFine {
		t.Error(stderr)
	}
	for path := range w.tree(w.path("media")) {
		if filepath.Dir(path) == "boot-server" {
			t.Errorf("%s: the server is somebody else's", path)
		}
	}
	for _, bad := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"--url", "http://10.0.0.5", "--ca", ca}, exitUsage, "--ca says who vouches"},
		{[]string{"--url", "https://:8443"}, exitUsage, "where will the machines find the tree?"},
		{[]string{"--url", "https://10.0.0.5", "--ca", w.path("none.crt")}, exitDiagnostics, "O101"},
		{[]string{"--url", "https://10.0.0.5", "--ca", w.path("prod.yaml")}, exitDiagnostics, "M022"},
		{[]string{"--url", "https://boot_server"}, exitDiagnostics, "K020"},
		{[]string{"--url", "https://10.0.0.5", "--pki", w.path("none")}, exitDiagnostics, "O120"},
	} {
		last := w.tree(w.path("media"))
		if code, stderr := pxe(bad.args...); code != bad.code || !strings.Contains(stderr, bad.says) || !strings.Contains(stderr, "hint: ") && bad.says != "O101" {
			t.Errorf("%v: %d, %s", bad.args, code, stderr)
		}
		if !maps.Equal(w.tree(w.path("media")), last) {
			t.Errorf("%v: media changed", bad.args)
		}
	}
}
