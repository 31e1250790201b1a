package pki

import (
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/plan"
)

// A table that cannot be issued is refused before any key is made, at the line
// that asks for it.
func TestBadSpecs(t *testing.T) {
	at := diag.Position{File: "profiles/etcd/profile.yaml", Line: 7, Column: 3}
	certificate := func(change func(*plan.CertSpec)) func(*plan.Plan) {
		return func(p *plan.Plan) { p.Certs[1].Position = at; change(&p.Certs[1]) }
	}
	secret := func(change func(*plan.SecretSpec)) func(*plan.Plan) {
		return func(p *plan.Plan) { p.Secrets[0].Position = at; change(&p.Secrets[0]) }
	}
	for _, test := range []struct {
		name   string
		change func(*plan.Plan)
		code   string
	}{
		{"unknown authority", certificate(func(c *plan.CertSpec) { c.Authority = "other" }), "K016"},
		{"no usage", certificate(func(c *plan.CertSpec) { c.Usages = nil }), "K017"},
		{"unknown usage", certificate(func(c *plan.CertSpec) { c.Usages = []string{"server auth"} }), "K017"},
		{"unknown algorithm", certificate(func(c *plan.CertSpec) { c.Algorithm = "ed25519" }), "K018"},
		{"no common name", certificate(func(c *plan.CertSpec) { c.CommonName = " " }), "K022"},
		{"line break in the common name", certificate(func(c *plan.CertSpec) { c.CommonName = "a\nb" }), "K022"},
		{"port in a name", certificate(func(c *plan.CertSpec) { c.DNSNames = []string{"lb.local:6443"} }), "K020"},
		{"URL for a name", certificate(func(c *plan.CertSpec) { c.DNSNames = []string{"https://lb"} }), "K020"},
		{"address with a zone", certificate(func(c *plan.CertSpec) { c.Addresses = []netip.Addr{netip.MustParseAddr("fe80::1%eth0")} }), "K020"},
		{"no address", certificate(func(c *plan.CertSpec) { c.Addresses = []netip.Addr{{}} }), "K020"},
		{"server without names", certificate(func(c *plan.CertSpec) { c.DNSNames, c.Addresses = nil, nil }), "K021"},
		{"two for one file", certificate(func(c *plan.CertSpec) { c.ID = "cluster/admin" }), "K015"},
		{"outside the store", certificate(func(c *plan.CertSpec) { c.ID = "../x" }), "K015"},
		{"unknown kind", secret(func(s *plan.SecretSpec) { s.Kind = "uuid" }), "K019"},
		{"no size", secret(func(s *plan.SecretSpec) { s.Size = 0 }), "K019"},
		{"key pair without algorithm", secret(func(s *plan.SecretSpec) { s.Kind = "keypair" }), "K018"},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := smallPlan()
			test.change(p)
			s := Memory()
			keys, list := s.Issue(p, noon, nil)
			if keys != nil || len(list) == 0 || list[0].Code != test.code || list[0].Position != at || list[0].Hint == "" {
				t.Errorf("got %v, want %s", list, test.code)
			}
			if len(s.written) > 0 {
				t.Error("something was made")
			}
		})
	}
}

// What is wrong with an authority stops the build and says what to do; it
// never leads to another authority.
func TestAuthorityProblems(t *testing.T) {
	needsSigning := func(p *plan.Plan) { p.Certs[1].DNSNames = append(p.Certs[1].DNSNames, "new.example") }
	same := func(*plan.Plan) {}
	for _, test := range []struct {
		name   string
		store  func(dir string) error
		change func(*plan.Plan)
		now    time.Time
		codes  []string
	}{
		{"key kept elsewhere, nothing to sign", remove("ca/etcd.key"), same, noon, nil},
		{"key kept elsewhere, something to sign", remove("ca/etcd.key"), needsSigning, noon, []string{"K010"}},
		{"certificate lost", remove("ca/etcd.crt"), same, noon, []string{"K011"}},
		{"certificate damaged", put("ca/etcd.crt", "x"), same, noon, []string{"K013"}},
		{"key damaged", put("ca/etcd.key", "x"), same, noon, []string{"K013"}},
		{"key of another", copyFile("ca/kubernetes.key", "ca/etcd.key"), same, noon, []string{"K013"}},
		{"a leaf for an authority", copyFile("cluster/admin.crt", "ca/etcd.crt"), same, noon, []string{"K013"}},
		{"expired", func(string) error { return nil }, same, noon.Add(11 * year), []string{"K012", "K012"}},
		{"clock set back", func(string) error { return nil }, same, noon.Add(-year), []string{"K012", "K012"}},
		{"ends early", func(string) error { return nil }, same, noon.Add(9*year + 30*24*time.Hour), []string{"K014", "K014"}},
		{"secret damaged", put("cluster/service-account.key", "x"), same, noon, []string{"K024"}},
		{"secret empty", put("cluster/vrrp.secret", ""), same, noon, []string{"K024"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := smallPlan()
			dir := built(t, p)
			if err := test.store(dir); err != nil {
				t.Fatal(err)
			}
			test.change(p)
			s := mustOpenReadOnly(t, dir)
			_, list := s.Issue(p, test.now, nil)
			if !slices.Equal(codes(list), test.codes) {
				t.Errorf("got %v, want %v", list, test.codes)
			}
			for _, d := range list {
				if d.Hint == "" {
					t.Errorf("no hint: %v", d)
				}
			}
			for name := range s.written {
				if strings.HasPrefix(name, "ca/") {
					t.Errorf("it would replace %s", name)
				}
			}
		})
	}
}

// A leaf that ends with its authority is not made anew at every build.
func TestLeafOfEndingAuthority(t *testing.T) {
	p := smallPlan()
	dir := built(t, p)
	late := noon.Add(10*year - 90*24*time.Hour)
	s := mustOpen(t, dir)
	first := mustIssue(t, s, p, late)
	if err := s.Commit(); err != nil {
		t.Fatal(err)
	}
	again := mustIssue(t, s, p, late.Add(80*24*time.Hour))
	if string(first.Certs["cluster/admin"].Certificate) != string(again.Certs["cluster/admin"].Certificate) {
		t.Error("it was made anew")
	}
}

// Authorities that users bring along come in forms of their own.
func TestBroughtAuthority(t *testing.T) {
	p := smallPlan()
	dir := built(t, p)
	key := filepath.Join(dir, "ca/etcd.key")
	text, err := os.ReadFile(key)
	if err != nil {
		t.Fatal(err)
	}
	parameters := "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
	if err := os.WriteFile(key, append([]byte(parameters), text...), 0o600); err != nil {
		t.Fatal(err)
	}
	p.Authorities[0].CommonName = "Example Corp etcd" // the plan's wish, not the certificate's
	p.Certs[1].DNSNames = append(p.Certs[1].DNSNames, "new.example")
	keys := mustIssue(t, mustOpenReadOnly(t, dir), p, noon)
	verifyLeaf(t, p.Certs[1], keys)
}

func TestDNSNames(t *testing.T) {
	for name, good := range map[string]bool{
		"localhost": true, "a.b": true, "kubernetes.default.svc.cluster.local": true, "*.apps.example": true, "x1-2": true, "1a.2b": true,
		"": false, ".": false, "a..b": false, "a.": false, ".a": false, "-a": false, "a-": false, "a_b": false, "ä": false, "a b": false,
		"lb.local:6443": false, "10.0.0.1": false, "10.0.0.1:6443": false, "010.0.0.1": false, "10.0.0": false, "1": false, "::1": false,
		"https://a": false, "a@b": false, "*": false, "a.*.b": false, "*.": false, "/a": false, "a\n": false,
		strings.Repeat("a", 63): true, strings.Repeat("a", 64): false, strings.Repeat("a.", 127) + "b": false,
	} {
		if problem := checkDNSName(name); (problem == "") != good {
			t.Errorf("%q: %q", name, problem)
		}
	}
}

// Every name that is accepted ends up as exactly that DNS name.
func FuzzDNSName(f *testing.F) {
	for _, seed := range []string{"localhost", "*.a.b", "lb.local:6443", "010.0.0.1", "a@b", "/x", "1.2.3.4.5", "xn--bcher-kva.example"} {
		f.Add(seed)
	}
	s := Memory()
	p := &plan.Plan{Authorities: []plan.AuthoritySpec{authoritySpec("etcd", "etcd-ca")}, Certs: []plan.CertSpec{etcdServer("cp1", "10.0.0.1")}}
	authority, list := s.authorities(p.Authorities, noon)
	if list.HasErrors() {
		f.Fatal(list)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if checkDNSName(name) != "" {
			return
		}
		spec := p.Certs[0]
		spec.DNSNames, spec.Addresses = []string{name}, nil
		var problems diag.List
		c := certificateOf(t, s.certificate(&spec, authority["etcd"], noon, &problems))
		if !slices.Equal(c.DNSNames, spec.DNSNames) || len(c.IPAddresses)+len(c.URIs)+len(c.EmailAddresses) > 0 {
			t.Errorf("%q became %v %v %v %v", name, c.DNSNames, c.IPAddresses, c.URIs, c.EmailAddresses)
		}
	})
}
