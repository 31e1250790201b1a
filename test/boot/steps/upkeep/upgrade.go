// Package upkeep has the steps that do what an administrator does to a cluster over
// the years: upgrades, kits, new certificates, kubeadm.
package upkeep

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/kubespore/kubespore/test/boot/hardware"
	"github.com/kubespore/kubespore/test/boot/lab"
	"github.com/kubespore/kubespore/test/boot/process"
)

// shellBlock finds the commands that a page has the reader type.
var shellBlock = regexp.MustCompile("(?ms)^```sh norun\n(.*?)^```")

// servicesBlock finds those for what runs as a service of systemd.
var servicesBlock = regexp.MustCompile("(?ms)^```sh norun services\n(.*?)^```")

// UpgradeServices types on machines, one after the other, what docs/upgrade.md says
// of services.
func UpgradeServices(ctx context.Context, r *lab.Run, words []string) (string, error) {
	page, err := os.ReadFile(filepath.Join(r.Lab.Tree, "docs/upgrade.md"))
	if err != nil {
		return "", err
	}
	var script strings.Builder
	for _, block := range servicesBlock.FindAllStringSubmatch(string(page), -1) {
		script.WriteString(block[1])
	}
	if r.Next == nil || !strings.Contains(script.String(), "systemctl restart") {
		return "", errors.New("the scenario does not say to which version, or the page not how")
	}
	machines, err := r.Named(ctx, words)
	if err != nil {
		return "", err
	}
	for _, m := range machines {
		inside, err := hardware.Inside(m)
		if err != nil {
			return "", err
		}
		if _, err := inside.Do(ctx, script.String()); err != nil {
			return "", fmt.Errorf("%s: %w", m.Name, err)
		}
	}
	return fmt.Sprintf("%d machines", len(machines)), nil
}

// upgradeCommands are those that docs/upgrade.md gives for the first control
// plane, in its order and for a version.
func upgradeCommands(page, version string) (string, error) {
	var script strings.Builder
	for _, block := range shellBlock.FindAllStringSubmatch(page, -1) {
		script.WriteString(block[1])
	}
	if !strings.Contains(script.String(), "kubeadm upgrade apply") {
		return "", errors.New("docs/upgrade.md does not say how a control plane is upgraded")
	}
	return regexp.MustCompile(`v1\.\d+\.\d+`).ReplaceAllString(script.String(), version), nil
}

// onThisKernel has kubeadm overlook that the test machine's kernel has control
// groups of version 1.
func onThisKernel(script string) string {
	if !process.Cgroup1() {
		return script
	}
	return regexp.MustCompile(`kubeadm upgrade (apply|node)`).ReplaceAllString(script, "$0 --ignore-preflight-errors=SystemVerification")
}

// Upgrade types on a control plane what docs/upgrade.md says, and keeps what
// kubeadm has left.
func Upgrade(ctx context.Context, r *lab.Run, words []string) (string, error) {
	if r.Next == nil {
		return "", errors.New("the scenario does not say to which version")
	}
	page, err := os.ReadFile(filepath.Join(r.Lab.Tree, "docs/upgrade.md"))
	if err != nil {
		return "", err
	}
	script, err := upgradeCommands(string(page), r.Upgrade)
	if err != nil {
		return "", err
	}
	script = onThisKernel(script)
	machines, err := r.Named(ctx, words)
	if err != nil {
		return "", err
	}
	r.Left = map[string]map[string]string{}
	count := 0
	for _, m := range machines {
		if r.Left[m.Name], err = upgradeOne(ctx, r, m, script); err != nil {
			return "", fmt.Errorf("%s: %w", m.Name, err)
		}
		count += len(r.Left[m.Name])
	}
	return fmt.Sprintf("%d files and objects are kubeadm's", count), nil
}

// upgradeOne gives what kubeadm left.
func upgradeOne(ctx context.Context, r *lab.Run, m *lab.Machine, script string) (map[string]string, error) {
	inside, err := hardware.Inside(m)
	if err != nil {
		return nil, err
	}
	before, err := apiServerFlags(inside.Root())
	if err != nil {
		return nil, err
	}
	admin, err := os.ReadFile(filepath.Join(r.Dir, "out/admin.conf"))
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(inside.Root(), "root/admin.conf"), admin, 0o600); err != nil {
		return nil, err
	}
	if _, err := inside.Do(ctx, script); err != nil {
		return nil, err
	}
	after, err := apiServerFlags(inside.Root())
	if err != nil {
		return nil, err
	}
	if lost := slices.DeleteFunc(before, func(flag string) bool { return slices.Contains(after, flag) }); len(lost) > 0 {
		return nil, fmt.Errorf("the API server lost %s", strings.Join(lost, " "))
	}
	return ofKubeadm(ctx, r, inside)
}

var flagOfServer = regexp.MustCompile(`(?m)^ +- (--\S+)$`)

// apiServerFlags are the flags in the static pod of a machine.
func apiServerFlags(root string) ([]string, error) {
	text, err := os.ReadFile(filepath.Join(root, "etc/kubernetes/manifests/kube-apiserver.yaml"))
	if err != nil {
		return nil, err
	}
	var out []string
	for _, found := range flagOfServer.FindAllSubmatch(text, -1) {
		out = append(out, string(found[1]))
	}
	return out, nil
}

// ofKubeadm are the digests of what kubeadm writes, or has an administrator
// put there, on a machine and in the cluster.
func ofKubeadm(ctx context.Context, r *lab.Run, c *hardware.Container) (map[string]string, error) {
	sum := func(text []byte) string {
		sum := sha256.Sum256(text)
		return hex.EncodeToString(sum[:])
	}
	out := map[string]string{}
	for _, place := range []string{"etc/kubernetes", "var/lib/kubelet/config.yaml", "var/lib/kubelet/kubeadm-flags.env", "opt/bin/kubeadm", "opt/bin/kubelet", "opt/bin/kubectl"} {
		if err := filepath.WalkDir(filepath.Join(c.Root(), place), func(path string, e fs.DirEntry, err error) error {
			if err != nil || !e.Type().IsRegular() {
				return err
			}
			text, err := os.ReadFile(path)
			out[strings.TrimPrefix(path, c.Root())] = sum(text)
			return err
		}); err != nil {
			return nil, err
		}
	}
	for object, field := range map[string]string{
		"configmap/kubeadm-config": "data", "configmap/kubelet-config": "data", "configmap/kube-proxy": "data", "configmap/coredns": "data",
		"daemonset/kube-proxy": "spec", "deployment/coredns": "spec",
	} {
		// The new kubelet has started the API server anew and may still be at it.
		text, err := r.Until(ctx, lab.Patience, func(ctx context.Context) (bool, string) {
			text, err := r.Kubectl(ctx, "get", object, "--namespace=kube-system", "--output=jsonpath={."+field+"}")
			if err != nil {
				return false, err.Error()
			}
			return true, text
		})
		if err != nil {
			return nil, err
		}
		out[object] = sum([]byte(text))
	}
	return out, nil
}

// Upgraded proves that machines run the new version and that all that kubeadm
// left is as it left it.
func Upgraded(ctx context.Context, r *lab.Run, words []string) (string, error) {
	if _, err := r.Until(ctx, lab.Patience, func(ctx context.Context) (bool, string) { return atVersion(ctx, r) }); err != nil {
		return "", err
	}
	return r.Each(ctx, words, func(m *lab.Machine) error {
		inside, err := hardware.Inside(m)
		if err != nil {
			return err
		}
		for _, name := range []string{"kube-apiserver", "kube-controller-manager", "kube-scheduler"} {
			text, err := os.ReadFile(filepath.Join(inside.Root(), "etc/kubernetes/manifests", name+".yaml"))
			if err != nil {
				return err
			}
			if image := "/" + name + ":" + r.Upgrade + "\n"; !bytes.Contains(text, []byte(image)) {
				return fmt.Errorf("the static pod of %s is not of %s", name, r.Upgrade)
			}
		}
		is, err := ofKubeadm(ctx, r, inside)
		if err != nil {
			return err
		}
		was := r.Left[m.Name]
		if len(was) == 0 {
			return errors.New("it was not upgraded")
		}
		var errs []error
		for _, what := range slices.Sorted(maps.Keys(was)) {
			if is[what] != was[what] {
				errs = append(errs, fmt.Errorf("%s is not what kubeadm left", what))
			}
		}
		return errors.Join(errs...)
	})
}

// atVersion says whether the API server and the kubelets are of the new version.
func atVersion(ctx context.Context, r *lab.Run) (bool, string) {
	server, err := version(ctx, r)
	if err != nil {
		return false, err.Error()
	}
	kubelets, err := r.Kubectl(ctx, "get", "nodes", "--output=jsonpath={.items[*].status.nodeInfo.kubeletVersion}")
	if err != nil {
		return false, err.Error()
	}
	for _, version := range append(strings.Fields(kubelets), server) {
		if version != r.Upgrade {
			return false, fmt.Sprintf("the API server is %s, kubelets are %s", server, kubelets)
		}
	}
	return true, ""
}
