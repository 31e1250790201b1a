//go:build oracle

package oracle

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// request is one thing that someone tries, and how the API server answers.
type request struct {
	method, path, body string
	want               int
}

func try(t *testing.T, who string, c client, requests []request) {
	t.Helper()
	for _, r := range requests {
		if err := c.expect(r.want, r.method, r.path, r.body); err != nil {
			t.Errorf("%s: %v", who, err)
		}
	}
}

const nodesPath = "/api/v1/nodes"

// node is what a kubelet registers.
func node(name string) string {
	return fmt.Sprintf(`{"metadata":{"name":%q,"labels":{"kubernetes.io/hostname":%q,"kubernetes.io/os":"linux","disk":"ssd"}}}`, name, name)
}

// nodes: workers register themselves, in the kubelet's stead, and the program
// that sets the planned pod CIDRs runs with the real kubectl. It goes through
// the address that the kubelet dials, where etcd's gateway stands in for the
// balancer.
func (l *lab) nodes(t *testing.T) {
	for _, m := range []*machine{l.w1, l.w2, l.planes[0]} {
		own := m.as(t, "/etc/kubernetes/kubelet.conf", l.planes[0])
		eventually(t, 10*time.Second, m.host.Name+" registers", func() error {
			return own.expect(http.StatusCreated, http.MethodPost, nodesPath, node(m.host.Name))
		})
	}
	var endpoints []string
	for _, m := range l.planes {
		endpoints = append(endpoints, hostport(m.address(), 6443))
	}
	for _, m := range []*machine{l.w1, l.w2} {
		start(t, m.command("etcd", "gateway", "start", "--listen-addr=127.0.0.1:7443", "--endpoints="+strings.Join(endpoints, ",")))
		eventually(t, 20*time.Second, "kubespore-node on "+m.host.Name, func() error {
			out, err := m.script(t, "kubespore-node", "/etc/kubespore/node.env").CombinedOutput()
			if err != nil {
				return fmt.Errorf("%w: %s", err, out)
			}
			return nil
		})
		planned := strings.Fields(m.variable(t, "/etc/kubespore/node.env", "POD_CIDRS"))
		got, _ := json.Marshal(l.superAdmin.get(t, nodesPath+"/"+m.host.Name, "spec", "podCIDRs"))
		if want, _ := json.Marshal(planned); string(got) != string(want) || len(planned) == 0 {
			t.Errorf("%s holds the pod CIDRs %s, not the planned %s", m.host.Name, got, want)
		}
		output(t, m.script(t, "kubespore-node", "/etc/kubespore/node.env")) // again, and nothing happens
	}
	other := l.w1.script(t, "kubespore-node", "/etc/kubespore/node.env")
	other.Env = append(other.Env, "POD_CIDRS=10.250.0.0/24")
	if out, err := other.CombinedOutput(); err == nil || !strings.Contains(string(out), "kubectl delete node w1") {
		t.Errorf("kubespore-node for another pod CIDR: %v, %s", err, out)
	}
}

// variable gives one value of an EnvironmentFile.
func (m *machine) variable(t *testing.T, file, name string) string {
	t.Helper()
	for _, line := range m.environment(t, file) {
		if key, value, _ := strings.Cut(line, "="); key == name {
			return value
		}
	}
	t.Fatalf("%s does not set %s", file, name)
	return ""
}

// labels: control planes give Nodes the labels that these may not give
// themselves, once.
func (l *lab) labels(t *testing.T) {
	const role = "node-role.kubernetes.io/control-plane"
	output(t, l.planes[0].script(t, "kubespore-labels", "/etc/kubespore/objects.env"))
	labels, _ := l.superAdmin.get(t, nodesPath+"/cp1", "metadata", "labels").(map[string]any)
	if _, ok := labels[role]; !ok {
		t.Errorf("cp1 has the labels %v", labels)
	}
	if err := l.superAdmin.expect(http.StatusOK, http.MethodPatch, nodesPath+"/cp1", `{"metadata":{"labels":{"`+role+`":null}}}`); err != nil {
		t.Fatal(err)
	}
	output(t, l.planes[1].script(t, "kubespore-labels", "/etc/kubespore/objects.env"))
	labels, _ = l.superAdmin.get(t, nodesPath+"/cp1", "metadata", "labels").(map[string]any)
	if _, ok := labels[role]; ok {
		t.Error("a label that the administrator took away came back")
	}
}

// nodeCredentials: a kubelet's own Node, its own pods and what these need, and
// nothing of anyone else.
func (l *lab) nodeCredentials(t *testing.T) {
	l.pods(t)
	w1 := l.w1.as(t, "/etc/kubernetes/kubelet.conf", l.planes[0])
	const secrets = "/api/v1/namespaces/default/secrets"
	// The Node authorizer learns of pods by watching them.
	eventually(t, 10*time.Second, "w1 reads the secret of its pod", func() error {
		return w1.expect(200, http.MethodGet, secrets+"/of-w1", "")
	})
	own, _ := l.superAdmin.get(t, nodesPath+"/w1", "spec", "podCIDR").(string)
	try(t, "kubelet of w1", w1, []request{
		{"GET", secrets + "/of-w2", "", 403},
		{"GET", secrets + "/hidden", "", 403},
		{"GET", secrets, "", 403},
		{"GET", "/api/v1/secrets", "", 403},
		{"GET", "/api/v1/namespaces/kube-system/secrets", "", 403},
		{"GET", nodesPath + "/w1", "", 200},
		{"GET", nodesPath + "/w2", "", 403},
		{"GET", nodesPath, "", 403},
		{"POST", nodesPath, node("w3"), 403},
		{"PATCH", nodesPath + "/w1", fmt.Sprintf(`{"spec":{"podCIDR":%q}}`, own), 200},
		{"PATCH", nodesPath + "/w1", `{"spec":{"podCIDR":"10.250.0.0/24","podCIDRs":["10.250.0.0/24"]}}`, 422},
		{"PATCH", nodesPath + "/w2", `{"spec":{"podCIDR":"10.250.0.0/24","podCIDRs":["10.250.0.0/24"]}}`, 403},
		{"PATCH", nodesPath + "/w1", `{"metadata":{"labels":{"node-role.kubernetes.io/control-plane":""}}}`, 403},
		{"PATCH", nodesPath + "/w1", `{"spec":{"taints":[{"key":"mine","effect":"NoSchedule"}]}}`, 403},
		{"PATCH", nodesPath + "/w2/status", `{"status":{"phase":"Running"}}`, 403},
		{"DELETE", nodesPath + "/w2", "", 403},
		{"DELETE", nodesPath + "/w1", "", 403},
		{"POST", "/api/v1/namespaces/default/pods", pod("stray", "w1"), 403}, // no mirror pod
		{"DELETE", "/api/v1/namespaces/default/pods/on-w2", "", 403},
		{"GET", "/api/v1/namespaces/kube-system/configmaps/kubelet-config", "", 200},
		{"GET", "/api/v1/namespaces/kube-system/configmaps/kubeadm-config", "", 200},
		{"GET", "/api/v1/namespaces/kube-system/configmaps", "", 403},
		{"POST", "/api/v1/namespaces/kube-system/serviceaccounts/coredns/token", `{"spec":{"audiences":[]}}`, 403},
		{"GET", "/apis/rbac.authorization.k8s.io/v1/clusterroles", "", 403},
	})
	try(t, "kubelet of cp1", l.planes[0].as(t, "/etc/kubernetes/kubelet.conf", l.planes[0]), []request{
		{"GET", nodesPath + "/cp1", "", 200},
		{"GET", secrets + "/of-w1", "", 403},
		{"GET", "/api/v1/secrets", "", 403},
		{"PATCH", nodesPath + "/w1", `{"metadata":{"labels":{"a":"b"}}}`, 403},
	})
	l.strangersToEtcd(t)
}

// pod mounts a secret that is named after its node.
func pod(name, node string) string {
	return fmt.Sprintf(`{"metadata":{"name":%q},"spec":{"nodeName":%q,"containers":[{"name":"c","image":"i"}],"volumes":[{"name":"s","secret":{"secretName":"of-%s"}}]}}`, name, node, node)
}

// pods puts one on each worker. They never run: it is their being bound that
// gives rights.
func (l *lab) pods(t *testing.T) {
	t.Helper()
	for _, node := range []string{"w1", "w2"} {
		secret := fmt.Sprintf(`{"metadata":{"name":"of-%s"},"stringData":{"x":"y"}}`, node)
		if err := l.superAdmin.expect(201, http.MethodPost, "/api/v1/namespaces/default/secrets", secret); err != nil {
			t.Fatal(err)
		}
		eventually(t, 20*time.Second, "the controller manager makes the service account of the pods", func() error {
			return l.superAdmin.expect(201, http.MethodPost, "/api/v1/namespaces/default/pods", pod("on-"+node, node))
		})
	}
}

// strangersToEtcd: no one of the Kubernetes authority gets into etcd.
func (l *lab) strangersToEtcd(t *testing.T) {
	stranger, err := l.planes[0].client(pkiDir+"apiserver-kubelet-client", pkiDir+"etcd/ca.crt")
	if err != nil {
		t.Fatal(err)
	}
	if response, err := stranger.Get("https://" + hostport(l.planes[0].address(), 2379) + "/health"); err == nil {
		response.Body.Close()
		t.Errorf("etcd answers a client of another authority: %s", response.Status)
	}
}

// credentials: everyone else.
func (l *lab) credentials(t *testing.T) {
	const (
		secrets = "/api/v1/namespaces/kube-system/secrets"
		pods    = "/api/v1/namespaces/default/pods"
		roles   = "/apis/rbac.authorization.k8s.io/v1/clusterroles"
		grant   = `{"metadata":{"name":"more"},"rules":[{"apiGroups":["*"],"resources":["*"],"verbs":["*"]}]}`
	)
	reads := []request{{"GET", nodesPath, "", 200}, {"GET", "/api/v1/pods", "", 200}, {"GET", "/api/v1/services", "", 200}}
	everything := append([]request{
		{"GET", secrets, "", 200}, {"GET", roles, "", 200}, {"GET", "/metrics", "", 200},
		{"PATCH", nodesPath + "/w2", `{"metadata":{"labels":{"a":"b"}}}`, 200},
	}, reads...)
	try(t, "administrator", l.admin, everything)
	try(t, "super-admin", l.superAdmin, everything)
	try(t, "scheduler", l.planes[0].as(t, "/etc/kubernetes/scheduler.conf", l.planes[0]), append([]request{
		{"GET", secrets, "", 403},
		{"POST", pods, pod("more", "w1"), 403},
		{"PATCH", nodesPath + "/w1", `{"metadata":{"labels":{"a":"b"}}}`, 403},
		{"GET", "/api/v1/configmaps", "", 403},
		{"POST", roles, grant, 403},
		{"POST", pods + "/on-w1/binding", `{"metadata":{"name":"on-w1"},"target":{"kind":"Node","name":"w2"}}`, 409}, // may bind; this one is bound
	}, reads...))
	// It reads everything, and writes what its controllers' own accounts need.
	try(t, "controller manager", l.planes[0].as(t, "/etc/kubernetes/controller-manager.conf", l.planes[0]), append([]request{
		{"GET", secrets, "", 200},
		{"POST", pods, pod("more", "w1"), 403},
		{"DELETE", nodesPath + "/w2", "", 403},
		{"PATCH", nodesPath + "/w1", `{"metadata":{"labels":{"a":"b"}}}`, 403},
		{"POST", roles, grant, 403},
	}, reads...))
	for name, more := range map[string][]request{
		"kube-proxy": {{"GET", nodesPath, "", 200}, {"GET", "/api/v1/services", "", 200}, {"GET", "/api/v1/pods", "", 403}},
		"coredns":    {{"GET", "/api/v1/services", "", 200}, {"GET", "/api/v1/pods", "", 200}, {"GET", nodesPath, "", 403}},
	} {
		try(t, name, l.nobody(t, l.token(t, name)), append([]request{
			{"GET", "/apis/discovery.k8s.io/v1/endpointslices", "", 200},
			{"GET", secrets, "", 403},
			{"GET", "/api/v1/configmaps", "", 403},
			{"PATCH", nodesPath + "/w1", `{"metadata":{"labels":{"a":"b"}}}`, 403},
			{"POST", roles, grant, 403},
		}, more...))
	}
	l.anonymous(t)
}

// token makes one for a service account of kube-system.
func (l *lab) token(t *testing.T, account string) string {
	t.Helper()
	status, text, err := l.superAdmin.ask(http.MethodPost, "/api/v1/namespaces/kube-system/serviceaccounts/"+account+"/token", `{"spec":{"expirationSeconds":600}}`)
	if err != nil || status != http.StatusCreated {
		t.Fatalf("a token for %s: %d %v %s", account, status, err, message(text))
	}
	var answer struct{ Status struct{ Token string } }
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		t.Fatal(err)
	}
	return answer.Status.Token
}
