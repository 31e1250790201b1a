//go:build oracle

package oracle

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/yaml"
)

// client is someone who speaks to an API server.
type client struct {
	http   *http.Client
	server string
	token  string
}

// as gives the client that a machine's kubeconfig makes. No matter what address it
// names, verified is that name, but dialled is the API server of one control
// plane: no machine holds the virtual address here, and no balancer runs.
func (m *machine) as(t *testing.T, kubeconfigFile string, dialled *machine) client {
	t.Helper()
	return newClient(t, m.read(t, kubeconfigFile), func(name string) []byte { return m.read(t, name) }, dialled)
}

// read gives a file of the machine, whose links point within its own root.
func (m *machine) read(t *testing.T, name string) []byte {
	t.Helper()
	if target, err := os.Readlink(m.path(name)); err == nil && filepath.IsAbs(target) {
		name = target
	}
	content, err := os.ReadFile(m.path(name))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func newClient(t *testing.T, text []byte, read func(name string) []byte, dialled *machine) client {
	t.Helper()
	var k kubeconfig
	if err := yaml.Unmarshal(text, &k); err != nil {
		t.Fatal(err)
	}
	user := k.Users[0].User
	certificate, key := user.Certificate, user.Key
	if user.CertificateFile != "" {
		certificate, key = read(user.CertificateFile), read(user.KeyFile)
	}
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		t.Fatal(err)
	}
	authority := k.Clusters[0].Cluster.Authority
	if len(authority) == 0 {
		authority = read(k.Clusters[0].Cluster.AuthorityFile)
	}
	return client{http: dial(authority, dialled, pair), server: k.Clusters[0].Cluster.Server}
}

func dial(authority []byte, dialled *machine, pairs ...tls.Certificate) *http.Client {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority)
	return &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots, Certificates: pairs},
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, hostport(dialled.address(), 6443))
		},
	}}
}

// with gives the same connection without certificate for a bearer token, or for
// no one.
func (c client) with(t *testing.T, authority []byte, dialled *machine, token string) client {
	t.Helper()
	return client{http: dial(authority, dialled), server: c.server, token: token}
}

// ask sends a request and gives the status code and the body.
func (c client) ask(method, path, body string) (int, string, error) {
	request, err := http.NewRequest(method, c.server+path, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	request.Header.Set("Content-Type", "application/json")
	if method == http.MethodPatch {
		request.Header.Set("Content-Type", "application/merge-patch+json")
	}
	if c.token != "" {
		request.Header.Set("Authorization", "Bearer "+c.token)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return response.StatusCode, string(text), err
}

// expect asks and gives an error unless the answer has the status code.
func (c client) expect(status int, method, path, body string) error {
	got, text, err := c.ask(method, path, body)
	if err != nil {
		return err
	}
	if got != status {
		return fmt.Errorf("%s %s: %d, want %d: %s", method, path, got, status, message(text))
	}
	return nil
}

// get reads one value of an object.
func (c client) get(t *testing.T, path string, fields ...string) any {
	t.Helper()
	_, text, err := c.ask(http.MethodGet, path, "")
	if err != nil {
		t.Fatal(err)
	}
	var value any
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	for _, field := range fields {
		object, _ := value.(map[string]any)
		value = object[field]
	}
	return value
}

// message is what a person reads of a Status.
func message(text string) string {
	var status struct{ Message string }
	if json.Unmarshal([]byte(text), &status) == nil && status.Message != "" {
		return status.Message
	}
	return text[:min(len(text), 300)]
}
