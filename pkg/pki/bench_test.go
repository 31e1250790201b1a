package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/kubespore/kubespore/pkg/plan"
)

const leaves = 1000

func leavesPlan() *plan.Plan {
	p := &plan.Plan{Authorities: []plan.AuthoritySpec{authoritySpec("etcd", "etcd-ca")}}
	for i := range leaves {
		p.Certs = append(p.Certs, etcdServer(fmt.Sprintf("h%04d", i), fmt.Sprintf("10.0.%d.%d", i/250, i%250+1)))
	}
	return p
}

// BenchmarkIssue1000 makes a thousand leaves. Divide by BenchmarkFloor1000 for
// the multiple of the floor that design section 7 limits to 3.5.
func BenchmarkIssue1000(b *testing.B) {
	p := leavesPlan()
	for b.Loop() {
		if _, list := newStore(b.TempDir(), Options{}).Issue(p, noon, nil); list.HasErrors() {
			b.Fatal(list)
		}
	}
}

// BenchmarkMemory1000 is what check pays.
func BenchmarkMemory1000(b *testing.B) {
	p := leavesPlan()
	for b.Loop() {
		if _, list := Memory().Issue(p, noon, nil); list.HasErrors() {
			b.Fatal(list)
		}
	}
}

// BenchmarkReuse1000 is what a rebuild with nothing to do pays.
func BenchmarkReuse1000(b *testing.B) {
	p := leavesPlan()
	s := newStore(b.TempDir(), Options{})
	mustIssue(b, s, p, noon)
	for b.Loop() {
		mustIssue(b, s, p, noon)
	}
}

// BenchmarkFloor1000 is the least that a thousand leaves can cost: keys and
// signatures of the standard library and their PEM, on all processors.
func BenchmarkFloor1000(b *testing.B) {
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "etcd-ca"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: noon, NotAfter: noon.Add(10 * year), KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, caKey.Public(), caKey)
	if err != nil {
		b.Fatal(err)
	}
	ca, err := x509.ParseCertificate(der)
	if err != nil {
		b.Fatal(err)
	}
	p := leavesPlan()
	for b.Loop() {
		out := make([]plan.Pair, leaves)
		var workers errgroup.Group
		workers.SetLimit(runtime.GOMAXPROCS(0))
		for i := range leaves {
			workers.Go(func() error {
				out[i] = floorLeaf(b, ca, caKey, &p.Certs[i], noon)
				return nil
			})
		}
		_ = workers.Wait() // errors fail the benchmark
	}
}

func floorLeaf(b *testing.B, ca *x509.Certificate, caKey *ecdsa.PrivateKey, spec *plan.CertSpec, now time.Time) plan.Pair {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.Error(err)
		return plan.Pair{}
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		b.Error(err)
	}
	template := &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: spec.CommonName}, DNSNames: spec.DNSNames,
		NotBefore: now, NotAfter: now.Add(spec.Life), KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	for _, a := range spec.Addresses {
		template.IPAddresses = append(template.IPAddresses, a.AsSlice())
	}
	der, err := x509.CreateCertificate(rand.Reader, template, ca, key.Public(), caKey)
	if err != nil {
		b.Error(err)
	}
	private, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		b.Error(err)
	}
	return plan.Pair{Certificate: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), Key: pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: private})}
}
