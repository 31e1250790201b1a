package compile_test

import (
	"fmt"
	"strings"
	"testing"
)

// TestElsewhere: words of other tools are answered by where they are said here.
func TestElsewhere(t *testing.T) {
	const text = `apiVersion: kubespore/v1alpha1
kind: Topology
%s: {}
cluster: {name: t, endpoint: "10.9.0.11:6443"}
kubernetes: {version: v1.36.3}
network: {pods: [10.240.0.0/16], services: [10.96.0.0/16]}
profiles: {%s: {}}
hosts: [{name: c1, roles: [control-plane], address: 10.9.0.11/24}]
`
	for key, want := range map[string]string{
		"sysctls": "{kernel: {sysctls", "registries": "{containerd: {mirrors", "bonds": "kind: bond", "kernelArgs": "{kernel: {arguments", "podSubnet": "network: {pods", "cilium": "{cilium: {manifest", "write_files": "storage.files",
	} {
		if list := checkIn(bad, fmt.Appendf(nil, text, key, "flannel")); len(list) == 0 || list[0].Code != "T004" || !strings.Contains(list[0].Hint, want) {
			t.Errorf("%s: %v", key, list)
		}
	}
	for name, want := range map[string]string{"metallb": "manifests", "kube-vip": "keepalived"} {
		text := strings.Replace(fmt.Sprintf(text, "X", name), "X: {}\n", "", 1)
		if list := checkIn(bad, []byte(text)); len(list) == 0 || list[0].Code != "P002" || !strings.Contains(list[0].Hint, want) {
			t.Errorf("%s: %v", name, list)
		}
	}
}
