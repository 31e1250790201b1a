//go:build real

package payload

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
)

// TestMirrorOverHTTPS: the machine fetches from a mirror whose authority is private and
// that demands a client certificate and a login, with the files that its document
// brings; none of it stands among arguments, and without them nothing is fetched. The
// download script does the same by a file of options of curl.
func TestMirrorOverHTTPS(t *testing.T) {
	const user, password = "machines", "wr0ng-h0rse-battery"
	whole := bytes.Repeat([]byte("kubelet "), 40_000)
	sum := sha256.Sum256(whole)
	want := hex.EncodeToString(sum[:])
	authority, authorityText := issue(t, "private", nil)
	mine, _ := issue(t, "mirror", &authority)
	_, client := issue(t, "machine", &authority)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(authorityText)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if u, p, _ := r.BasicAuth(); u != user || p != password {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, _ = w.Write(whole) // does not know ranges
	}))
	s.TLS = &tls.Config{Certificates: []tls.Certificate{mine}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool}
	s.StartTLS()
	defer s.Close()

	block, _ := pem.Decode(authorityText)
	w := newWorldFromWith(t, topology(t, "  flannel: {}\n  payload: {mirror: '"+s.URL+"', mirrorAuthority: ca.crt, mirrorClient: client.pem, mirrorLogin: netrc}\n"), func(w *world) {
		write(t, filepath.Join(w.dir, "ca.crt"), pem.EncodeToMemory(block))
		write(t, filepath.Join(w.dir, "client.pem"), client)
		write(t, filepath.Join(w.dir, "netrc"), []byte("machine 127.0.0.1 login "+user+" password "+password+"\n"))
	})
	m := w.machine(t)
	credentials := filepath.Join(m.root, "etc/kubespore/mirror")
	for _, name := range []string{"ca.crt", "client.pem", "netrc"} {
		info, err := os.Stat(filepath.Join(credentials, name))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Fatalf("%s: %v %v", name, info, err)
		}
	}
	// A curl that tells what it was called with.
	tools := t.TempDir()
	write(t, filepath.Join(tools, "curl"), []byte("#!/bin/sh\necho \"$@\" >>"+tools+"/arguments\nexec /usr/bin/curl \"$@\"\n"))
	if err := os.Chmod(filepath.Join(tools, "curl"), 0o755); err != nil {
		t.Fatal(err)
	}
	library := filepath.Join(m.root, "opt/kubespore/lib/payload")
	fetch := func(folder, file string) (string, error) {
		out, err := exec.Command("bash", "-euc", "PATH="+tools+":$PATH; . "+library+"; credentials="+folder+"; spool="+filepath.Dir(file)+"; mirror="+s.URL+"; download $mirror/kubelet "+file+" "+want).CombinedOutput()
		return string(out), err
	}
	file := filepath.Join(t.TempDir(), want)
	leave(t, file, whole[:1000])
	if out, err := fetch(credentials, file); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	holds(t, file, whole)
	for _, lacking := range []string{"ca.crt", "client.pem", "netrc"} {
		folder := t.TempDir()
		for _, name := range []string{"ca.crt", "client.pem", "netrc"} {
			if text, err := os.ReadFile(filepath.Join(credentials, name)); err == nil && name != lacking {
				write(t, filepath.Join(folder, name), text)
			}
		}
		if out, err := fetch(folder, filepath.Join(t.TempDir(), want)); err == nil {
			t.Errorf("without %s it is fetched\n%s", lacking, out)
		}
	}

	script, err := filepath.Abs("../../pkg/payload/download.sh")
	if err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(t.TempDir(), "curl")
	write(t, config, []byte("cacert = "+credentials+"/ca.crt\ncert = "+credentials+"/client.pem\nnetrc-file = "+credentials+"/netrc\nretry = 0\n"))
	got := shell(t, "PATH="+tools+":$PATH; CURL_CONFIG="+config+"; work="+t.TempDir()+"; say() { :; }; . <(sed -n '/^get()/,/^}/p' "+script+"); get "+s.URL+"/kubelet")
	holds(t, strings.TrimSpace(got), whole)

	arguments, err := os.ReadFile(filepath.Join(tools, "arguments"))
	if err != nil || strings.Count(string(arguments), "\n") < 5 || strings.Contains(string(arguments), password) || strings.Contains(string(arguments), "PRIVATE") {
		t.Errorf("%v: %s", err, arguments)
	}
}

// TestPackOverHTTPS: payload pack and payload verify read a mirror, and pack a registry,
// whose authority is private and that demand a client certificate; the mirror for a
// login besides. Without any of it they say so.
func TestPackOverHTTPS(t *testing.T) {
	const user, password = "operators", "c0rrect-h0rse"
	w := newWorld(t, "")
	authority, authorityText := issue(t, "private", nil)
	mine, _ := issue(t, "mirror", &authority)
	_, client := issue(t, "operator", &authority)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(authorityText)
	block, _ := pem.Decode(authorityText)
	write(t, filepath.Join(w.dir, "ca.crt"), pem.EncodeToMemory(block))
	write(t, filepath.Join(w.dir, "client.pem"), client)
	write(t, filepath.Join(w.dir, "netrc"), []byte("machine elsewhere login x password y\nmachine 127.0.0.1\nlogin "+user+" password "+password+"\n"))
	serve := func(handler http.Handler) string {
		s := httptest.NewUnstartedServer(handler)
		s.TLS = &tls.Config{Certificates: []tls.Certificate{mine}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool}
		s.Config.ErrorLog = log.New(io.Discard, "", 0)
		s.StartTLS()
		t.Cleanup(s.Close)
		return s.URL
	}
	files := http.FileServer(http.Dir(w.bundle))
	mirror := serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if u, p, _ := r.BasicAuth(); u != user || p != password {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		files.ServeHTTP(w, r)
	}))
	all := []string{"--ca", "ca.crt", "--client", "client.pem", "--netrc", "netrc"}
	w.kubespore(t, append([]string{"payload", "pack", "--from", mirror, "-o", "again", "single.yaml"}, all...)...)
	w.kubespore(t, append([]string{"payload", "verify", "single.yaml", mirror}, all...)...)
	for i := range 3 {
		lacking := slices.Delete(slices.Clone(all), 2*i, 2*i+2)
		c := exec.Command(program(t), append([]string{"payload", "pack", "--from", mirror, "-o", "lacking", "single.yaml"}, lacking...)...)
		c.Dir = w.dir
		if out, err := c.CombinedOutput(); err == nil || !strings.Contains(string(out), "W004") || strings.Contains(string(out), password) {
			t.Errorf("without %s: %v\n%s", all[2*i], err, out)
		}
	}

	registry := strings.TrimPrefix(serve(registry.New(registry.Logger(log.New(io.Discard, "", 0)))), "https://")
	certificates := filepath.Join(w.dir, "certificates")
	keyBlock := bytes.Index(client, []byte("-----BEGIN PRIVATE KEY"))
	write(t, filepath.Join(certificates, "ca.crt"), pem.EncodeToMemory(block))
	write(t, filepath.Join(certificates, "client.cert"), client[:keyBlock])
	write(t, filepath.Join(certificates, "client.key"), client[keyBlock:])
	for _, line := range w.list(t, "images") {
		tag, err := name.NewTag(line[0])
		if err != nil {
			t.Fatal(err)
		}
		shell(t, "skopeo copy --quiet --preserve-digests --dest-cert-dir "+certificates+" oci-archive:"+filepath.Join(w.bundle, line[3])+" docker://"+registry+"/"+tag.RepositoryStr()+":"+tag.TagStr())
	}
	// Of the other source come programs alone.
	if err := os.RemoveAll(filepath.Join(w.dir, "parts/images")); err != nil {
		t.Fatal(err)
	}
	w.kubespore(t, append([]string{"payload", "pack", "--from", "parts", "--from", "registry:" + registry, "-o", "third", "single.yaml"}, all[:4]...)...)
}
