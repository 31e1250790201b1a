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
	c := l.superAdmin.signed(t, "w1")
	authority, err := parse(l.w1.read(t, pkiDir+"ca.crt"))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.CheckSignatureFrom(authority); err != nil || c.Subject.CommonName != "system:node:w1" {
		t.Errorf("issued to %s: %v", c.Subject, err)
	}
}

// signed waits until the request of a node is signed.
func (c client) signed(t *testing.T, node string) *x509.Certificate {
	t.Helper()
	var issued *x509.Certificate
	eventually(t, time.Minute, "the request of "+node+" is signed", func() error {
		text, _ := c.get(t, requestsPath+"/of-"+node, "status", "certificate").(string)
		raw, err := base64.StdEncoding.DecodeString(text)
		if err == nil {
			issued, err = parse(raw)
		}
		return err
	})
	return issued
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
