//go:build oracle

package oracle

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// TestCiliumManifest lets the real kubectl change what helm makes of Cilium's chart, as
// kubespore-objects does on a control plane: what speaks to the API server does so at
// the address that every machine dials, no node runs two operators, all else is as it
// was, and every image is in the bill.
func TestCiliumManifest(t *testing.T) {
	eachMinor(t, func(t *testing.T, minor string) {
		const topology = "../../testdata/good/cilium.yaml"
		theirs := contents(t, "../../testdata/good/files/cilium.yaml")
		if own := os.Getenv("CILIUM_MANIFEST"); own != "" { // a real rendering, which nothing here can make
			theirs = contents(t, own)
		}
		c := buildText(t, "cilium", minor, contents(t, topology), tree{"files/cilium.yaml": theirs})
		files := c.files(t, "c1")
		const folder = "/etc/kubespore/objects/cilium/"
		if got := files[folder+"base/manifest.yaml"]; string(got) != string(theirs) {
			t.Fatalf("the file of the user is not what it was:\n%s", got)
		}
		dir := t.TempDir()
		write(t, filepath.Join(dir, "kustomization.yaml"), files[folder+"kustomization.yaml"])
		write(t, filepath.Join(dir, "base/manifest.yaml"), theirs)
		out := run(t, tool("kubectl@"+minor), "kustomize", "--load-restrictor=LoadRestrictionsNone", dir)

		before, after := workloads(t, string(theirs)), workloads(t, out)
		if len(before) != len(after) || len(after) < 3 {
			t.Fatalf("%d of %d workloads are left", len(after), len(before))
		}
		images := strings.Fields(string(files["/etc/kubespore/images"]))
		for name, w := range after {
			pod := w.Spec.Template.Spec
			for _, container := range slices.Concat(pod.InitContainers, pod.Containers) {
				dials := slices.ContainsFunc(container.Env, func(e corev1.EnvVar) bool {
					return e.Name == "KUBERNETES_SERVICE_HOST" && e.Value == "10.9.0.11" && e.ValueFrom == nil
				})
				if dials != pod.HostNetwork {
					t.Errorf("%s: %s has the environment %v", name, container.Name, container.Env)
				}
				if !slices.Contains(images, container.Image) {
					t.Errorf("%s is not in the bill of materials", container.Image)
				}
			}
			was := before[name].Spec.Template.Spec
			if len(pod.Containers) != len(was.Containers) || len(pod.InitContainers) != len(was.InitContainers) || len(pod.Volumes) != len(was.Volumes) || len(pod.Containers[0].Args) != len(was.Containers[0].Args) {
				t.Errorf("what is not changed has changed in %s:\n%s", name, out)
			}
		}
		if n := after["Deployment/cilium-operator"].Spec.Replicas; n == nil || *n != 1 {
			t.Errorf("one node is to run %v operators", n)
		}
	})
}

// TestCiliumApplied lets a real API server take what kubespore-objects makes of the
// manifest of the user, and nothing of the manifest as it is.
func TestCiliumApplied(t *testing.T) {
	needRoot(t)
	eachMinor(t, func(t *testing.T, minor string) {
		c := buildText(t, "cilium-applied", minor, contents(t, "../../testdata/good/cilium.yaml"),
			tree{"files/cilium.yaml": contents(t, "../../testdata/good/files/cilium.yaml")})
		m := c.machines(t, "c1")[0]
		start(t, m.pod(t, "etcd"))
		start(t, m.pod(t, "kube-apiserver"))
		api := m.as(t, "/etc/kubernetes/super-admin.conf", m)
		eventually(t, 90*time.Second, "the API server is ready", func() error { return api.expect(http.StatusOK, http.MethodGet, "/readyz", "") })
		eventually(t, 60*time.Second, "kubespore-objects succeeds", func() error {
			if out, err := m.script(t, "kubespore-objects", "/etc/kubespore/objects.env").CombinedOutput(); err != nil {
				return fmt.Errorf("%w\n%s", err, tail(out))
			}
			return nil
		})
		for _, path := range []string{"daemonsets/cilium", "daemonsets/cilium-envoy", "deployments/cilium-operator", "deployments/hubble-relay"} {
			host := strings.Contains(path, "cilium")
			object := fmt.Sprint(api.get(t, "/apis/apps/v1/namespaces/kube-system/"+path, "spec"))
			if dials := strings.Contains(object, "name:KUBERNETES_SERVICE_HOST value:10.9.0.11"); dials != host || strings.Contains(object, "configMapKeyRef") {
				t.Errorf("%s is %s", path, object)
			}
		}
		if n := fmt.Sprint(api.get(t, "/apis/apps/v1/namespaces/kube-system/deployments/cilium-operator", "spec", "replicas")); n != "1" {
			t.Errorf("one node is to run %s operators", n)
		}
		if ipam := api.get(t, "/api/v1/namespaces/kube-system/configmaps/cilium-config", "data", "ipam"); ipam != "kubernetes" {
			t.Errorf("the configuration has ipam %v", ipam)
		}
	})
}

// workload is what Deployments, DaemonSets and Jobs have in common.
type workload struct {
	Kind     string
	Metadata struct{ Name string }
	Spec     struct {
		Replicas *int
		Template *corev1.PodTemplateSpec
	}
}

// workloads reads those of a file, by kind and name.
func workloads(t *testing.T, text string) map[string]workload {
	t.Helper()
	out := map[string]workload{}
	for _, one := range strings.Split(text, "\n---\n") {
		var w workload
		if err := yaml.Unmarshal([]byte(one), &w); err != nil {
			t.Fatal(err)
		}
		if w.Spec.Template != nil {
			out[w.Kind+"/"+w.Metadata.Name] = w
		}
	}
	return out
}
