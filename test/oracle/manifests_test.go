//go:build oracle

package oracle

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// A user's own objects: one of a kind that comes only with the
// file after it, and a Service.
const (
	entryPoint = `apiVersion: example.org/v1
kind: EntryPoint
metadata: {name: web, namespace: ingress}
spec: {port: 8000}
`
	entryPointKind = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: entrypoints.example.org}
spec:
  group: example.org
  names: {kind: EntryPoint, plural: entrypoints}
  scope: Namespaced
  versions:
    - name: v1
      served: true
      storage: true
      schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {port: {type: integer}}}}}}
---
apiVersion: v1
kind: Service
metadata: {name: traefik, namespace: ingress}
spec:
  selector: {app: traefik}
  ports: [{name: web, port: 80, targetPort: web}]
`
)

// TestManifests applies the ingress controller of examples/manifests to a real
// API server, as a control plane does with a user's manifests, and uses what
// came of it, up to the pod that a kubelet would start.
func TestManifests(t *testing.T) {
	needRoot(t)
	eachMinor(t, func(t *testing.T, minor string) {
		text := bytes.Replace(contents(t, "../../examples/single.yaml"), []byte("\nprofiles:\n"),
			[]byte("\nprofiles:\n  manifests: {files: [manifests/ingress.yaml, manifests/entry.yaml, manifests/entry-kind.yaml]}\n"), 1)
		c := buildText(t, "manifests", minor, text, tree{
			"manifests/ingress.yaml":    contents(t, "../../examples/manifests/ingress.yaml"),
			"manifests/entry.yaml":      []byte(entryPoint),
			"manifests/entry-kind.yaml": []byte(entryPointKind),
		})
		m := c.machines(t, "node1")[0]
		start(t, m.pod(t, "etcd"))
		start(t, m.pod(t, "kube-apiserver"))
		api := m.as(t, "/etc/kubernetes/super-admin.conf", m)
		eventually(t, 90*time.Second, "the API server is ready", func() error { return api.expect(http.StatusOK, http.MethodGet, "/readyz", "") })
		start(t, m.pod(t, "kube-controller-manager"))
		m.applyManifests(t)
		m.useManifests(t, api)
	})
}

const userManifests = "--filename=/etc/kubespore/objects/manifests"

func (m *machine) kubectl(args ...string) []byte {
	out, err := m.command(append([]string{"kubectl", "--kubeconfig=/etc/kubernetes/kubespore.conf", "--cache-dir=/run/kubectl"}, args...)...).CombinedOutput()
	if err != nil {
		return fmt.Appendf(nil, "%v: %s", err, out)
	}
	return out
}

// applyManifests runs the applier as its unit does, until it succeeds: the kind
// that it does not know at first it has then applied itself, maybe in the same run.
func (m *machine) applyManifests(t *testing.T) {
	t.Helper()
	out, err := m.script(t, "kubespore-objects", "/etc/kubespore/objects.env").CombinedOutput()
	if !strings.Contains(string(out), "EntryPoint") {
		t.Errorf("an object without its kind: %v\n%s", err, tail(out))
	}
	eventually(t, 30*time.Second, "kubespore-objects succeeds", func() error {
		if out, err := m.script(t, "kubespore-objects", "/etc/kubespore/objects.env").CombinedOutput(); err != nil {
			return fmt.Errorf("%w\n%s", err, tail(out))
		}
		return nil
	})
	var list unstructured.UnstructuredList
	text := m.kubectl("get", userManifests, "--output=json", "--show-managed-fields")
	if err := json.Unmarshal(text, &list); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	var kinds []string
	for _, o := range list.Items {
		kinds = append(kinds, o.GetKind())
		// The namespace and the service account have only their names, which no one manages.
		if o.GetKind() != "Namespace" && o.GetKind() != "ServiceAccount" && !slices.ContainsFunc(o.GetManagedFields(), func(f metav1.ManagedFieldsEntry) bool {
			return f.Manager == "kubespore" && f.Operation == metav1.ManagedFieldsOperationApply
		}) {
			t.Errorf("%s %s was not applied by kubespore: %v", o.GetKind(), o.GetName(), o.GetManagedFields())
		}
	}
	slices.Sort(kinds)
	if want := []string{"ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition", "DaemonSet", "EntryPoint", "IngressClass", "Namespace", "Service", "ServiceAccount"}; !slices.Equal(kinds, want) {
		t.Errorf("the cluster holds %q, not %q", kinds, want)
	}
}

// useManifests sees that the cluster does what the manifests are for.
func (m *machine) useManifests(t *testing.T, api client) {
	t.Helper()
	for question, want := range map[string]string{"list ingresses": "yes", "list secrets": "yes", "update ingresses --subresource=status": "yes", "delete secrets": "no", "create pods": "no"} {
		args := append([]string{"auth", "can-i", "--all-namespaces", "--as=system:serviceaccount:ingress:traefik"}, strings.Fields(question)...)
		if got := m.kubectl(args...); !slices.Contains(strings.Fields(string(got)), want) {
			t.Errorf("may the controller %s? %s", question, got)
		}
	}
	const ingresses = "/apis/networking.k8s.io/v1/namespaces/default/ingresses"
	if err := api.expect(http.StatusCreated, http.MethodPost, ingresses, `{"metadata":{"name":"shop"},"spec":{"defaultBackend":{"service":{"name":"shop","port":{"number":80}}}}}`); err != nil {
		t.Fatal(err)
	}
	if class := api.get(t, ingresses+"/shop", "spec", "ingressClassName"); class != "traefik" {
		t.Errorf("an Ingress that names no class gets %v", class)
	}
	if err := api.expect(http.StatusCreated, http.MethodPost, nodesPath, node("node1")); err != nil {
		t.Fatal(err)
	}
	eventually(t, 60*time.Second, "the DaemonSet makes a pod", func() error {
		pods, _ := api.get(t, "/api/v1/namespaces/ingress/pods", "items").([]any)
		if len(pods) != 1 {
			return fmt.Errorf("%d pods: %s", len(pods), m.kubectl("describe", "--namespace=ingress", "daemonset", "traefik"))
		}
		pod := pods[0].(map[string]any)
		spec, _, _ := unstructured.NestedMap(pod, "spec")
		if spec["serviceAccountName"] != "traefik" {
			t.Errorf("the pod is %v", pod)
		}
		if text := fmt.Sprint(spec); !strings.Contains(text, "hostPort:80") || !strings.Contains(text, "kube-api-access") || !strings.Contains(text, "image:docker.io/library/traefik:") {
			t.Errorf("the pod is %s", text)
		}
		return nil
	})
}
