//go:build oracle

package oracle

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// lab is the cluster of examples/ha.yaml at work, as far as it goes without
// container runtimes: etcd and API server on three control planes, scheduler and
// controller manager on the first.
type lab struct {
	cluster
	planes     []*machine
	w1, w2     *machine
	superAdmin client
	admin      client // the operator's, with the kubeconfig next to the documents
}

// TestCluster starts the control planes with exactly the arguments of their
// static pods and holds who may do what, and what our programs do.
func TestCluster(t *testing.T) {
	needRoot(t)
	eachMinor(t, func(t *testing.T, minor string) {
		l := boot(t, build(t, "ha", minor))
		for _, step := range []struct {
			name string
			test func(*lab, *testing.T)
		}{
			{"before the objects", (*lab).beforeObjects},
			{"objects", (*lab).objects},
			{"objects twice", (*lab).objectsTwice},
			{"leaders", (*lab).leaders},
			{"encryption at rest", (*lab).encryption},
			{"nodes declare themselves", (*lab).nodes},
			{"labels", (*lab).labels},
			{"node credentials", (*lab).nodeCredentials},
			{"rotation", (*lab).rotation},
			{"credentials", (*lab).credentials},
			{"kubeadm", (*lab).kubeadm},
			{"administrator", (*lab).administrator},
		} {
			if !t.Run(step.name, func(t *testing.T) { step.test(l, t) }) {
				return // later steps stand on earlier ones
			}
		}
	})
}

// adminConf is the operator's kubeconfig, next to the documents.
func (c cluster) adminConf() string { return filepath.Join(c.hosts, "../admin.conf") }

// boot starts everything at once, as machines do that are powered on together.
func boot(t *testing.T, c cluster) *lab {
	t.Helper()
	machines := c.machines(t, "cp1", "cp2", "cp3", "w1", "w2")
	l := &lab{cluster: c, planes: machines[:3], w1: machines[3], w2: machines[4]}
	begin := time.Now()
	for _, m := range l.planes {
		start(t, m.pod(t, "etcd"))
	}
	for _, m := range l.planes {
		eventually(t, 20*time.Second, m.host.Name+" has quorum", m.healthy)
	}
	var servers []*process
	for _, m := range l.planes {
		servers = append(servers, start(t, m.pod(t, "kube-apiserver")))
	}
	for i, m := range l.planes {
		own := m.as(t, "/etc/kubernetes/super-admin.conf", m)
		eventually(t, 90*time.Second, "the API server of "+m.host.Name+" is ready", func() error {
			if !servers[i].running() {
				t.Fatalf("the API server of %s has ended", m.host.Name)
			}
			return own.expect(http.StatusOK, http.MethodGet, "/readyz", "")
		})
	}
	t.Logf("three API servers ready after %s", time.Since(begin).Round(10*time.Millisecond))
	start(t, l.planes[0].pod(t, "kube-controller-manager"))
	start(t, l.planes[0].pod(t, "kube-scheduler"))
	l.superAdmin = l.planes[0].as(t, "/etc/kubernetes/super-admin.conf", l.planes[0])
	text, err := os.ReadFile(c.adminConf())
	if err != nil {
		t.Fatal(err)
	}
	l.admin = newClient(t, text, nil, l.planes[0])
	return l
}

// beforeObjects: the operator has no rights before the binding of
// kubeadm:cluster-admins is applied, and no one without credentials ever gets
// more than the three health checks.
func (l *lab) beforeObjects(t *testing.T) {
	if err := l.admin.expect(http.StatusForbidden, http.MethodGet, "/api/v1/nodes", ""); err != nil {
		t.Error(err)
	}
	l.anonymous(t)
}

func (l *lab) anonymous(t *testing.T) {
	nobody := l.nobody(t, "")
	for path, want := range map[string]int{
		"/livez": 200, "/readyz": 200, "/healthz": 200,
		"/": 401, "/version": 401, "/api": 401, "/apis": 401, "/metrics": 401, "/openid/v1/jwks": 401, "/livez/ping": 401,
		"/api/v1/namespaces/kube-public/configmaps/cluster-info": 401, "/api/v1/nodes": 401,
	} {
		if err := nobody.expect(want, http.MethodGet, path, ""); err != nil {
			t.Errorf("anonymous: %v", err)
		}
	}
}

// no one speaks without a certificate.
func (l *lab) nobody(t *testing.T, token string) client {
	return l.superAdmin.with(t, l.planes[0].read(t, pkiDir+"ca.crt"), l.planes[0], token)
}

// objects runs the applier on all control planes at the same time, as their
// first boot does.
func (l *lab) objects(t *testing.T) {
	begin := time.Now()
	var wait sync.WaitGroup
	for _, m := range l.planes {
		c := m.script(t, "kubespore-objects", "/etc/kubespore/objects.env")
		wait.Go(func() {
			if out, err := c.CombinedOutput(); err != nil || bytes.Contains(bytes.ToLower(out), []byte("error")) {
				t.Errorf("kubespore-objects on %s: %v\n%s", m.host.Name, err, tail(out))
			}
		})
	}
	wait.Wait()
	t.Logf("applied on three control planes after %s", time.Since(begin).Round(10*time.Millisecond))
	// kubectl fails when one of them is not there.
	output(t, l.kubectl("get", "--recursive", "--filename=/etc/kubespore/objects", "--output=name"))
}

func (l *lab) kubectl(words ...string) *exec.Cmd {
	return l.planes[0].command(append([]string{"kubectl", "--kubeconfig=/etc/kubernetes/kubespore.conf", "--cache-dir=/run/kubectl"}, words...)...)
}

const generation = "/api/v1/namespaces/kube-system/configmaps/kubespore"

// objectsTwice lets the applier do it all once more: nothing fails, and nothing
// changes.
func (l *lab) objectsTwice(t *testing.T) {
	before := l.versions(t)
	if err := l.superAdmin.expect(http.StatusOK, http.MethodDelete, generation, ""); err != nil {
		t.Fatal(err)
	}
	out := output(t, l.planes[1].script(t, "kubespore-objects", "/etc/kubespore/objects.env"))
	if got := l.superAdmin.get(t, generation, "data", "generation"); got == nil {
		t.Errorf("no generation was recorded:\n%s", out)
	}
	if after := l.versions(t); after != before {
		t.Errorf("objects changed when they were applied again:\n%s\nbefore\n%s", after, before)
	}
}

// versions tells whether the objects of this build have been changed. Status
// does not count.
func (l *lab) versions(t *testing.T) string {
	return output(t, l.kubectl("get", "--recursive", "--filename=/etc/kubespore/objects",
		`--output=jsonpath={range .items[*]}{.kind}/{.metadata.name} {.metadata.uid} {.metadata.generation} {.data} {.rules} {.subjects}{"\n"}{end}`))
}

// leaders: scheduler and controller manager have taken their leases.
func (l *lab) leaders(t *testing.T) {
	for _, name := range []string{"kube-scheduler", "kube-controller-manager"} {
		eventually(t, 30*time.Second, name+" leads", func() error {
			holder := l.superAdmin.get(t, "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/"+name, "spec", "holderIdentity")
			if text, _ := holder.(string); text == "" {
				return fmt.Errorf("nobody holds the lease")
			}
			return nil
		})
	}
}

// encryption: a Secret is in etcd, but cannot be read there, while another API
// server reads it with the same key. A ConfigMap shows that the test would see
// it if it could be read.
func (l *lab) encryption(t *testing.T) {
	const plain = "correct-horse-battery-staple"
	for kind, body := range map[string]string{
		"secrets":    fmt.Sprintf(`{"metadata":{"name":"hidden"},"data":{"x":%q}}`, base64.StdEncoding.EncodeToString([]byte(plain))),
		"configmaps": fmt.Sprintf(`{"metadata":{"name":"hidden"},"data":{"x":%q}}`, plain),
	} {
		if err := l.superAdmin.expect(http.StatusCreated, http.MethodPost, "/api/v1/namespaces/default/"+kind, body); err != nil {
			t.Fatal(err)
		}
	}
	if raw := output(t, l.planes[2].etcdctl("get", "/registry/configmaps/default/hidden")); !strings.Contains(raw, plain) {
		t.Errorf("a ConfigMap cannot be read in etcd: this test sees nothing")
	}
	raw := output(t, l.planes[2].etcdctl("get", "/registry/secrets/default/hidden"))
	if strings.Contains(raw, plain) || !strings.Contains(raw, "k8s:enc:secretbox:v1:key1:") {
		t.Errorf("a Secret lies in etcd as %d bytes that begin %.60q", len(raw), raw)
	}
	other := l.planes[1].as(t, "/etc/kubernetes/kubespore.conf", l.planes[1])
	if got := other.get(t, "/api/v1/namespaces/default/secrets/hidden", "data", "x"); got != base64.StdEncoding.EncodeToString([]byte(plain)) {
		t.Errorf("the API server of cp2 reads the Secret as %v", got)
	}
}

// kubeadm finds in the cluster what it needs later: with the operator's
// kubeconfig, at the virtual address, which cp1 holds here.
func (l *lab) kubeadm(t *testing.T) {
	cp1 := l.planes[0]
	virtual := fmt.Sprintf("%s/%d", l.Cluster.Endpoint.Host, cp1.host.Addresses[0].Bits())
	output(t, cp1.command("ip", "addr", "add", virtual, "dev", "eth0"))
	l.mirror(t, cp1)
	text, err := os.ReadFile(l.adminConf())
	if err != nil {
		t.Fatal(err)
	}
	const credential = "/root/admin.conf"
	write(t, cp1.path(credential), text)
	table := output(t, cp1.command("kubeadm", "certs", "check-expiration", "--kubeconfig="+credential))
	if got := missing(table); !slices.Equal(got, []string{"admin.conf", "super-admin.conf"}) {
		t.Errorf("with the configuration of the cluster kubeadm misses %q:\n%s", got, table)
	}
	join := output(t, cp1.command("kubeadm", "token", "create", "--print-join-command", "--kubeconfig="+credential))
	if want := "kubeadm join " + hostport(l.Cluster.Endpoint.Host, l.Cluster.Endpoint.Port) + " "; !strings.HasPrefix(join, want) {
		t.Errorf("kubeadm says %q, want %q", join, want)
	}
}

// mirror posts the Pod by which the kubelet shows the cluster a static pod.
// kubeadm reads the address of the API server there.
func (l *lab) mirror(t *testing.T, m *machine) {
	t.Helper()
	var pod map[string]any
	if err := yaml.Unmarshal(m.read(t, manifestDir+"kube-apiserver.yaml"), &pod); err != nil {
		t.Fatal(err)
	}
	u := unstructured.Unstructured{Object: pod}
	u.SetName(u.GetName() + "-" + m.host.Name)
	if err := unstructured.SetNestedField(pod, m.host.Name, "spec", "nodeName"); err != nil {
		t.Fatal(err)
	}
	body, err := u.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	if err := l.superAdmin.expect(http.StatusCreated, http.MethodPost, "/api/v1/namespaces/kube-system/pods", string(body)); err != nil {
		t.Fatal(err)
	}
}

// administrator: what an administrator changes stays, when the applier starts
// again and when a newer build is applied.
func (l *lab) administrator(t *testing.T) {
	const coredns, corefile = "/apis/apps/v1/namespaces/kube-system/deployments/coredns", "/api/v1/namespaces/kube-system/configmaps/coredns"
	if err := l.admin.expect(http.StatusOK, http.MethodPatch, coredns, `{"spec":{"replicas":5}}`); err != nil {
		t.Fatal(err)
	}
	if err := l.admin.expect(http.StatusOK, http.MethodPatch, corefile, `{"data":{"Corefile":"changed"}}`); err != nil {
		t.Fatal(err)
	}
	again := l.planes[2].script(t, "kubespore-objects", "/etc/kubespore/objects.env")
	output(t, again)
	newer := l.planes[2].script(t, "kubespore-objects", "/etc/kubespore/objects.env")
	newer.Env = append(newer.Env, "GENERATION=1000")
	output(t, newer)
	if got := l.superAdmin.get(t, generation, "data", "generation"); got != "1000" {
		t.Errorf("the cluster holds generation %v", got)
	}
	if got := l.superAdmin.get(t, coredns, "spec", "replicas"); got != 5.0 {
		t.Errorf("CoreDNS has %v replicas, not the administrator's 5", got)
	}
	if got := l.superAdmin.get(t, corefile, "data", "Corefile"); got != "changed" {
		t.Errorf("the Corefile is %v, not the administrator's", got)
	}
}
