package lab

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// dialer reaches an address from some network.
type dialer func(ctx context.Context, network, address string) (net.Conn, error)

// Client asks an API server as whom a kubeconfig names.
type Client struct {
	Server string
	Http   http.Client
	Ends   time.Time // of its own certificate
	token  string    // by which it is known in place of a certificate
}

// decoded is what a kubeconfig says in base64.
type decoded []byte

func (d *decoded) UnmarshalText(text []byte) (err error) {
	*d, err = base64.StdEncoding.DecodeString(string(text))
	return err
}

// ReadKubeconfig gives the client that a kubeconfig describes, with one cluster and
// one user, whose certificates it carries.
func ReadKubeconfig(path string, dial dialer) (*Client, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var config struct {
		Clusters []struct {
			Cluster struct {
				Server    string
				Authority decoded `yaml:"certificate-authority-data"`
			}
		}
		Users []struct {
			User struct {
				Certificate decoded `yaml:"client-certificate-data"`
				Key         decoded `yaml:"client-key-data"`
			}
		}
	}
	if err := yaml.Unmarshal(text, &config); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(config.Clusters) != 1 || len(config.Users) != 1 {
		return nil, fmt.Errorf("%s has %d clusters and %d users, not one of each", path, len(config.Clusters), len(config.Users))
	}
	cluster, user := config.Clusters[0].Cluster, config.Users[0].User
	pair, err := tls.X509KeyPair(user.Certificate, user.Key)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(cluster.Authority) {
		return nil, fmt.Errorf("%s holds no authority", path)
	}
	return &Client{Server: cluster.Server, Ends: pair.Leaf.NotAfter, Http: http.Client{
		Timeout: 5 * time.Second,
		Transport: &http.Transport{
			DialContext:     dial,
			TLSClientConfig: &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{pair}},
			// The address may be another machine's at the next question.
			DisableKeepAlives: true,
		},
	}}, nil
}

// As gives a client that is known by a token, and by no certificate: of both, the API server
// heeds the certificate.
func (c *Client) As(token string) *Client {
	as := *c
	transport := c.Http.Transport.(*http.Transport).Clone()
	transport.TLSClientConfig.Certificates = nil
	as.Http.Transport, as.token = transport, token
	return &as
}

// Ask sends one request, with a body in JSON where there is one, and gives the status and
// the body of the answer.
func (c *Client) Ask(ctx context.Context, method, path, body string) (int, []byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, c.Server+path, strings.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		request.Header.Set("Authorization", "Bearer "+c.token)
	}
	response, err := c.Http.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	return response.StatusCode, answer, err
}

// List asks for the objects at a path.
func (c *Client) List(ctx context.Context, path string) ([]Object, error) {
	status, body, err := c.Ask(ctx, http.MethodGet, path, "")
	if err != nil {
		return nil, err
	}
	var answer struct {
		Items   []Object
		Message string
	}
	err = json.Unmarshal(body, &answer)
	if status != http.StatusOK {
		return nil, fmt.Errorf("%d %s: %s", status, http.StatusText(status), answer.Message)
	}
	return answer.Items, err
}
