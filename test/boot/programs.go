package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// minor is the Kubernetes of the lab's own kubectl.
const minor = "1.37"

// onMachines are programs of machines, by their names in test/tools, and
// where the bill of materials wants them. A name that ends in @ lacks the minor
// of Kubernetes that the machine's topology asks for.
var onMachines = map[string]string{
	"kubelet@": "opt/bin/kubelet", "kubectl@": "opt/bin/kubectl", "kubeadm@": "opt/bin/kubeadm",
	// For control planes and kube-proxy by systemd, and flanneld on the machine.
	"kube-apiserver@": "opt/bin/kube-apiserver", "kube-controller-manager@": "opt/bin/kube-controller-manager",
	"kube-scheduler@": "opt/bin/kube-scheduler", "kube-proxy@": "opt/bin/kube-proxy", "flanneld": "opt/bin/flanneld",
	"registry":    "opt/bin/registry",
	"cri-dockerd": "opt/bin/cri-dockerd", "dockerd": "opt/bin/dockerd", "docker-proxy": "opt/bin/docker-proxy",
	"etcd": "opt/bin/etcd", "etcdctl": "opt/bin/etcdctl", "runc": "opt/bin/runc",
	"containerd": "opt/bin/containerd", "ctr": "opt/bin/ctr", "containerd-shim-runc-v2": "opt/bin/containerd-shim-runc-v2",
	"bridge": "opt/cni/bin/bridge", "host-local": "opt/cni/bin/host-local", "portmap": "opt/cni/bin/portmap",
	"loopback": "opt/cni/bin/loopback",
}

// fromDebian are programs of machines that come out of Debian's packages: where
// the bill of materials wants each, the package and the file in it.
var fromDebian = map[string][]string{
	"opt/bin/docker":      {"docker.io", "usr/bin/docker"},
	"opt/bin/docker-init": {"tini", "usr/bin/tini-static"},
}

// itsOwn are the programs that the lab itself runs.
var itsOwn = []string{"ignition", "kubectl@" + minor, "containerd", "ctr"}

// of completes the name of a program with a minor, where it lacks one.
func of(minor, name string) string {
	if strings.HasSuffix(name, "@") {
		return name + minor
	}
	return name
}

// minorOf gives the minor of a version such as v1.36.3.
func minorOf(version string) (string, error) {
	parts := strings.Split(strings.TrimPrefix(version, "v"), ".")
	if len(parts) != 3 {
		return "", fmt.Errorf("%q is not a version of Kubernetes", version)
	}
	return parts[0] + "." + parts[1], nil
}

// minorsOf are the minors that runs ask for, each once.
func minorsOf(runs []*run) ([]string, error) {
	var minors []string
	for _, r := range runs {
		m, err := r.minor()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", r.Name, err)
		}
		minors = append(minors, m)
	}
	slices.Sort(minors)
	return slices.Compact(minors), nil
}

// buildKubespore builds the product as it stands in this tree. It is the lab's
// own: another one may run from another tree.
func (l *lab) buildKubespore(ctx context.Context) (string, error) {
	l.tools = map[string]string{"kubespore": filepath.Join(l.dir, "kubespore")}
	_, err := command(ctx, "go", "-C", l.tree, "build", "-o", l.tools["kubespore"], "./cmd/kubespore")
	return "", err
}

// findPrograms builds or finds the programs that the documents name, those in
// container images, and the lab's own.
func (l *lab) findPrograms(ctx context.Context, runs []*run) (string, error) {
	minors, err := minorsOf(runs)
	if err != nil {
		return "", err
	}
	names, err := l.wantedPrograms(minors)
	if err != nil {
		return "", err
	}
	for _, r := range runs {
		names = append(names, r.otherPrograms()...)
	}
	c := program(ctx, filepath.Join(l.tree, "test/tools/tool"), names...)
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
func (l *lab) wantedPrograms(minors []string) ([]string, error) {
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
			for _, minor := range minors {
				names = append(names, of(minor, name))
			}
		}
	}
	for _, ref := range images {
		r, err := recipeOf(ref)
		if err != nil {
			return nil, err
		}
		if r.program != "" && r.program != "pause" {
			names = append(names, r.program)
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// programsAt gives the files of this machine that lie in machines with a minor of
// Kubernetes, by where they lie there.
func (l *lab) programsAt(ctx context.Context, minor string) (map[string]string, error) {
	at := map[string]string{}
	for name, path := range onMachines {
		if program := l.tools[of(minor, name)]; program != "" {
			at[path] = program
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
	folder, err := l.moduleFolder(ctx, "kubernetes-"+minor, "k8s.io/kubernetes")
	if err != nil {
		return "", err
	}
	source := filepath.Join(folder, "build/pause/linux/pause.c")
	return l.cached("pause", []string{source}, func(path string) error {
		_, err := command(ctx, "gcc", "-Os", "-static", "-DVERSION=lab", "-o", path, source)
		return err
	})
}

// moduleFolder is where the source is of a module that a tool is built from. It is
// fetched where it is not: the tool may come from the cache.
func (l *lab) moduleFolder(ctx context.Context, tool, module string) (string, error) {
	out, err := command(ctx, "go", "-C", filepath.Join(l.tree, "test/tools", tool), "mod", "download", "-json", module)
	if err != nil {
		return "", err
	}
	var found struct{ Dir string }
	if err := json.Unmarshal([]byte(out), &found); err != nil || found.Dir == "" {
		return "", fmt.Errorf("the module %s has no folder: %s", module, out)
	}
	return found.Dir, nil
}
