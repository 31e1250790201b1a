package pki

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cloudflare/cfssl/api/signhandler"
	"github.com/cloudflare/cfssl/config"
	"github.com/cloudflare/cfssl/helpers"
	cfsslsigner "github.com/cloudflare/cfssl/signer"
	"github.com/cloudflare/cfssl/signer/local"

	"github.com/kubespore/kubespore/pkg/plan"
)

// roomConfig is what a signing room tells openssl ca.
const roomConfig = `
[req]
distinguished_name = name
[name]
[ca]
default_ca = room
[room]
new_certs_dir = .
database = index.txt
serial = serial
private_key = root.key
certificate = root.crt
default_md = sha256
default_days = 1825
policy = any
copy_extensions = copy
unique_subject = no
email_in_dn = no
[any]
organizationName = optional
commonName = supplied
[root]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
[middle]
basicConstraints = critical,CA:TRUE,pathlen:1
keyUsage = critical,keyCertSign,cRLSign
[narrow]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign
nameConstraints = critical,permitted;DNS:example.org
[short]
basicConstraints = critical,CA:TRUE,pathlen:0
keyUsage = critical,keyCertSign
[serversonly]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign
extendedKeyUsage = serverAuth
[leaf]
basicConstraints = critical,CA:FALSE
[nosign]
basicConstraints = critical,CA:TRUE
keyUsage = critical,digitalSignature
`

// room is the folder of a signing room, which has the program openssl.
type room struct {
	*testing.T
	dir string
}

func newRoom(t *testing.T) room {
	r := room{t, t.TempDir()}
	r.write("room.cnf", []byte(roomConfig))
	r.write("index.txt", nil)
	r.write("serial", []byte("1000\n"))
	return r
}

func (r room) write(name string, text []byte) {
	r.Helper()
	if err := os.WriteFile(filepath.Join(r.dir, name), text, 0o600); err != nil {
		r.Fatal(err)
	}
}

func (r room) read(names ...string) []BringFile {
	r.Helper()
	var out []BringFile
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join(r.dir, name))
		if err != nil {
			r.Fatal(err)
		}
		out = append(out, BringFile{name, text})
	}
	return out
}

func (r room) openssl(args ...string) string {
	r.Helper()
	c := exec.Command("openssl", args...)
	c.Dir = r.dir
	out, err := c.CombinedOutput()
	if err != nil {
		r.Fatalf("openssl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// root makes a root of its own: root.crt and root.key.
func (r room) root(key ...string) {
	r.Helper()
	args := append([]string{"req", "-x509", "-config", "room.cnf", "-extensions", "root", "-nodes", "-days", "7300", "-subj", "/O=Example/CN=Example Root", "-keyout", "root.key", "-out", "root.crt"}, key...)
	r.openssl(args...)
}

// sign has openssl ca sign a request; extensions are a section of roomConfig in
// place of what the request asks for.
func (r room) sign(request []byte, out, extensions string) {
	r.Helper()
	r.write("request.csr", request)
	args := []string{"ca", "-batch", "-notext", "-config", "room.cnf", "-in", "request.csr", "-out", out}
	if extensions != "" {
		r.write("only.cnf", []byte(strings.ReplaceAll(roomConfig, "copy_extensions = copy", "copy_extensions = none")))
		args = append(args, "-extensions", extensions)
		args[4] = "only.cnf"
	}
	r.openssl(args...)
}

// child makes an authority that the root signed: NAME.crt and NAME.key.
func (r room) child(name, extensions string) {
	r.Helper()
	r.openssl("req", "-new", "-config", "room.cnf", "-newkey", "rsa:2048", "-nodes", "-subj", "/O=Example/CN=Example "+name, "-keyout", name+".key", "-out", name+".csr")
	r.sign(r.read(name + ".csr")[0].Text, name+".crt", extensions)
}

var ecdsaKey = []string{"-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"}

// own brings all authorities of a plan in, each under the room's root or its
// child.
func own(t *testing.T, s *Store, p *plan.Plan, r room, files ...string) {
	t.Helper()
	for _, a := range p.Authorities {
		_, list := Import(s, p, Bring{Files: r.read(files...), Authority: a.Name}, time.Now())
		if len(list) > 0 {
			t.Fatal(list)
		}
	}
}

// TestCustodies has openssl and the verifier of Go look at every chain, however
// the authorities came about.
func TestCustodies(t *testing.T) {
	for name, prepare := range map[string]func(t *testing.T, s *Store, p *plan.Plan){
		"made here": func(*testing.T, *Store, *plan.Plan) {},
		"RSA made here": func(_ *testing.T, _ *Store, p *plan.Plan) {
			for i := range p.Authorities {
				p.Authorities[i].Algorithm = "RSA-2048"
			}
		},
		"own ECDSA root": func(t *testing.T, s *Store, p *plan.Plan) {
			r := newRoom(t)
			r.root(ecdsaKey...)
			own(t, s, p, r, "root.crt", "root.key")
		},
		"own RSA-2048 root": func(t *testing.T, s *Store, p *plan.Plan) {
			r := newRoom(t)
			r.root("-newkey", "rsa:2048")
			own(t, s, p, r, "root.key", "root.crt")
		},
		"own RSA-4096 root": func(t *testing.T, s *Store, p *plan.Plan) {
			r := newRoom(t)
			r.root("-newkey", "rsa:4096")
			own(t, s, p, r, "root.crt", "root.key")
		},
		"intermediate": func(t *testing.T, s *Store, p *plan.Plan) {
			r := newRoom(t)
			r.root(ecdsaKey...)
			r.child("middle", "middle")
			own(t, s, p, r, "middle.crt", "middle.key", "root.crt")
		},
		"intermediate, root first": func(t *testing.T, s *Store, p *plan.Plan) {
			r := newRoom(t)
			r.root("-newkey", "rsa:2048")
			r.child("middle", "middle")
			own(t, s, p, r, "root.crt", "middle.key", "middle.crt")
		},
		"authorities signed by openssl ca": func(t *testing.T, s *Store, p *plan.Plan) {
			r := newRoom(t)
			r.root(ecdsaKey...)
			files := r.signAll(s, p, "etcd", "kubernetes")
			if _, list := Import(s, p, Bring{Files: r.read(append(files, "root.crt")...)}, time.Now()); len(list) > 0 {
				t.Fatal(list)
			}
		},
		"certificates signed by openssl ca": func(t *testing.T, s *Store, p *plan.Plan) {
			r := newRoom(t)
			r.root(ecdsaKey...)
			own(t, s, p, r, "root.crt")
			files := r.signAll(s, p)
			if _, list := Import(s, p, Bring{Files: r.read(files...)}, time.Now()); len(list) > 0 {
				t.Fatal(list)
			}
		},
		"signed by a cfssl server": func(t *testing.T, s *Store, p *plan.Plan) {
			r := newRoom(t)
			r.root(ecdsaKey...)
			server := r.cfssl()
			var files []BringFile
			for _, profile := range []string{"authority", "leaf"} {
				requests, list := Requests(s, p, map[string][]string{"authority": {"kubernetes"}}[profile], time.Now())
				if len(list) > 0 {
					t.Fatal(list)
				}
				for _, request := range requests {
					files = append(files, BringFile{request.Name, askCFSSL(t, server, request, profile)})
				}
				if profile == "authority" {
					own := r.read("root.crt")
					if _, list := Import(s, p, Bring{Files: append(files, own...)}, time.Now()); len(list) > 0 {
						t.Fatal(list)
					}
					if _, list := Import(s, p, Bring{Files: own, Authority: "etcd"}, time.Now()); len(list) > 0 {
						t.Fatal(list)
					}
					files = nil
				}
			}
			if _, list := Import(s, p, Bring{Files: files}, time.Now()); len(list) > 0 || len(files) != 1 {
				t.Fatal(len(files), list)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := smallPlan()
			s := mustOpen(t, filepath.Join(t.TempDir(), "prod.pki"))
			prepare(t, s, p)
			commit := func() {
				if err := s.Commit(); err != nil {
					t.Fatal(err)
				}
			}
			commit()
			keys := mustIssue(t, s, p, time.Now())
			agree(t, p, keys)
			for host, floor := range keys.Floors {
				if floor.After(time.Now()) {
					t.Errorf("the clock of %s would be set to %s, which has not come yet", host, floor)
				}
			}
			commit()
			if list := s.Verify(time.Now()); len(list) > 0 {
				t.Error(list)
			}
			if strings.HasPrefix(name, "certificates") || strings.HasSuffix(name, "server") {
				return // the store has no key to renew or to be tried again
			}
			if _, list := s.Renew(p, Choice{}, time.Now()); len(list) > 0 {
				t.Fatal(list)
			}
			renewed := mustIssue(t, s, p, time.Now())
			agree(t, p, renewed)
			if _, err := Seal(s, SealFor{Passphrase: "x"}); err != nil {
				t.Fatal(err)
			}
			commit()
			if keys = mustIssue(t, s, p, time.Now()); string(keys.Certs["cluster/admin"].Key) != string(renewed.Certs["cluster/admin"].Key) {
				t.Error("a sealed store makes another certificate")
			}
		})
	}
}

// signAll has openssl ca sign what a store requests, and gives the files.
func (r room) signAll(s *Store, p *plan.Plan, names ...string) (files []string) {
	r.Helper()
	requests, list := Requests(s, p, names, time.Now())
	if len(list) > 0 {
		r.Fatal(list)
	}
	want := len(names)
	if want == 0 {
		want = len(p.Certs)
	}
	if len(requests) != want {
		r.Fatalf("%d requests, want %d", len(requests), want)
	}
	for i, request := range requests {
		file := fmt.Sprintf("%d.crt", i)
		r.sign(request.Text, file, "")
		files = append(files, file)
	}
	return files
}

// cfssl starts cfssl's own server with the room's root.
func (r room) cfssl() *httptest.Server {
	r.Helper()
	silenceCFSSL()
	files := r.read("root.crt", "root.key")
	certificate, err := helpers.ParseCertificatePEM(files[0].Text)
	if err != nil {
		r.Fatal(err)
	}
	key, err := helpers.ParsePrivateKeyPEM(files[1].Text)
	if err != nil {
		r.Fatal(err)
	}
	policy := &config.Signing{Default: config.DefaultConfig(), Profiles: map[string]*config.SigningProfile{
		"authority": {Usage: []string{"digital signature", "cert sign"}, Expiry: 5 * year, CAConstraint: config.CAConstraint{IsCA: true, MaxPathLenZero: true}},
		"leaf":      {Usage: []string{"digital signature", "key encipherment", "server auth", "client auth"}, Expiry: year},
	}}
	signs, err := local.NewSigner(key, certificate, cfsslsigner.DefaultSigAlgo(key), policy)
	if err != nil {
		r.Fatal(err)
	}
	handler, err := signhandler.NewHandlerFromSigner(signs)
	if err != nil {
		r.Fatal(err)
	}
	server := httptest.NewServer(handler)
	r.Cleanup(server.Close)
	return server
}

func askCFSSL(t *testing.T, server *httptest.Server, request Request, profile string) []byte {
	t.Helper()
	body, err := json.Marshal(map[string]any{"certificate_request": string(request.Text), "profile": profile})
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.Post(server.URL+"/api/v1/cfssl/sign", "application/json", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var answer struct {
		Success bool
		Result  struct{ Certificate string }
		Errors  []any
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || !answer.Success {
		t.Fatal(err, answer.Errors)
	}
	return []byte(answer.Result.Certificate)
}

// agree has openssl and Go verify what machines get: each leaf as its file has
// it, by what its authority's file has.
func agree(t *testing.T, p *plan.Plan, keys *plan.Keys) {
	t.Helper()
	r := room{t, t.TempDir()}
	kinds := map[string]x509.ExtKeyUsage{"server": x509.ExtKeyUsageServerAuth, "client": x509.ExtKeyUsageClientAuth}
	for _, a := range p.Authorities {
		r.write("ca.crt", keys.Authorities[a.Name].Certificate)
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(keys.Authorities[a.Name].Certificate)
		for usage, kind := range kinds {
			var leaves []string
			for i, spec := range certsOf(p, a.Name) {
				if !slices.Contains(spec.Usages, usage) {
					continue
				}
				leaves = append(leaves, fmt.Sprintf("%s-%d.crt", usage, i))
				r.write(leaves[len(leaves)-1], keys.Certs[spec.ID].Certificate)
				for _, name := range append([]string{""}, joinNames(&spec)...) {
					if _, err := certificateOf(t, keys.Certs[spec.ID]).Verify(x509.VerifyOptions{Roots: roots, DNSName: name, KeyUsages: []x509.ExtKeyUsage{kind}}); err != nil {
						t.Errorf("%s for %q: %v", spec.ID, name, err)
					}
				}
			}
			if len(leaves) > 0 {
				r.openssl(append([]string{"verify", "-purpose", "ssl" + usage, "-CAfile", "ca.crt"}, leaves...)...)
			}
		}
	}
}
