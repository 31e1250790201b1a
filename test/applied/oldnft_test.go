//go:build real

package applied

import (
	"path/filepath"
	"slices"
	"testing"
)

// TestOldNft: what nft of Debian 13 makes of our tables can be read by nft 1.0.6, which
// is in images of kube-proxy and lists all sets of the machine before it writes its own:
// of what newer ones note of types and maps it crashes (kubernetes/kubernetes#136786).
func TestOldNft(t *testing.T) {
	needRoot(t)
	t.Parallel()
	old := newLayerOf(t, "cloud-init")
	var found []string
	for topology, host := range map[string]string{"../../examples/single.yaml": "node1", "../boot/topologies/bridged.yaml": "cp1"} {
		l := newLayerOf(t, "debian-13")
		apply(t, l.root, filepath.Join(build(t, topology).hosts, host, "config.ign"))
		tables, err := filepath.Glob(filepath.Join(l.root, "etc/kubespore/*.nft"))
		if err != nil {
			t.Fatal(err)
		}
		for _, table := range tables {
			found = append(found, filepath.Base(table))
			run(t, "unshare", "--net", "bash", "-euc", `
				chroot "$1" nft -f "/etc/kubespore/$3"
				chroot "$2" nft list ruleset >"$2/listed"
				grep -q "table inet kubespore" "$2/listed"
			`, "run", l.root, old.root, filepath.Base(table))
		}
	}
	for _, name := range []string{"firewall.nft", "firewall-shut.nft", "pods.nft"} {
		if !slices.Contains(found, name) {
			t.Errorf("no document has %s", name)
		}
	}
}
