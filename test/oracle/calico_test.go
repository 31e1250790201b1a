//go:build oracle

package oracle

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// TestCalicoManifest lets the real kubectl change a manifest of the shape of
// Calico's own, as kubespore-objects does on a control plane: our settings are
// in it, theirs are still there, and the images are those of the bill.
func TestCalicoManifest(t *testing.T) {
	eachMinor(t, func(t *testing.T, minor string) {
		dir := t.TempDir()
		run(t, workspace.kubespore, "build", "../../examples/seeds/003.yaml", "--quiet", "-o", filepath.Join(dir, "out"), "--pki", filepath.Join(dir, "pki"))
		files := cluster{hosts: filepath.Join(dir, "out/hosts")}.files(t, "master")
		const there = "/var/lib/kubespore/manifests/calico.yaml"
		ours := string(files["/etc/kubespore/objects/calico/kustomization.yaml"])
		if !strings.Contains(ours, there) || !strings.Contains(string(files["/etc/kubespore/binaries"]), there+" ") {
			t.Fatalf("nothing brings %s:\n%s", there, ours)
		}
		theirs, err := filepath.Abs("testdata/calico.yaml")
		if own := os.Getenv("CALICO_MANIFEST"); own != "" { // of its makers, which is too large to keep here
			theirs = own
		}
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, "calico/kustomization.yaml"), []byte(strings.ReplaceAll(ours, there, theirs)))
		out := run(t, tool("kubectl@"+minor), "kustomize", "--load-restrictor=LoadRestrictionsNone", filepath.Join(dir, "calico"))

		var node appsv1.DaemonSet
		var config corev1.ConfigMap
		for _, text := range strings.Split(out, "\n---\n") {
			switch {
			case strings.Contains(text, "kind: DaemonSet"):
				err = yaml.Unmarshal([]byte(text), &node)
			case strings.Contains(text, "kind: ConfigMap"):
				err = yaml.Unmarshal([]byte(text), &config)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		env := map[string]corev1.EnvVar{}
		for _, e := range node.Spec.Template.Spec.Containers[0].Env {
			env[e.Name] = e
		}
		for name, want := range map[string]string{"CALICO_IPV4POOL_CIDR": "192.168.0.0/16", "CALICO_IPV4POOL_IPIP": "Always", "CALICO_IPV4POOL_VXLAN": "Never",
			"CALICO_IPV4POOL_NAT_OUTGOING": "true", "IP_AUTODETECTION_METHOD": "kubernetes-internal-ip", "DATASTORE_TYPE": "kubernetes"} {
			if env[name].Value != want {
				t.Errorf("%s is %q, want %q", name, env[name].Value, want)
			}
		}
		if env["NODENAME"].ValueFrom == nil || config.Data["calico_backend"] != "bird" || config.Data["veth_mtu"] != "0" {
			t.Errorf("what we do not change has changed:\n%s", out)
		}
		images := strings.Fields(string(files["/etc/kubespore/images"]))
		for _, want := range []string{"quay.io/calico/node:v3.32.1", "quay.io/calico/cni:v3.32.1", "quay.io/calico/kube-controllers:v3.32.1"} {
			if !strings.Contains(out, "image: "+want+"\n") || !slices.Contains(images, want) {
				t.Errorf("%s is not asked for, or not in the bill of materials:\n%s", want, out)
			}
		}
		// Without what the patches change, kubectl says so rather than apply half.
		if err := os.WriteFile(filepath.Join(dir, "empty.yaml"), []byte("apiVersion: v1\nkind: Namespace\nmetadata: {name: calico}\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, "calico/kustomization.yaml"), []byte(strings.ReplaceAll(ours, there, filepath.Join(dir, "empty.yaml"))))
		if fails(t, tool("kubectl@"+minor), "kustomize", "--load-restrictor=LoadRestrictionsNone", filepath.Join(dir, "calico")) {
			return
		}
		t.Error("kubectl patches what is not there")
	})
}

// fails says whether a program ends with an error.
func fails(t *testing.T, name string, args ...string) bool {
	t.Helper()
	return exec.Command(name, args...).Run() != nil
}
