package pki

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// putAuthority puts an authority into a store by hand.
func putAuthority(t *testing.T, dir, name string, certificate []byte, key *ecdsa.PrivateKey) {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "ca"), 0o700); err != nil {
		t.Fatal(err)
	}
	for ending, content := range map[string][]byte{".crt": certificate, ".key": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})} {
		if err := os.WriteFile(filepath.Join(dir, "ca", name+ending), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// signed makes a certificate of an authority that is two days old, by itself or by another.
func signed(t *testing.T, name string, by *x509.Certificate, with *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey, []byte) {
	t.Helper()
	return signedAt(t, time.Now().Add(-48*time.Hour), name, by, with)
}

func signedAt(t *testing.T, begin time.Time, name string, by *x509.Certificate, with *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey, []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(int64(len(name))), Subject: pkix.Name{CommonName: name}, NotBefore: begin,
		NotAfter: begin.AddDate(9, 0, 0), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	if by == nil {
		by, with = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, by, &key.PublicKey, with)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return parsed, key, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// TestOwnAuthority puts the user's own authority into a new store, as
// docs/pki.md says, and builds with it.
func TestOwnAuthority(t *testing.T) {
	root, rootKey, rootText := signed(t, "root", nil, nil)
	middle, middleKey, middleText := signed(t, "middle", root, rootKey)
	_, lowKey, lowText := signed(t, "lowest", middle, middleKey)
	for name, c := range map[string]struct {
		text []byte
		key  *ecdsa.PrivateKey
		code string
	}{
		"root":               {rootText, rootKey, ""},
		"intermediate":       {append(append(append([]byte{}, lowText...), middleText...), rootText...), lowKey, ""},
		"without its chain":  {lowText, lowKey, "K013"},
		"without its root":   {append(append([]byte{}, lowText...), middleText...), lowKey, "K013"},
		"the chain is other": {append(append([]byte{}, lowText...), rootText...), lowKey, "K013"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "prod.pki")
			putAuthority(t, dir, "kubernetes", c.text, c.key)
			s, err := Open(dir, Options{Cluster: "prod"})
			if err != nil {
				t.Fatalf("%s: %v", codeOf(err), err)
			}
			defer s.Close()
			keys, list := s.Issue(smallPlan(), time.Now(), nil)
			switch {
			case c.code != "" && (len(list) == 0 || list[0].Code != c.code):
				t.Errorf("want %s, have %v", c.code, list)
			case c.code == "" && list.HasErrors():
				t.Error(list)
			case c.code == "" && string(keys.Authorities["kubernetes"].Certificate) != string(c.text):
				t.Error("the authority is another")
			}
		})
	}
}

// TestChains finds the authorities whose file on machines holds more certificates
// than one: controller managers sign with a file of one.
func TestChains(t *testing.T) {
	r := newRoom(t)
	r.root(ecdsaKey...)
	r.child("middle", "middle")
	for name, want := range map[string][]string{"middle": {"kubernetes"}, "root": nil} {
		s, p := Memory(), smallPlan()
		if _, list := Import(s, p, Bring{Files: r.read(name+".crt", name+".key", "root.crt"), Authority: "kubernetes"}, time.Now()); len(list) > 0 {
			t.Fatal(list)
		}
		given, err := s.Allocations()
		if err != nil || !slices.Equal(given.Chains, want) {
			t.Errorf("%s: %v, %v; want %v", name, given.Chains, err, want)
		}
		keys, list := s.Issue(p, time.Now(), nil)
		if len(list) > 0 {
			t.Fatal(list)
		}
		if signer := keys.Authorities["kubernetes"].Signer; len(parseAll(signer)) != 1 || !bytes.HasPrefix(keys.Authorities["kubernetes"].Certificate, signer) {
			t.Errorf("%s: the signer is not the first of the file", name)
		}
	}
}
