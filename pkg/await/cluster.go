package await

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	clientcmd "k8s.io/client-go/tools/clientcmd/api/v1"
	"sigs.k8s.io/yaml"
)

// Cluster asks an API server.
type Cluster struct {
	server string
	client *http.Client
}

// maxAnswer bounds what is read of an answer: 20,000 Nodes fit.
const maxAnswer = 512 << 20

// Open reads a kubeconfig as kubespore writes it: one cluster and one user,
// certificates inside.
func Open(kubeconfig []byte) (*Cluster, error) {
	var config clientcmd.Config
	if err := yaml.Unmarshal(kubeconfig, &config); err != nil {
		return nil, fmt.Errorf("this is not a kubeconfig: %w", err)
	}
	if len(config.Clusters) != 1 || len(config.AuthInfos) != 1 {
		return nil, errors.New("this kubeconfig is not one that kubespore writes: it has one cluster and one user")
	}
	cluster, user := config.Clusters[0].Cluster, config.AuthInfos[0].AuthInfo
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(cluster.CertificateAuthorityData) {
		return nil, errors.New("this kubeconfig holds no certificate of an authority")
	}
	pair, err := tls.X509KeyPair(user.ClientCertificateData, user.ClientKeyData)
	if err != nil {
		return nil, fmt.Errorf("the user of this kubeconfig has no certificate and key: %w", err)
	}
	transport := &http.Transport{
		// No proxy: the API server is reached as the machines reach it.
		TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: cluster.TLSServerName, Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12},
	}
	return &Cluster{server: cluster.Server, client: &http.Client{Transport: transport, Timeout: 10 * time.Second}}, nil
}

// State is how far a cluster is.
type State struct {
	Problem string            // why the API server does not answer; "" when it does
	Nodes   map[string]string // of each Node, what it still lacks; "" when it is ready
}

// Missing gives those of the names that have no Node that is ready, sorted.
func (s State) Missing(names []string) []string {
	var out []string
	for _, name := range names {
		if lack, registered := s.Nodes[name]; !registered || lack != "" {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// Look asks once.
func (c *Cluster) Look(ctx context.Context) State {
	var list corev1.NodeList
	if err := c.get(ctx, "/api/v1/nodes", &list); err != nil {
		return State{Problem: err.Error()}
	}
	s := State{Nodes: map[string]string{}}
	for _, node := range list.Items {
		s.Nodes[node.Name] = lack(node)
	}
	return s
}

// lack says what a Node waits for, in the words of its kubelet.
func lack(node corev1.Node) string {
	for _, condition := range node.Status.Conditions {
		switch {
		case condition.Type != corev1.NodeReady:
		case condition.Status == corev1.ConditionTrue:
			return ""
		case condition.Message != "":
			return condition.Message
		default:
			return condition.Reason
		}
	}
	return "its kubelet has not reported yet"
}

// cause leaves out of an error of the network which port was used here, which is
// another one each time.
func cause(err error) error {
	var operation *net.OpError
	if errors.As(err, &operation) {
		return operation.Err
	}
	return err
}

func (c *Cluster) get(ctx context.Context, path string, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.server+path, nil)
	if err != nil {
		return err
	}
	answer, err := c.client.Do(request)
	if err != nil {
		return fmt.Errorf("%s: %w", c.server, cause(err))
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", c.server, answer.Status)
	}
	return json.NewDecoder(io.LimitReader(answer.Body, maxAnswer)).Decode(into)
}

// Until looks every interval until each of the names has a Node that is ready,
// or the context ends. changed is told of every state that is not the last one.
func (c *Cluster) Until(ctx context.Context, names []string, interval time.Duration, changed func(State)) (State, error) {
	var last string
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		s := c.Look(ctx)
		if text := fmt.Sprint(s); text != last && ctx.Err() == nil {
			last = text
			changed(s)
		}
		if s.Problem == "" && len(s.Missing(names)) == 0 {
			return s, nil
		}
		select {
		case <-ctx.Done():
			return s, ctx.Err()
		case <-tick.C:
		}
	}
}
