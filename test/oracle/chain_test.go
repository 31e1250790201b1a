//go:build oracle

package oracle

import (
	"crypto/x509"
	"encoding/pem"
	"testing"
)

// TestChainSigns gives control planes an intermediate as the authority that their
// controller manager signs with, which ends at a file of two certificates, and has a
// kubelet's certificate signed. It leads up to the root that all machines trust.
func TestChainSigns(t *testing.T) {
	needRoot(t)
	eachMinor(t, func(t *testing.T, minor string) {
		l := boot(t, ofOwn(t, minor, "chain", "middle", ""))
		l.objects(t)
		l.rotation(t)
		roots, between := x509.NewCertPool(), x509.NewCertPool()
		middle, root := bothOf(t, l.w1.read(t, pkiDir+"ca.crt"))
		roots.AddCert(root)
		between.AddCert(middle)
		leaf := l.superAdmin.signed(t, "w1")
		if _, err := leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}); err != nil {
			t.Error(err)
		}
	})
}

// bothOf gives the two certificates of a file.
func bothOf(t *testing.T, text []byte) (first, second *x509.Certificate) {
	t.Helper()
	block, rest := pem.Decode(text)
	first, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	if second, err = parse(rest); err != nil {
		t.Fatal(err)
	}
	return first, second
}
