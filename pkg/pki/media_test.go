package pki

import (
	"bytes"
	"crypto/x509"
	"slices"
	"testing"
	"time"

	"github.com/kubespore/kubespore/pkg/durable"
)

// TestMedia keeps what sealed media need: made once, no part of any document.
func TestMedia(t *testing.T) {
	dir := built(t, smallPlan())
	before, err := mustOpenReadOnly(t, dir).Digest()
	if err != nil {
		t.Fatal(err)
	}
	for _, next := range []string{"first", "second"} {
		s, err := Open(dir, Options{})
		if err != nil {
			t.Fatal(err)
		}
		create := func() ([]byte, error) { return []byte(next), nil }
		for _, get := range []func() ([]byte, error){
			func() ([]byte, error) { return s.MediaKey("w1", create) },
			func() ([]byte, error) { return s.Sealed("0123", create) },
		} {
			if got, err := get(); err != nil || string(got) != "first" {
				t.Errorf("%s, %v", got, err)
			}
		}
		if err := s.Commit(); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	names, err := durable.Files(dir)
	if err != nil || !slices.Contains(names, "hosts/w1/stick.secret") || !slices.Contains(names, "sealed/0123.age") {
		t.Error(names, err)
	}
	s := mustOpenReadOnly(t, dir)
	if list := s.Verify(noon); len(list) > 0 {
		t.Error(list)
	}
	if after, err := s.Digest(); err != nil || after != before {
		t.Error("the next build would not find the store unchanged", err)
	}
}

// TestBootServer makes the pair once for a name, and another for another, by one
// authority that is not a cluster's.
func TestBootServer(t *testing.T) {
	dir := built(t, smallPlan())
	before := mustOpenReadOnly(t, dir)
	digest, err := before.Digest()
	if err != nil {
		t.Fatal(err)
	}
	made := map[string][]byte{}
	var authority []byte
	for _, name := range []string{"10.0.0.5", "10.0.0.5", "fd00::5", "boot.example"} {
		s := mustOpen(t, dir)
		pair, by, err := s.BootServer(name, noon)
		if err != nil {
			t.Fatal(err)
		}
		if authority != nil && !bytes.Equal(by, authority) || made[name] != nil && !bytes.Equal(made[name], pair.Certificate) {
			t.Errorf("%s: it was made again", name)
		}
		made[name], authority = pair.Certificate, by
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(by)
		// With any time on the machine's clock.
		for _, clock := range []time.Time{time.Date(1980, 1, 2, 0, 0, 0, 0, time.UTC), noon, noon.Add(9 * year)} {
			if _, err := certificateOf(t, pair).Verify(x509.VerifyOptions{DNSName: name, Roots: roots, CurrentTime: clock}); err != nil {
				t.Errorf("%s at %s: %v", name, clock, err)
			}
		}
		if err := s.Commit(); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	s := mustOpenReadOnly(t, dir)
	if list := s.Verify(noon); len(list) > 0 {
		t.Error(list)
	}
	if len(s.List(noon)) != len(before.List(noon)) {
		t.Error("a document holds it")
	}
	if after, err := s.Digest(); err != nil || after != digest {
		t.Error("the next build would not find the store unchanged", err)
	}
	for _, bad := range []string{"boot server", "fe80::1%eth0"} {
		if _, _, err := Memory().BootServer(bad, noon); codeOf(err) != "K020" {
			t.Errorf("%q: %v", bad, err)
		}
	}
	// No profile may put its own in that place.
	p := smallPlan()
	p.Authorities = append(p.Authorities, authoritySpec(bootName, "mine"))
	if _, list := Memory().Issue(p, noon, nil); !slices.Equal(codes(list), []string{"K015", "K015"}) {
		t.Error(list)
	}
}
