//go:build oracle

package oracle

import (
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// TestCheckExpiration lets kubeadm look at the certificates of control planes
// that Ignition has written. It misses only what custody keeps from the machine.
func TestCheckExpiration(t *testing.T) {
	needRoot(t)
	for _, example := range []string{"ha", "external-etcd"} {
		eachMinor(t, func(t *testing.T, minor string) {
			built := build(t, example, minor)
			m := built.machines(t, "cp1")[0]
			files := built.files(t, "cp1")
			write(t, m.path("/root/kubeadm.yaml"), clusterConfiguration(t, files))
			table := output(t, m.command("kubeadm", "certs", "check-expiration", "--config=/root/kubeadm.yaml"))
			if got := missing(table); !slices.Equal(got, []string{"admin.conf"}) {
				t.Errorf("kubeadm misses %q, want admin.conf alone:\n%s", got, table)
			}
		})
	}
}

// clusterConfiguration gives what the cluster will tell kubeadm about itself.
func clusterConfiguration(t *testing.T, files tree) []byte {
	t.Helper()
	var object struct {
		Data struct{ ClusterConfiguration string }
	}
	if err := yaml.Unmarshal(files["/etc/kubespore/objects/kubeadm/kubeadm-config.yaml"], &object); err != nil {
		t.Fatal(err)
	}
	return []byte(object.Data.ClusterConfiguration)
}

// missing gives the certificates that kubeadm looks for in vain.
func missing(table string) []string {
	var out []string
	for line := range strings.Lines(table) {
		if rest, ok := strings.CutPrefix(line, "!MISSING! "); ok {
			out = append(out, strings.TrimSpace(rest))
		}
	}
	return out
}
