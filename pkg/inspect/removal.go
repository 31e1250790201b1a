package inspect

import (
	"fmt"

	"github.com/kubespore/kubespore/pkg/document"
)

// Files that tell a node and a member of etcd from other machines.
const (
	kubeletConfig = "/var/lib/kubelet/config.yaml"
	etcdPeer      = "/etc/kubernetes/pki/etcd/peer.crt"
)

// removal says what the going of a host asks of the operator, step by step. No
// build can do any of it: the cluster remembers the machine, and the machine its
// keys.
func removal(old *document.Document) ([]string, error) {
	entries, err := old.Entries()
	if err != nil {
		return nil, fmt.Errorf("the last document of %s: %w", old.Host, err)
	}
	paths := map[string]bool{}
	for _, e := range entries {
		paths[e.Path] = true
	}
	var out []string
	if paths[kubeletConfig] {
		out = append(out, fmt.Sprintf("kubectl drain %s --ignore-daemonsets --delete-emptydir-data", old.Host))
	}
	if paths[etcdPeer] {
		out = append(out, fmt.Sprintf("on another member of etcd: etcdctl member remove $(etcdctl member list | sed -n 's/, started, %s, .*//p')", old.Host))
	}
	if paths[kubeletConfig] {
		out = append(out, "kubectl delete node "+old.Host)
	}
	return append(out, fmt.Sprintf("on %s: kubespore-reset %[1]s, or erase its disks: nothing revokes the keys on them", old.Host)), nil
}
