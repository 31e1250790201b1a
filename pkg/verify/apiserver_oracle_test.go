//go:build oracle

package verify

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/document"
	"github.com/kubespore/kubespore/pkg/objects"
	"github.com/kubespore/kubespore/pkg/plan"
	"github.com/kubespore/kubespore/pkg/profile"
	"github.com/kubespore/kubespore/pkg/topology"
)

// apiServer is a real kube-apiserver with an etcd of its own. It lets everyone in:
// what it is asked is what it says of objects.
type apiServer struct {
	url    string
	client *http.Client
}

// startAPIServer runs both programs until the test ends.
func startAPIServer(t *testing.T, minor string) apiServer {
	t.Helper()
	out, err := exec.Command("../../test/tools/tool", "etcd", "kube-apiserver@"+minor).Output()
	if err != nil {
		t.Fatalf("test/tools/tool: %v", err)
	}
	programs := strings.Fields(string(out))
	folder := t.TempDir()
	key := ""
	for _, flag := range required(t, "kube-apiserver") {
		if path, ok := strings.CutPrefix(flag, "--service-account-signing-key-file="); ok {
			key = path
		}
	}
	tokens := filepath.Join(folder, "tokens")
	if err := os.WriteFile(tokens, []byte("judge,judge,judge,system:masters\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ports := freePorts(t, 3)
	etcd := fmt.Sprintf("http://127.0.0.1:%d", ports[0])
	peer := fmt.Sprintf("http://127.0.0.1:%d", ports[1])
	run(t, programs[0], "--data-dir="+folder+"/etcd", "--listen-client-urls="+etcd, "--advertise-client-urls="+etcd, "--listen-peer-urls="+peer,
		"--initial-advertise-peer-urls="+peer, "--initial-cluster=default="+peer, "--unsafe-no-fsync")
	run(t, programs[1], "--etcd-servers="+etcd, fmt.Sprintf("--secure-port=%d", ports[2]), "--bind-address=127.0.0.1", "--cert-dir="+folder+"/certs",
		"--service-account-issuer=https://kubernetes.default.svc", "--service-account-key-file="+key, "--service-account-signing-key-file="+key,
		"--service-cluster-ip-range=10.96.0.0/16", "--authorization-mode=AlwaysAllow", "--token-auth-file="+tokens, "--disable-admission-plugins=ServiceAccount")
	s := apiServer{url: fmt.Sprintf("https://127.0.0.1:%d", ports[2]),
		client: &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}}
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(200 * time.Millisecond) {
		status, said := s.ask(t, http.MethodGet, "/readyz", nil)
		if status == http.StatusOK {
			return s
		}
		if time.Now().After(deadline) {
			t.Fatalf("the API server is not ready: %s", said)
		}
	}
}

func run(t *testing.T, program string, args ...string) {
	t.Helper()
	var log bytes.Buffer
	cmd := exec.Command(program, args...)
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended by itself
		_ = cmd.Wait()
		if t.Failed() {
			text := log.String()
			t.Logf("%s: %s", filepath.Base(program), text[max(0, len(text)-1500):])
		}
	})
}

func freePorts(t *testing.T, n int) (out []int) {
	t.Helper()
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		out = append(out, l.Addr().(*net.TCPAddr).Port)
	}
	return out
}

func (s apiServer) ask(t *testing.T, method, path string, body []byte) (int, string) {
	t.Helper()
	request, err := http.NewRequest(method, s.url+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer judge")
	request.Header.Set("Content-Type", "application/json")
	if method == http.MethodPatch {
		request.Header.Set("Content-Type", "application/apply-patch+yaml")
	}
	response, err := s.client.Do(request)
	if err != nil {
		return 0, err.Error()
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(response.Body)
	var status struct{ Message string }
	if json.Unmarshal(text, &status) == nil && status.Message != "" {
		return response.StatusCode, status.Message
	}
	return response.StatusCode, string(text)
}

// servedKind is how a kind is asked for.
type servedKind struct {
	plural     string
	namespaced bool
}

// resources gives what the API server serves, by "apps/v1 Deployment".
func (s apiServer) resources(t *testing.T) map[string]servedKind {
	t.Helper()
	out := map[string]servedKind{}
	versions := []string{"v1"}
	var groups struct {
		Groups []struct {
			Versions []struct{ GroupVersion string }
		}
	}
	_, text := s.ask(t, http.MethodGet, "/apis", nil)
	if err := json.Unmarshal([]byte(text), &groups); err != nil {
		t.Fatal(err)
	}
	for _, g := range groups.Groups {
		for _, v := range g.Versions {
			versions = append(versions, v.GroupVersion)
		}
	}
	for _, version := range versions {
		var list struct {
			Resources []struct {
				Name, Kind string
				Namespaced bool
				Verbs      []string
			}
		}
		_, text := s.ask(t, http.MethodGet, root(version), nil)
		if err := json.Unmarshal([]byte(text), &list); err != nil {
			t.Fatal(err)
		}
		for _, r := range list.Resources {
			if !strings.Contains(r.Name, "/") && slices.Contains(r.Verbs, "create") {
				out[version+" "+r.Kind] = servedKind{r.Name, r.Namespaced}
			}
		}
	}
	return out
}

func root(apiVersion string) string {
	if strings.Contains(apiVersion, "/") {
		return "/apis/" + apiVersion
	}
	return "/api/" + apiVersion
}

// apply asks as `kubectl apply --server-side --dry-run=server` does, and gives the
// refusal: nothing where the object is taken.
func (s apiServer) apply(t *testing.T, served map[string]servedKind, text []byte) string {
	t.Helper()
	var head struct {
		APIVersion string `json:"apiVersion"`
		Kind       string
		Metadata   struct{ Name, Namespace string }
	}
	_ = sigsyaml.Unmarshal(text, &head) // a name that is not text the API server refuses itself
	r, ok := served[head.APIVersion+" "+head.Kind]
	if !ok {
		return fmt.Sprintf("no matches for kind %q in version %q", head.Kind, head.APIVersion)
	}
	if head.Metadata.Name == "" {
		return "no name"
	}
	path := root(head.APIVersion)
	if r.namespaced {
		namespace := head.Metadata.Namespace
		if namespace == "" {
			namespace = "default"
		}
		path += "/namespaces/" + namespace
	}
	status, said := s.ask(t, http.MethodPatch, path+"/"+r.plural+"/"+head.Metadata.Name+"?dryRun=All&force=true&fieldManager=kubespore&fieldValidation=Strict", text)
	if status == http.StatusOK || status == http.StatusCreated {
		return ""
	}
	return fmt.Sprintf("%d %s", status, said)
}

// oursSays is what check says of an object among those of the cluster.
func oursSays(v *Verifier, host *plan.Host, texts ...string) string {
	doc := box{name: "a"}.document()
	m, err := newMachine(host, v.plan, doc)
	if err != nil {
		return err.Error()
	}
	for i, text := range texts {
		entry := &document.Entry{Path: fmt.Sprintf("%s/x/%d.yaml", ObjectsDir, i), Kind: document.KindFile, Content: []byte(text)}
		o, _ := v.objects.readObject(entry, objects.Part{Text: entry.Content, Line: 1})
		m.objects = append(m.objects, o)
	}
	for _, d := range v.objects.object(m, m.objects[len(texts)-1]) {
		if d.Severity == diag.Error && d.Code != "V012" {
			return d.Code + " " + d.Message
		}
	}
	return ""
}

func verifierOf(t *testing.T, minor string) (*Verifier, *plan.Host) {
	t.Helper()
	host := box{name: "a"}.host()
	v, err := New(&plan.Plan{Topology: &topology.Topology{}, Catalog: &profile.Catalog{}, Hosts: []*plan.Host{host},
		Cluster: &plan.Cluster{Minor: minor, Domain: "cluster.local", DNSAddresses: []string{"10.96.0.10"}}})
	if err != nil {
		t.Fatal(err)
	}
	return v, host
}

// TestObjectsAsTheAPIServer takes objects that are right, breaks each in every
// place in every way, and asks check and the real API server.
func TestObjectsAsTheAPIServer(t *testing.T) {
	text, err := os.ReadFile("testdata/objects.yaml")
	if err != nil {
		t.Fatal(err)
	}
	parts, fault := objects.Split("objects.yaml", text)
	if fault != nil {
		t.Fatal(fault)
	}
	for _, minor := range minors() {
		s := startAPIServer(t, minor)
		served := s.resources(t)
		v, host := verifierOf(t, minor)
		servedAlike(t, v.objects.kinds, served)
		listed := differences(t, "object-differences.yaml")
		count, alike, refused := 0, 0, 0
		var unlike []string
		for _, part := range parts {
			object := part.Text
			for name, broken := range breakages(t, object) {
				count++
				theirs, ours := s.apply(t, served, broken), oursSays(v, host, string(broken))
				if theirs != "" {
					refused++
				}
				if (theirs != "") == (ours != "") {
					alike++
				} else if !listed.explains(name, strings.Join(strings.Fields(name)[:2], " ")+" *") {
					unlike = append(unlike, fmt.Sprintf("%s: check says %q, the API server %.300q", name, ours, theirs))
				}
			}
		}
		slices.Sort(unlike)
		for _, u := range unlike {
			t.Errorf("%s %s", minor, u)
		}
		listed.unused(t)
		s.customAlike(t, v, host)
		t.Logf("%s: %d objects judged, %d of them refused by the API server, %d alike, %d of listed differences", minor, count, refused, alike, count-alike)
	}
}

// servedAlike compares the table with what the API server says that it serves.
func servedAlike(t *testing.T, k kinds, served map[string]servedKind) {
	t.Helper()
	for name := range served {
		if !k.served[name] {
			t.Errorf("%s: the API server serves %s, and the table does not", k.minor, name)
		}
	}
	for name := range k.served {
		if _, ok := served[name]; !ok {
			t.Errorf("%s: the table serves %s, and the API server does not", k.minor, name)
		}
	}
	t.Logf("%s: %d kinds served, as the API server says", k.minor, len(served))
}

// breakages gives an object whole; without each of its fields; with a field that
// does not exist in each of its mappings; with a value of another type in each
// place; and as every version of its kind that was ever served.
func breakages(t *testing.T, object []byte) map[string][]byte {
	t.Helper()
	var document yaml.Node
	if err := yaml.Unmarshal(object, &document); err != nil {
		t.Fatal(err)
	}
	root := document.Content[0]
	name := objects.Text(root, "apiVersion") + " " + objects.Text(root, "kind") + " " + objects.Text(objects.Child(root, "metadata"), "name")
	out := map[string][]byte{name + " whole": object}
	keep := func(way, path string) {
		text, err := yaml.Marshal(root)
		if err != nil {
			t.Fatal(err)
		}
		out[name+" "+way+" "+path] = text
	}
	var walk func(node *yaml.Node, path string)
	walk = func(node *yaml.Node, path string) {
		switch node.Kind {
		case yaml.MappingNode:
			whole := slices.Clone(node.Content)
			node.Content = append(slices.Clone(whole), &yaml.Node{Kind: yaml.ScalarNode, Value: "noSuchField"}, &yaml.Node{Kind: yaml.ScalarNode, Value: "x"})
			keep("unknown", join(path, "noSuchField"))
			for i := 0; i < len(whole); i += 2 {
				node.Content = slices.Delete(slices.Clone(whole), i, i+2)
				keep("without", join(path, whole[i].Value))
			}
			node.Content = whole
			for i := 0; i < len(whole); i += 2 {
				walk(whole[i+1], join(path, whole[i].Value))
			}
		case yaml.SequenceNode:
			for i, item := range node.Content {
				walk(item, fmt.Sprintf("%s[%d]", path, i))
			}
			whole := node.Content
			node.Content = nil
			keep("emptied", path)
			node.Content = whole
		case yaml.ScalarNode:
			whole := *node
			for _, value := range []string{"-1", "No Name!", "{}", "[]"} {
				if err := yaml.Unmarshal([]byte("x: "+value), &document); err != nil {
					t.Fatal(err)
				}
				*node = *document.Content[0].Content[1]
				keep("value "+value, path)
			}
			*node = whole
		}
	}
	walk(root, "")
	for _, version := range []string{"extensions/v1beta1", "apps/v1beta1", "apps/v1beta2", "networking.k8s.io/v1beta1", "batch/v1beta1", "policy/v1beta1", "rbac.authorization.k8s.io/v1beta1", "v2", "app/v1"} {
		at := objects.Child(root, "apiVersion")
		whole := at.Value
		at.Value = version
		keep("as", version)
		at.Value = whole
	}
	return out
}

const gadgets = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: gadgets.example.org}
spec:
  group: example.org
  scope: Namespaced
  names: {kind: Gadget, plural: gadgets}
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          required: [spec]
          properties:
            spec:
              type: object
              required: [size]
              properties:
                size: {type: integer, minimum: 1, maximum: 9}
                mode: {type: string, enum: [fast, slow]}
                name: {type: string, pattern: "^[a-z]+$", maxLength: 10}
                port: {x-kubernetes-int-or-string: true}
                enabled: {type: boolean}
                share: {type: number}
                list: {type: array, maxItems: 2, items: {type: object, required: [key], properties: {key: {type: string}}}}
                labels: {type: object, additionalProperties: {type: string}}
                free: {type: object, x-kubernetes-preserve-unknown-fields: true}
`

const gadget = `apiVersion: example.org/v1
kind: Gadget
metadata: {name: one, labels: {a: b}}
spec:
  size: 3
  mode: fast
  name: abc
  port: 80
  enabled: true
  share: 0.5
  list: [{key: a}, {key: b}]
  labels: {x: z}
  free: {anything: [1, two]}
`

// customAlike breaks a custom resource in the same ways.
func (s apiServer) customAlike(t *testing.T, v *Verifier, host *plan.Host) {
	t.Helper()
	status, said := s.ask(t, http.MethodPatch, "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/gadgets.example.org?fieldManager=kubespore&force=true", []byte(gadgets))
	if status != http.StatusCreated {
		t.Fatalf("%d %s", status, said)
	}
	served := map[string]servedKind{"example.org/v1 Gadget": {"gadgets", true}}
	for deadline := time.Now().Add(time.Minute); s.apply(t, served, []byte(gadget)) != ""; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the custom resource is not taken: %s", s.apply(t, served, []byte(gadget)))
		}
	}
	count, refused := 0, 0
	for name, broken := range breakages(t, []byte(gadget)) {
		if strings.Contains(name, " as ") || strings.HasSuffix(name, " kind") || strings.HasSuffix(name, " apiVersion") {
			continue // another kind altogether
		}
		theirs, ours := s.apply(t, served, broken), oursSays(v, host, gadgets, string(broken))
		count++
		if theirs != "" {
			refused++
		}
		if (theirs != "") != (ours != "") {
			t.Errorf("%s: check says %q, the API server %.300q", name, ours, theirs)
		}
	}
	t.Logf("%d custom resources judged, %d of them refused by the API server, all alike", count, refused)
}
