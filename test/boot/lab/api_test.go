package lab

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestList asks a server that wants a certificate, as whom a kubeconfig names.
func TestList(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		switch q.URL.String() {
		case "/api/v1/nodes":
			fmt.Fprint(w, `{"kind":"NodeList","items":[{"metadata":{"name":"node1"},"spec":{"podCIDR":"10.240.0.0/24"},"status":{"conditions":[{"type":"Ready","status":"True"}]}}]}`)
		case "/api/v1/pods":
			fmt.Fprint(w, `{"kind":"PodList","ite`)
		default:
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, `{"kind":"Status","message":"leases is forbidden"}`)
		}
	}))
	server.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // that a client hung up is wanted
	server.StartTLS()
	defer server.Close()
	key, err := x509.MarshalPKCS8PrivateKey(server.TLS.Certificates[0].PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	data := func(kind string, der []byte) string {
		return base64.StdEncoding.EncodeToString(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	certificate := data("CERTIFICATE", server.Certificate().Raw)
	kubeconfig := fmt.Sprintf(`apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: %q, certificate-authority-data: %s}}]
users: [{name: u, user: {client-certificate-data: %s, client-key-data: %s}}]
`, server.URL, certificate, certificate, data("PRIVATE KEY", key))

	ask := func(kubeconfig, path string) ([]Object, error) {
		file := filepath.Join(t.TempDir(), "admin.conf")
		if err := os.WriteFile(file, []byte(kubeconfig), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := ReadKubeconfig(file, new(net.Dialer).DialContext)
		if err != nil {
			return nil, err
		}
		return c.List(t.Context(), path)
	}
	nodes, err := ask(kubeconfig, NodesPath)
	if err != nil || len(nodes) != 1 || nodes[0].Metadata.Name != "node1" || nodes[0].Spec.PodCIDR != "10.240.0.0/24" || !nodes[0].Is("Ready") {
		t.Errorf("%+v, %v", nodes, err)
	}
	for what, c := range map[string]struct{ kubeconfig, Path, want string }{
		"not allowed":       {kubeconfig, "/apis/leases", "403 Forbidden: leases is forbidden"},
		"cut off":           {kubeconfig, "/api/v1/pods", "unexpected end"},
		"nobody":            {strings.Replace(kubeconfig, server.URL, "https://127.0.0.1:1", 1), NodesPath, "connection refused"},
		"another server":    {strings.Replace(kubeconfig, "127.0.0.1", "localhost", 1), NodesPath, "not localhost"},
		"no key":            {kubeconfig[:strings.Index(kubeconfig, "client-key-data")] + "}}]\n", NodesPath, "failed to find any PEM data"},
		"no authority":      {strings.Replace(kubeconfig, "authority-data: "+certificate, "authority-data: ''", 1), NodesPath, "holds no authority"},
		"no YAML":           {kubeconfig + "contexts: [}", NodesPath, "admin.conf: yaml:"},
		"nobody to ask":     {"users: []\n", NodesPath, "0 clusters and 0 users"},
		"not base64 at all": {strings.Replace(kubeconfig, certificate, "'*'", 1), NodesPath, "illegal base64"},
	} {
		if _, err := ask(c.kubeconfig, c.Path); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", what, err, c.want)
		}
	}
}
