package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// lab is one run: the folder it lives in, what it built and what it started.
type lab struct {
	options
	cache    string // base image and container images, kept between runs
	run      string // this run's machines, on a tmpfs
	out      string // what kubespore built
	tools    map[string]string
	hosts    []host
	running  map[string]*machine
	cleanups []func() error
}

// host is what the lab must know of a machine: read off the build.
type host struct {
	Name    string
	Address string // with prefix length
	Node    bool
}

func newLab(o options) (*lab, error) {
	if os.Geteuid() != 0 {
		return nil, errors.New("namespaces and mounts need root")
	}
	l := &lab{options: o, cache: filepath.Join(o.dir, "cache"), run: filepath.Join(o.dir, "run"), running: map[string]*machine{}, tools: map[string]string{}}
	for _, dir := range []string{l.cache, l.run} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, err
		}
	}
	// Machines write as if to a fast disk; the whole run vanishes with its mount.
	if err := syscall.Mount("tmpfs", l.run, "tmpfs", 0, "size=14g,mode=0755"); err != nil {
		return nil, fmt.Errorf("mounting %s: %w", l.run, err)
	}
	l.cleanup(func() error { return syscall.Unmount(l.run, syscall.MNT_DETACH) })
	l.out = filepath.Join(l.run, "out")
	return l, nil
}

// cleanup adds what end must do, last first.
func (l *lab) cleanup(f func() error) { l.cleanups = append(l.cleanups, f) }

// end powers everything off and removes what the run made, unless it is kept.
func (l *lab) end(keep bool) error {
	if keep {
		fmt.Printf("kept: %s; kubectl: ip netns exec %s %s --kubeconfig %s/admin.conf get nodes\n", l.run, switchNamespace, l.tools["kubectl@1.36"], l.out)
		return nil
	}
	var errs []error
	for _, m := range l.running {
		errs = append(errs, m.powerOff())
	}
	for _, f := range slices.Backward(l.cleanups) {
		errs = append(errs, f())
	}
	return errors.Join(errs...)
}

// command runs a program and gives its output; an error carries the end of it.
func command(ctx context.Context, name string, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w\n%s", filepath.Base(name), strings.Join(args, " "), err, lastLines(string(out), 20))
	}
	return string(out), nil
}

func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// wanted are the programs of a machine, by the names of test/tools, and where
// the bill of materials wants them.
var wanted = map[string]string{
	"kubelet@1.36": "/opt/bin/kubelet", "kubectl@1.36": "/opt/bin/kubectl", "kubeadm@1.36": "/opt/bin/kubeadm",
	"etcd": "/opt/bin/etcd", "etcdctl": "/opt/bin/etcdctl",
	"containerd": "/opt/bin/containerd", "ctr": "/opt/bin/ctr", "containerd-shim-runc-v2": "/opt/bin/containerd-shim-runc-v2", "runc": "/opt/bin/runc",
	"bridge": "/opt/cni/bin/bridge", "host-local": "/opt/cni/bin/host-local", "portmap": "/opt/cni/bin/portmap", "loopback": "/opt/cni/bin/loopback", "firewall": "/opt/cni/bin/firewall",
}

// forImages are the programs that go into container images.
var forImages = []string{"kube-apiserver@1.36", "kube-controller-manager@1.36", "kube-scheduler@1.36", "kube-proxy@1.36", "coredns", "flanneld", "ignition"}

// programs builds or finds every program, by test/tools.
func (l *lab) programs(ctx context.Context) error {
	names := slices.Clone(forImages)
	for name := range wanted {
		names = append(names, name)
	}
	slices.Sort(names)
	c := exec.CommandContext(ctx, "../tools/tool", names...)
	c.Stderr = os.Stderr
	out, err := c.Output()
	if err != nil {
		return err
	}
	for i, path := range strings.Fields(string(out)) {
		l.tools[names[i]] = path
	}
	if _, err := command(ctx, "go", "-C", "../..", "build", "-o", filepath.Join(l.cache, "kubespore"), "./cmd/kubespore"); err != nil {
		return err
	}
	l.tools["kubespore"] = filepath.Join(l.cache, "kubespore")
	return nil
}

// build compiles the topology for the lab's image (Debian with Ignition) with
// the lane's overlay, and reads off which hosts there are.
func (l *lab) build(ctx context.Context) error {
	topology, err := l.adapt()
	if err != nil {
		return err
	}
	if _, err := command(ctx, l.tools["kubespore"], "build", topology, "-q", "-o", l.out, "--pki", filepath.Join(l.run, "pki")); err != nil {
		return err
	}
	l.hosts, err = readHosts(l.out)
	return err
}

// readHosts finds each machine's address in the network file of its document.
func readHosts(out string) ([]host, error) {
	dirs, err := os.ReadDir(filepath.Join(out, "hosts"))
	if err != nil {
		return nil, err
	}
	var hosts []host
	for _, d := range dirs {
		files, err := filesOf(out, d.Name())
		if err != nil {
			return nil, err
		}
		h := host{Name: d.Name()}
		_, h.Node = files["/var/lib/kubelet/config.yaml"]
		for _, path := range slices.Sorted(maps.Keys(files)) {
			if strings.HasPrefix(path, "/etc/systemd/network/") && h.Address == "" {
				h.Address = addressOf(files[path])
			}
		}
		hosts = append(hosts, h)
	}
	return hosts, nil
}

// filesOf gives the files of a document by path.
func filesOf(out, host string) (map[string]string, error) {
	raw, err := os.ReadFile(filepath.Join(out, "hosts", host, "config.ign"))
	if err != nil {
		return nil, err
	}
	var config struct {
		Storage struct {
			Files []struct {
				Path     string
				Contents struct{ Source string }
			}
		}
	}
	if err := json.Unmarshal(raw, &config); err != nil {
		return nil, err
	}
	files := map[string]string{}
	for _, f := range config.Storage.Files {
		files[f.Path] = decode(f.Contents.Source)
	}
	return files, nil
}

func addressOf(network string) string {
	for line := range strings.Lines(network) {
		if a, ok := strings.CutPrefix(strings.TrimSpace(line), "Address="); ok {
			return a
		}
	}
	return ""
}

// until asks again and again until the answer is yes, or the context ends, or
// the time is up.
func until(ctx context.Context, limit time.Duration, ask func() (bool, string)) error {
	ctx, stop := context.WithTimeout(ctx, limit)
	defer stop()
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	said := ""
	for {
		ok, now := ask()
		if now != said {
			fmt.Printf("   %s\n", now)
			said = now
		}
		if ok {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w; last: %s", ctx.Err(), said)
		case <-ticker.C:
		}
	}
}
