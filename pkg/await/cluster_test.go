package await

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clientcmd "k8s.io/client-go/tools/clientcmd/api/v1"
	"sigs.k8s.io/yaml"
)

// apiServer answers for Nodes as often as it is asked, each time with the next
// answer, and demands a client certificate.
func apiServer(t *testing.T, answers ...http.HandlerFunc) (*Cluster, *atomic.Int64) {
	t.Helper()
	certificate, key := selfSigned(t)
	asked := new(atomic.Int64)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := int(asked.Add(1)) - 1
		if r.URL.Path != "/api/v1/nodes" || len(r.TLS.PeerCertificates) != 1 {
			t.Errorf("asked %s with %d certificates", r.URL.Path, len(r.TLS.PeerCertificates))
		}
		answers[min(n, len(answers)-1)](w, r)
	}))
	server.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	server.StartTLS()
	t.Cleanup(server.Close)
	config := clientcmd.Config{
		Clusters: []clientcmd.NamedCluster{{Name: "c", Cluster: clientcmd.Cluster{
			Server: server.URL, CertificateAuthorityData: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}),
		}}},
		AuthInfos: []clientcmd.NamedAuthInfo{{Name: "u", AuthInfo: clientcmd.AuthInfo{ClientCertificateData: certificate, ClientKeyData: key}}},
	}
	text, err := yaml.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	cluster, err := Open(text)
	if err != nil {
		t.Fatal(err)
	}
	return cluster, asked
}

func selfSigned(t *testing.T) (certificate, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "admin"}, NotAfter: time.Now().Add(time.Hour)}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})
}

// nodes answers with Nodes: NAME is ready, NAME=text is not for that reason.
func nodes(names ...string) http.HandlerFunc {
	var list corev1.NodeList
	for _, n := range names {
		name, lack, waits := strings.Cut(n, "=")
		condition := corev1.NodeCondition{Type: corev1.NodeReady, Status: corev1.ConditionTrue}
		if waits {
			condition.Status, condition.Message = corev1.ConditionFalse, lack
		}
		node := corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}}
		node.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeMemoryPressure, Status: corev1.ConditionFalse}, condition}
		list.Items = append(list.Items, node)
	}
	return func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(list) }
}

func TestUntil(t *testing.T) {
	down := func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "not yet", http.StatusServiceUnavailable) }
	cluster, asked := apiServer(t, down, down, nodes("cp1=no network"), nodes("cp1", "w1=no network"), nodes("cp1", "other", "w1"))
	var seen []State
	last, err := cluster.Until(t.Context(), []string{"w1", "cp1"}, time.Millisecond, func(s State) { seen = append(seen, s) })
	if err != nil {
		t.Fatal(err)
	}
	if missing := last.Missing([]string{"w1", "cp1"}); missing != nil {
		t.Errorf("ended while %v are missing", missing)
	}
	if asked.Load() != 5 || len(seen) != 4 || !strings.HasSuffix(seen[0].Problem, "503 Service Unavailable") {
		t.Errorf("asked %d times, was told of %+v", asked.Load(), seen)
	}
	if want := map[string]string{"cp1": "no network"}; !reflect.DeepEqual(seen[1].Nodes, want) {
		t.Errorf("then %v, want %v", seen[1].Nodes, want)
	}
	if missing := seen[2].Missing([]string{"w2", "w1", "cp1"}); !reflect.DeepEqual(missing, []string{"w1", "w2"}) {
		t.Errorf("missing %v", missing)
	}
}

func TestUntilEnds(t *testing.T) {
	cluster, _ := apiServer(t, nodes("cp1"))
	ctx, cancel := context.WithCancel(t.Context())
	_, err := cluster.Until(ctx, []string{"cp1", "w1"}, time.Millisecond, func(State) { cancel() })
	if err == nil {
		t.Error("ended well though w1 never came")
	}
}

func TestOpen(t *testing.T) {
	for text, want := range map[string]string{
		"{":            "not a kubeconfig",
		"clusters: []": "one cluster and one user",
		"clusters: [{cluster: {server: https://x}}]\nusers: [{user: {}}]": "no certificate of an authority",
	} {
		if _, err := Open([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}
