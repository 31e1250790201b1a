package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// minor is the Kubernetes that the lab has programs of.
const minor = "1.36"

// onMachines are the programs of a machine, by their names in test/tools, and
// where the bill of materials wants them.
var onMachines = map[string]string{
	"kubelet@" + minor: "opt/bin/kubelet", "kubectl@" + minor: "opt/bin/kubectl", "kubeadm@" + minor: "opt/bin/kubeadm",
	// For control planes and kube-proxy by systemd, and flanneld on the machine.
	"kube-apiserver@" + minor: "opt/bin/kube-apiserver", "kube-controller-manager@" + minor: "opt/bin/kube-controller-manager",
	"kube-scheduler@" + minor: "opt/bin/kube-scheduler", "kube-proxy@" + minor: "opt/bin/kube-proxy", "flanneld": "opt/bin/flanneld",
	"etcd": "opt/bin/etcd", "etcdctl": "opt/bin/etcdctl", "runc": "opt/bin/runc",
	"containerd": "opt/bin/containerd", "ctr": "opt/bin/ctr", "containerd-shim-runc-v2": "opt/bin/containerd-shim-runc-v2",
	"bridge": "opt/cni/bin/bridge", "host-local": "opt/cni/bin/host-local", "portmap": "opt/cni/bin/portmap",
	"loopback": "opt/cni/bin/loopback", "firewall": "opt/cni/bin/firewall",
}

// findPrograms builds or finds every program: those of the machines, those in
// container images, Ignition, and kubespore as it stands in this tree.
func (l *lab) findPrograms(ctx context.Context) (string, error) {
	names := slices.Collect(maps.Keys(onMachines))
	for _, r := range recipes {
		if r.program != "" {
			names = append(names, r.program)
		}
	}
	names = append(names, "ignition")
	slices.Sort(names)
	names = slices.DeleteFunc(slices.Compact(names), func(n string) bool { return n == "pause" })
	c := exec.CommandContext(ctx, filepath.Join(l.tree, "test/tools/tool"), names...)
	c.Stderr = os.Stderr
	out, err := c.Output()
	if err != nil {
		return "", fmt.Errorf("test/tools/tool: %w", err)
	}
	l.tools = map[string]string{}
	for i, path := range strings.Fields(string(out)) {
		l.tools[names[i]] = path
	}
	if l.tools["pause"], err = l.pause(ctx); err != nil {
		return "", err
	}
	// The lab's own: another one may run from another tree.
	l.tools["kubespore"] = filepath.Join(l.dir, "kubespore")
	_, err = command(ctx, "go", "-C", l.tree, "build", "-o", l.tools["kubespore"], "./cmd/kubespore")
	return fmt.Sprintf("%d programs", len(l.tools)), err
}

// pause builds the sandbox's program from Kubernetes' own source.
func (l *lab) pause(ctx context.Context) (string, error) {
	out, err := command(ctx, "go", "-C", filepath.Join(l.tree, "test/tools/kubernetes-"+minor), "list", "-m", "-f", "{{.Dir}}", "k8s.io/kubernetes")
	if err != nil {
		return "", err
	}
	source := filepath.Join(strings.TrimSpace(out), "build/pause/linux/pause.c")
	return l.cached("pause", []string{source}, func(path string) error {
		_, err := command(ctx, "gcc", "-Os", "-static", "-DVERSION=lab", "-o", path, source)
		return err
	})
}
