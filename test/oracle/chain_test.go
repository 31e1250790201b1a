//go:build oracle

package oracle

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net/http"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// TestChainSigns gives a control plane an intermediate as the authority that its
// controller manager signs with, which ends at a file of two certificates, and has a
// kubelet's certificate signed. The API server takes it up to the root.
func TestChainSigns(t *testing.T) {
	needRoot(t)
	eachMinor(t, func(t *testing.T, minor string) {
		dir := filepath.Join(workspace.dir, minor, "chain")
		chain := tree{}
		root := chain.authority(t, "root", nil)
		chain.authority(t, "middle", root)
		for name, text := range chain {
			write(t, filepath.Join(dir, name), text)
		}
		text := contents(t, "../../examples/single.yaml")
		write(t, filepath.Join(dir, "chain.yaml"), text)
		out, err := exec.Command(workspace.kubespore, "pki", "import", "--pki", filepath.Join(dir, "pki"), "--authority", "kubernetes",
			filepath.Join(dir, "chain.yaml"), filepath.Join(dir, "middle.crt"), filepath.Join(dir, "middle.key"), filepath.Join(dir, "root.crt")).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		m := buildText(t, "chain", minor, text, nil).machines(t, "node1")[0]
		start(t, m.pod(t, "etcd"))
		start(t, m.pod(t, "kube-apiserver"))
		api := m.as(t, "/etc/kubernetes/super-admin.conf", m)
		eventually(t, 90*time.Second, "the API server is ready", func() error { return api.expect(http.StatusOK, http.MethodGet, "/readyz", "") })
		m.applyObjects(t)
		start(t, m.pod(t, "kube-controller-manager"))
		try(t, "kubelet of node1", m.as(t, "/etc/kubernetes/kubelet.conf", m), []request{
			{http.MethodPost, requestsPath, signingRequest(t, "node1"), http.StatusCreated},
		})
		leaf := api.signed(t, "node1")
		roots, between := x509.NewCertPool(), x509.NewCertPool()
		roots.AppendCertsFromPEM(chain["root.crt"])
		between.AppendCertsFromPEM(chain["middle.crt"])
		if _, err := leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}); err != nil {
			t.Error(err)
		}
	})
}

// signingAuthority is a certificate of an authority and its key.
type signingAuthority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// authority adds the files NAME.crt and NAME.key, signed by another or by itself.
func (files tree) authority(t *testing.T, name string, above *signingAuthority) *signingAuthority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().AddDate(0, 0, -2), NotAfter: time.Now().AddDate(10, 0, 0), KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	a := &signingAuthority{template, key}
	if above == nil {
		above = a
	}
	der, err := x509.CreateCertificate(rand.Reader, template, above.certificate, &key.PublicKey, above.key)
	if err != nil {
		t.Fatal(err)
	}
	if a.certificate, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	files[name+".crt"] = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	files[name+".key"] = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})
	return a
}
