//go:build oracle

package oracle

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"net/http"
	"testing"
	"time"
)

const requestsPath = "/apis/certificates.k8s.io/v1/certificatesigningrequests"

// rotation: with custody on control planes a kubelet's request for its own next
// certificate is approved and signed by the controller manager. One in another
// node's name is not even taken.
func (l *lab) rotation(t *testing.T) {
	try(t, "kubelet of w1", l.w1.as(t, "/etc/kubernetes/kubelet.conf", l.planes[0]), []request{
		{http.MethodPost, requestsPath, signingRequest(t, "w1"), http.StatusCreated},
		{http.MethodPost, requestsPath, signingRequest(t, "w2"), http.StatusForbidden},
	})
	var issued []byte
	eventually(t, 20*time.Second, "the request of w1 is signed", func() error {
		text, _ := l.superAdmin.get(t, requestsPath+"/of-w1", "status", "certificate").(string)
		issued, _ = base64.StdEncoding.DecodeString(text)
		if len(issued) == 0 {
			return fmt.Errorf("no certificate")
		}
		return nil
	})
	c, err := parse(issued)
	if err != nil {
		t.Fatal(err)
	}
	authority, err := parse(l.w1.read(t, pkiDir+"ca.crt"))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.CheckSignatureFrom(authority); err != nil || c.Subject.CommonName != "system:node:w1" {
		t.Errorf("issued to %s: %v", c.Subject, err)
	}
}

// signingRequest is what a kubelet posts.
func signingRequest(t *testing.T, node string) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	subject := pkix.Name{CommonName: "system:node:" + node, Organization: []string{"system:nodes"}}
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: subject}, key)
	if err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der})
	return fmt.Sprintf(`{"metadata":{"name":"of-%s"},"spec":{"signerName":"kubernetes.io/kube-apiserver-client-kubelet","usages":["digital signature","client auth"],"request":%q}}`,
		node, base64.StdEncoding.EncodeToString(text))
}
