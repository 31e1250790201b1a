package pki

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kubespore/kubespore/pkg/durable/durabletest"
	"github.com/kubespore/kubespore/pkg/plan"
)

// rotatingPlan is smallPlan with the secrets that rotate, and a front proxy.
func rotatingPlan() *plan.Plan {
	p := smallPlan()
	p.Authorities = append(p.Authorities, authoritySpec("front-proxy", "front-proxy-ca"))
	client := adminClient()
	client.ID, client.Name, client.Authority, client.Organizations = "hosts/cp1/front-proxy-client", "front-proxy-client", "front-proxy", nil
	p.Certs = append(p.Certs, client)
	p.Secrets[0].Rotation, p.Secrets[1].Rotation, p.Secrets[2].Rotation = plan.RotatesInSteps, plan.RotatesInSteps, plan.RotatesAtOnce
	return p
}

// buildAll is what a build does with the store of a folder: it gives the keys that
// documents are made of then.
func buildAll(t *testing.T, dir string, p *plan.Plan) *plan.Keys {
	t.Helper()
	s := mustOpen(t, dir)
	defer s.Close()
	planned := withAllocations(t, s, p)
	keys := mustIssue(t, s, planned, noon)
	planned.Allocations.SetBuilt()
	if err := s.SetAllocations(planned.Allocations); err != nil {
		t.Fatal(err)
	}
	if err := s.Commit(); err != nil {
		t.Fatal(err)
	}
	return keys
}

func withAllocations(t *testing.T, s *Store, p *plan.Plan) *plan.Plan {
	t.Helper()
	given, err := s.Allocations()
	if err != nil {
		t.Fatal(err)
	}
	out := *p
	out.Allocations = given
	return &out
}

func rotateAll(t *testing.T, dir string, p *plan.Plan, names ...string) []Rotated {
	t.Helper()
	s := mustOpen(t, dir)
	defer s.Close()
	out, list := Rotate(s, withAllocations(t, s, p), names, noon)
	if list.HasErrors() {
		t.Fatalf("rotate: %v", list)
	}
	if err := s.Commit(); err != nil {
		t.Fatal(err)
	}
	return out
}

// statesOf gives the keys of documents before, in and after each phase.
func statesOf(t *testing.T, names ...string) []*plan.Keys {
	t.Helper()
	p := rotatingPlan()
	dir := built(t, p)
	out := []*plan.Keys{buildAll(t, dir, p)}
	for _, want := range []string{plan.PhaseTrust, plan.PhaseIssue, PhaseDone} {
		for _, r := range rotateAll(t, dir, p, names...) {
			if r.Phase != want {
				t.Fatalf("%s is in the phase %s, want %s", r.Name, r.Phase, want)
			}
		}
		out = append(out, buildAll(t, dir, p))
		if list := mustOpenReadOnly(t, dir).Verify(noon); len(list) > 0 {
			t.Errorf("verify in %s: %v", want, list)
		}
	}
	return out
}

// TestRotationNeverCutsOff looks at each pair of machines where one may be a
// phase ahead of the other: what each shows, the other accepts, by Go's verifier and
// by OpenSSL's. What is refused is two phases apart: no phase may be skipped.
func TestRotationNeverCutsOff(t *testing.T) {
	states := statesOf(t, "etcd", "kubernetes", "front-proxy")
	for one := range states {
		for other := range states {
			for _, spec := range rotatingPlan().Certs {
				leaf, bundle := states[one].Certs[spec.ID], states[other].Authorities[spec.Authority].Certificate
				for who, accepts := range map[string]bool{"Go": goAccepts(t, leaf.Certificate, bundle), "OpenSSL": opensslAccepts(t, leaf.Certificate, bundle)} {
					if accepts == strings.Contains("03 13 20 30", fmt.Sprint(one)+fmt.Sprint(other)) {
						t.Errorf("%s of phase %d, shown to a machine of phase %d: %s accepts it: %v", spec.ID, one, other, who, accepts)
					}
				}
			}
		}
	}
	for name, first := range states[0].Authorities {
		if last := states[3].Authorities[name]; bytes.Contains(last.Certificate, first.Certificate) || len(parseAll(last.Certificate)) != 1 {
			t.Errorf("%s: the old authority is still trusted at the end", name)
		}
		for n, state := range states {
			a := state.Authorities[name]
			if len(parseAll(a.Signer)) != 1 || !bytes.HasPrefix(a.Certificate, a.Signer) {
				t.Errorf("%s in phase %d: the signer is not the first that is trusted", name, n)
			}
			if key, err := parseKey(a.Key); err != nil || !sameKey(parseAll(a.Signer)[0], key) {
				t.Errorf("%s in phase %d: the key is not the signer's: %v", name, n, err)
			}
		}
	}
}

func goAccepts(t *testing.T, leaf, bundle []byte) bool {
	t.Helper()
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(bundle) {
		t.Fatal("no authority in the bundle")
	}
	_, err := parseAll(leaf)[0].Verify(x509.VerifyOptions{Roots: roots, CurrentTime: noon, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	return err == nil
}

func opensslAccepts(t *testing.T, leaf, bundle []byte) bool {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string][]byte{"leaf": leaf, "bundle": bundle} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, err := exec.Command("openssl", "verify", "-attime", fmt.Sprint(noon.Unix()), "-CAfile", dir+"/bundle", dir+"/leaf").CombinedOutput()
	if err != nil && !bytes.Contains(out, []byte("verification failed")) {
		t.Fatalf("openssl: %s", out)
	}
	return err == nil
}

// TestServiceAccountRotates looks at each pair of control planes where one may be
// a phase ahead: the key with which one signs is among those that the other accepts.
func TestServiceAccountRotates(t *testing.T) {
	const id = "cluster/service-account"
	states := statesOf(t, "service-account")
	for one := range states {
		for other := range states {
			public, err := publicOf(states[one].Secrets[id].Value)
			if err != nil {
				t.Fatal(err)
			}
			accepts := bytes.Contains(states[other].Secrets[id].Public, public)
			if near := max(one-other, other-one) <= 1; near && !accepts {
				t.Errorf("a token of phase %d is not accepted in phase %d", one, other)
			}
		}
	}
	if bytes.Contains(states[3].Secrets[id].Public, states[0].Secrets[id].Public) {
		t.Error("the old key is still accepted at the end")
	}
	for n, want := range []int{1, 2, 2, 1} {
		if got := blocks(states[n].Secrets[id].Public); got != want {
			t.Errorf("phase %d accepts %d keys, want %d", n, got, want)
		}
	}
}

func blocks(text []byte) int {
	n := 0
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		n++
	}
	return n
}

func TestEncryptionKeyRotates(t *testing.T) {
	const id = "cluster/encryption-key"
	states := statesOf(t, "encryption-key")
	value := func(n int, suffix string) string { return string(states[n].Secrets[id+suffix].Value) }
	old, new := value(0, ""), value(3, "")
	got := []string{value(1, ""), value(1, ".next"), value(2, ""), value(2, ".past")}
	if old == new || !slices.Equal(got, []string{old, new, new, old}) {
		t.Error("the values of the phases do not follow one another")
	}
	if value(0, ".next")+value(3, ".past")+value(3, ".next") != "" {
		t.Error("two values where nothing rotates")
	}
}

// TestPasswordRotatesAtOnce: a password has one phase.
func TestPasswordRotatesAtOnce(t *testing.T) {
	p := rotatingPlan()
	dir := built(t, p)
	before := buildAll(t, dir, p).Secrets["cluster/vrrp"].Value
	if got := rotateAll(t, dir, p, "vrrp"); len(got) != 1 || got[0].Phase != PhaseDone {
		t.Errorf("got %v", got)
	}
	if after := buildAll(t, dir, p).Secrets["cluster/vrrp"].Value; bytes.Equal(before, after) || len(after) != 8 {
		t.Error("the password is the old one")
	}
}

func TestRotateRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		before []string // rotated before, without a build
		change func(dir string) error
		rotate []string
		code   string
	}{
		"an unknown name":          {rotate: []string{"kubernets"}, code: "K056"},
		"a secret that stays":      {rotate: []string{"etcd-token"}, code: "K056"},
		"a phase without a build":  {before: []string{"etcd"}, rotate: []string{"etcd"}, code: "K057"},
		"a key that is elsewhere":  {change: func(d string) error { return os.Remove(d + "/ca/etcd.key") }, rotate: []string{"etcd"}, code: "K058"},
		"one of two":               {before: []string{"etcd"}, rotate: []string{"kubernetes", "etcd"}, code: "K057"},
		"an authority never made":  {change: func(d string) error { return os.Remove(d + "/ca/etcd.crt") }, rotate: []string{"etcd"}, code: "K056"},
		"a secret that is missing": {change: func(d string) error { return os.Remove(d + "/cluster/encryption-key.secret") }, rotate: []string{"encryption-key"}, code: "K056"},
	} {
		t.Run(name, func(t *testing.T) {
			p := rotatingPlan()
			p.Secrets = append(p.Secrets, plan.SecretSpec{ID: "cluster/etcd-token", Name: "etcd-token", Kind: "random", Size: 16})
			dir := built(t, p)
			if len(test.before) > 0 {
				rotateAll(t, dir, p, test.before...)
			}
			if test.change != nil {
				if err := test.change(dir); err != nil {
					t.Fatal(err)
				}
			}
			s := mustOpen(t, dir)
			_, list := Rotate(s, withAllocations(t, s, p), test.rotate, noon)
			if got := codes(list); !slices.Equal(got, []string{test.code}) {
				t.Errorf("got %v, want %s", list, test.code)
			}
		})
	}
}

// TestMissingOther: a build does not go on with one value of two.
func TestMissingOther(t *testing.T) {
	for name, file := range map[string]string{"etcd": "ca/etcd.next.crt", "service-account": "cluster/service-account.next.key"} {
		p := rotatingPlan()
		dir := built(t, p)
		rotateAll(t, dir, p, name)
		if err := os.Remove(filepath.Join(dir, file)); err != nil {
			t.Fatal(err)
		}
		s := mustOpenReadOnly(t, dir)
		if _, list := s.Issue(withAllocations(t, s, p), noon, nil); !slices.Equal(codes(list), []string{"K059"}) {
			t.Errorf("%s: %v", name, list)
		}
	}
}

// TestRotateKilledAnywhere stops each phase after every change that it makes to the
// file system: the store is in the phase before or in the one after, with all that
// belongs to it, and goes on from there.
func TestRotateKilledAnywhere(t *testing.T) {
	p := rotatingPlan()
	dir := built(t, p)
	names := []string{"etcd", "service-account", "encryption-key"}
	buildAll(t, dir, p)
	for phase, want := range [][]string{{"", "trust"}, {"trust", "issue"}, {"issue", ""}} {
		for n, done := 1, false; !done; n++ {
			copied := filepath.Join(t.TempDir(), "prod.pki")
			if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
				t.Fatal(err)
			}
			fs := &durabletest.FS{}
			s, err := Open(copied, Options{Cluster: "prod", FS: fs})
			if err != nil {
				t.Fatal(err)
			}
			fs.KillAt = fs.Changes() + n
			if _, list := Rotate(s, withAllocations(t, s, p), names, noon); list.HasErrors() {
				t.Fatal(list)
			}
			done = s.Commit() == nil
			s.Close()
			after := mustOpen(t, copied)
			planned := withAllocations(t, after, p)
			reached := planned.Allocations.Rotations["ca/etcd"].Phase
			if !slices.Contains(want, reached) || done && reached != want[1] {
				t.Fatalf("phase %d, killed after %d: %q", phase, n, reached)
			}
			for _, id := range []string{"cluster/service-account", "cluster/encryption-key"} {
				if planned.Allocations.Rotations[id].Phase != reached {
					t.Fatalf("phase %d, killed after %d: %s is in another phase", phase, n, id)
				}
			}
			keys := mustIssue(t, after, planned, noon)
			if got, two := len(parseAll(keys.Authorities["etcd"].Certificate)), reached != ""; got != map[bool]int{false: 1, true: 2}[two] {
				t.Fatalf("phase %d, killed after %d: %d authorities", phase, n, got)
			}
			after.Close()
		}
		rotateAll(t, dir, p, names...)
		buildAll(t, dir, p)
	}
}
