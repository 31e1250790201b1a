package imaging

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kubespore/kubespore/test/boot/lab"
	"github.com/kubespore/kubespore/test/boot/process"
)

// onMachines are programs of machines, by their names in test/tools, and
// where the bill of materials wants them. A name that ends in @ lacks the minor
// of Kubernetes that the machine's topology names.
var onMachines = map[string]string{
	"kubelet@": "opt/bin/kubelet", "kubectl@": "opt/bin/kubectl", "kubeadm@": "opt/bin/kubeadm",
	// For control planes and kube-proxy by systemd, and flanneld on the machine.
	"kube-apiserver@": "opt/bin/kube-apiserver", "kube-controller-manager@": "opt/bin/kube-controller-manager",
	"kube-scheduler@": "opt/bin/kube-scheduler", "kube-proxy@": "opt/bin/kube-proxy", "flanneld": "opt/bin/flanneld",
	"registry":    "opt/bin/registry",
	"cri-dockerd": "opt/bin/cri-dockerd", "dockerd": "opt/bin/dockerd", "docker-proxy": "opt/bin/docker-proxy",
	"etcd": "opt/bin/etcd", "etcdctl": "opt/bin/etcdctl", "etcdutl": "opt/bin/etcdutl", "runc": "opt/bin/runc",
	"containerd": "opt/bin/containerd", "ctr": "opt/bin/ctr", "containerd-shim-runc-v2": "opt/bin/containerd-shim-runc-v2",
	"crio": "opt/bin/crio", "pinns": "opt/bin/pinns", "crictl": "opt/bin/crictl",
	"bridge": "opt/cni/bin/bridge", "host-local": "opt/cni/bin/host-local", "portmap": "opt/cni/bin/portmap",
	"loopback": "opt/cni/bin/loopback",
}

// fromDebian are programs of machines that come out of Debian's packages: where
// the bill of materials wants each, the package and the file in it.
var fromDebian = map[string][]string{
	"opt/bin/docker":      {"docker.io", "usr/bin/docker"},
	"opt/bin/docker-init": {"tini", "usr/bin/tini-static"},
	"opt/bin/conmon":      {"conmon", "usr/bin/conmon"},
	"opt/bin/skopeo":      {"skopeo", "usr/bin/skopeo"},
}

// itsOwn are the programs that the lab itself runs.
var itsOwn = []string{"ignition", "kubectl@" + lab.Minor, "containerd", "ctr"}

// of completes the name of a program with a minor, where it lacks one.
func of(minor, name string) string {
	if strings.HasSuffix(name, "@") {
		return name + minor
	}
	return name
}

// minorsOf are the minors that runs need, each once.
func minorsOf(runs []*lab.Run) ([]string, error) {
	var minors []string
	for _, r := range runs {
		m, err := r.Minor()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", r.Name, err)
		}
		minors = append(minors, m)
	}
	slices.Sort(minors)
	return slices.Compact(minors), nil
}

// BuildKubespore builds the product as it stands in this tree. It is the lab's
// own: another one may run from another tree.
func BuildKubespore(ctx context.Context, l *lab.Lab) (string, error) {
	l.Tools = map[string]string{"kubespore": filepath.Join(l.Dir, "kubespore")}
	_, err := process.Run(ctx, "go", "-C", l.Tree, "build", "-o", l.Tools["kubespore"], "./cmd/kubespore")
	return "", err
}

// FindPrograms builds or finds the programs that the documents name, those in
// container images, and the lab's own.
func FindPrograms(ctx context.Context, l *lab.Lab, runs []*lab.Run) (string, error) {
	minors, err := minorsOf(runs)
	if err != nil {
		return "", err
	}
	names, err := wantedPrograms(l, minors)
	if err != nil {
		return "", err
	}
	for _, r := range runs {
		names = append(names, r.OtherPrograms()...)
	}
	c := process.Command(ctx, filepath.Join(l.Tree, "test/tools/tool"), names...)
	c.Stderr = os.Stderr
	out, err := c.Output()
	if err != nil {
		return "", fmt.Errorf("test/tools/tool: %w", err)
	}
	for i, path := range strings.Fields(string(out)) {
		l.Tools[names[i]] = path
	}
	if l.Tools["pause"], err = pause(ctx, l); err == nil && l.Tools["crio"] != "" {
		l.Tools["pinns"], err = pinns(ctx, l)
	}
	return fmt.Sprintf("%d programs", len(l.Tools)), err
}

// wantedPrograms are the names in test/tools of what the documents of all
// scenarios name, and of what the lab needs to make images and machines.
func wantedPrograms(l *lab.Lab, minors []string) ([]string, error) {
	paths, err := listed(l, "/etc/kubespore/binaries")
	if err != nil {
		return nil, err
	}
	images, err := wantedImages(l)
	if err != nil {
		return nil, err
	}
	names := slices.Clone(itsOwn)
	for name, path := range onMachines {
		if slices.Contains(paths, "/"+path) && name != "pinns" {
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
func programsAt(ctx context.Context, l *lab.Lab, minor string) (map[string]string, error) {
	at := map[string]string{}
	for name, path := range onMachines {
		if program := l.Tools[of(minor, name)]; program != "" {
			at[path] = program
		}
	}
	paths, err := listed(l, "/etc/kubespore/binaries")
	if err != nil {
		return nil, err
	}
	for path, file := range fromDebian {
		if !slices.Contains(paths, "/"+path) {
			continue
		}
		found, err := process.Run(ctx, filepath.Join(l.Tree, "test/tools/deb"), file...)
		if err != nil {
			return nil, err
		}
		at[path] = strings.TrimSpace(process.LastLines(found, 1))
	}
	return at, nil
}

// pause builds the sandbox's program from Kubernetes' own source.
func pause(ctx context.Context, l *lab.Lab) (string, error) {
	folder, err := ModuleFolder(ctx, l, "kubernetes-"+lab.Minor, "k8s.io/kubernetes")
	if err != nil {
		return "", err
	}
	source := filepath.Join(folder, "build/pause/linux/pause.c")
	return l.Cached("pause", []string{source}, func(path string) error {
		_, err := process.Run(ctx, "gcc", "-Os", "-static", "-DVERSION=lab", "-o", path, source)
		return err
	})
}

// pinns builds what keeps the namespaces of CRI-O's pods, from CRI-O's own source.
func pinns(ctx context.Context, l *lab.Lab) (string, error) {
	folder, err := ModuleFolder(ctx, l, "crio", "github.com/cri-o/cri-o")
	if err != nil {
		return "", err
	}
	sources := []string{filepath.Join(folder, "pinns/src/pinns.c"), filepath.Join(folder, "pinns/src/sysctl.c")}
	return l.Cached("pinns", sources, func(path string) error {
		_, err := process.Run(ctx, "gcc", append([]string{"-std=c99", "-Os", "-static", "-o", path}, sources...)...)
		return err
	})
}

// ModuleFolder is where the source is of a module that a tool is built from. It is
// fetched where it is not: the tool may come from the cache.
func ModuleFolder(ctx context.Context, l *lab.Lab, tool, module string) (string, error) {
	out, err := process.Run(ctx, "go", "-C", filepath.Join(l.Tree, "test/tools", tool), "mod", "download", "-json", module)
	if err != nil {
		return "", err
	}
	var found struct{ Dir string }
	if err := json.Unmarshal([]byte(out), &found); err != nil || found.Dir == "" {
		return "", fmt.Errorf("the module %s has no folder: %s", module, out)
	}
	return found.Dir, nil
}
