package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// minor is the Kubernetes that the lab has programs of.
const minor = "1.36"

// onMachines are programs of machines, by their names in test/tools, and
// where the bill of materials wants them.
var onMachines = map[string]string{
	"kubelet@" + minor: "opt/bin/kubelet", "kubectl@" + minor: "opt/bin/kubectl", "kubeadm@" + minor: "opt/bin/kubeadm",
	// For control planes and kube-proxy by systemd, and flanneld on the machine.
	"kube-apiserver@" + minor: "opt/bin/kube-apiserver", "kube-controller-manager@" + minor: "opt/bin/kube-controller-manager",
	"kube-scheduler@" + minor: "opt/bin/kube-scheduler", "kube-proxy@" + minor: "opt/bin/kube-proxy", "flanneld": "opt/bin/flanneld",
	"registry":    "opt/bin/registry",
	"cri-dockerd": "opt/bin/cri-dockerd",
	"etcd":        "opt/bin/etcd", "etcdctl": "opt/bin/etcdctl", "runc": "opt/bin/runc",
	"containerd": "opt/bin/containerd", "ctr": "opt/bin/ctr", "containerd-shim-runc-v2": "opt/bin/containerd-shim-runc-v2",
	"bridge": "opt/cni/bin/bridge", "host-local": "opt/cni/bin/host-local", "portmap": "opt/cni/bin/portmap",
	"loopback": "opt/cni/bin/loopback",
}

// fromDebian are programs of machines that come out of Debian's packages: where
// the bill of materials wants each, the package and the file in it.
var fromDebian = map[string][]string{
	"opt/bin/dockerd":      {"docker.io", "usr/sbin/dockerd"},
	"opt/bin/docker":       {"docker.io", "usr/bin/docker"},
	"opt/bin/docker-proxy": {"docker.io", "usr/sbin/docker-proxy"},
	"opt/bin/docker-init":  {"tini", "usr/bin/tini-static"},
}

// itsOwn are the programs that the lab itself runs.
var itsOwn = []string{"ignition", "kubectl@" + minor, "containerd", "ctr"}

// buildKubespore builds the product as it stands in this tree. It is the lab's
// own: another one may run from another tree.
func (l *lab) buildKubespore(ctx context.Context) (string, error) {
	l.tools = map[string]string{"kubespore": filepath.Join(l.dir, "kubespore")}
	_, err := command(ctx, "go", "-C", l.tree, "build", "-o", l.tools["kubespore"], "./cmd/kubespore")
	return "", err
}

// findPrograms builds or finds the programs that the documents name, those in
// container images, and the lab's own.
func (l *lab) findPrograms(ctx context.Context) (string, error) {
	names, err := l.wantedPrograms()
	if err != nil {
		return "", err
	}
	c := exec.CommandContext(ctx, filepath.Join(l.tree, "test/tools/tool"), names...)
	c.Stderr = os.Stderr
	out, err := c.Output()
	if err != nil {
		return "", fmt.Errorf("test/tools/tool: %w", err)
	}
	for i, path := range strings.Fields(string(out)) {
		l.tools[names[i]] = path
	}
	l.tools["pause"], err = l.pause(ctx)
	return fmt.Sprintf("%d programs", len(l.tools)), err
}

// wantedPrograms are the names in test/tools of what the documents of all
// scenarios name, and of what the lab needs to make images and machines.
func (l *lab) wantedPrograms() ([]string, error) {
	paths, err := l.listed("/etc/kubespore/binaries")
	if err != nil {
		return nil, err
	}
	images, err := l.wantedImages()
	if err != nil {
		return nil, err
	}
	names := slices.Clone(itsOwn)
	for name, path := range onMachines {
		if slices.Contains(paths, "/"+path) {
			names = append(names, name)
		}
	}
	for _, ref := range images {
		if r := recipes[shortName(ref)]; r.program != "" && r.program != "pause" {
			names = append(names, r.program)
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// programsAt gives the files of this machine that lie in machines, by where they
// lie there.
func (l *lab) programsAt(ctx context.Context) (map[string]string, error) {
	at := map[string]string{}
	for name, path := range onMachines {
		if l.tools[name] != "" {
			at[path] = l.tools[name]
		}
	}
	paths, err := l.listed("/etc/kubespore/binaries")
	if err != nil {
		return nil, err
	}
	for path, file := range fromDebian {
		if !slices.Contains(paths, "/"+path) {
			continue
		}
		found, err := command(ctx, filepath.Join(l.tree, "test/tools/deb"), file...)
		if err != nil {
			return nil, err
		}
		at[path] = strings.TrimSpace(lastLines(found, 1))
	}
	return at, nil
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
