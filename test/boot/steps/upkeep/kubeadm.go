package upkeep

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/kubespore/kubespore/test/boot/hardware"
	"github.com/kubespore/kubespore/test/boot/lab"
	"github.com/kubespore/kubespore/test/boot/process"
)

// ownAdmin is the credential that a control plane has of its own.
const ownAdmin = "--kubeconfig=/etc/kubernetes/kubespore.conf"

// known are the certificates whose end kubeadm must find on every control plane.
var known = []string{"apiserver", "apiserver-etcd-client", "apiserver-kubelet-client", "controller-manager.conf", "front-proxy-client", "scheduler.conf"}

// CheckKubeadm runs the commands of kubeadm that only look, on control planes.
func CheckKubeadm(ctx context.Context, r *lab.Run, words []string) (string, error) {
	version, err := version(ctx, r)
	if err != nil {
		return "", err
	}
	next, err := nextPatch(version)
	if err != nil {
		return "", err
	}
	_, err = r.Each(ctx, words, func(m *lab.Machine) error {
		inside, err := hardware.Inside(m)
		if err != nil {
			return err
		}
		out, err := inside.Do(ctx, "kubeadm certs check-expiration "+ownAdmin)
		if err != nil {
			return err
		}
		for _, name := range known {
			if !regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(name) + ` .* UTC .* (yes|no) *$`).MatchString(out) {
				return fmt.Errorf("check-expiration does not know when %s ends:\n%s", name, out)
			}
		}
		out, err = inside.Do(ctx, "kubeadm upgrade plan "+ownAdmin+" "+next)
		if err == nil && !strings.Contains(out, "kubeadm upgrade apply "+next) {
			err = fmt.Errorf("upgrade plan does not offer %s:\n%s", next, out)
		}
		return err
	})
	return next + " is offered", err
}

// version is what the API server says that it is.
func version(ctx context.Context, r *lab.Run) (string, error) {
	out, err := r.Kubectl(ctx, "get", "--raw=/version")
	if err != nil {
		return "", err
	}
	found := regexp.MustCompile(`"gitVersion": "(v[^"]+)"`).FindStringSubmatch(out)
	if found == nil {
		return "", errors.New("the API server does not say its version")
	}
	return found[1], nil
}

// nextPatch is the release after a version.
func nextPatch(version string) (string, error) {
	dot := strings.LastIndexByte(version, '.')
	patch, err := strconv.Atoi(version[dot+1:])
	return version[:dot+1] + strconv.Itoa(patch+1), err
}

// newFlag is the flag of the API server that the administrator adds.
const newFlag = "--event-ttl=47m"

// Reconfigure changes the cluster as kubeadm's manual says: the configuration
// that the cluster keeps is changed, and kubeadm writes the manifest of a static
// pod from it.
func Reconfigure(ctx context.Context, r *lab.Run, words []string) (string, error) {
	return r.Each(ctx, words, func(m *lab.Machine) error {
		inside, err := hardware.Inside(m)
		if err != nil {
			return err
		}
		config, err := r.Kubectl(ctx, "get", "configmap", "kubeadm-config", "--namespace=kube-system", "--output=jsonpath={.data.ClusterConfiguration}")
		if err != nil {
			return err
		}
		changed, err := withArgument(config)
		if err != nil {
			return err
		}
		file := filepath.Join(inside.Root(), "root/cluster.yaml")
		if err := os.WriteFile(file, []byte(changed), 0o600); err != nil {
			return err
		}
		if _, err := inside.Do(ctx, "kubeadm init phase upload-config kubeadm --config=/root/cluster.yaml "+ownAdmin+
			"; kubeadm init phase control-plane apiserver --config=/root/cluster.yaml"); err != nil {
			return err
		}
		_, err = Reconfigured(ctx, r, []string{m.Name})
		return err
	})
}

// withArgument adds the flag to a ClusterConfiguration.
func withArgument(config string) (string, error) {
	var c map[string]any
	if err := yaml.Unmarshal([]byte(config), &c); err != nil {
		return "", err
	}
	server, _ := c["apiServer"].(map[string]any)
	if server == nil {
		return "", errors.New("the configuration of the cluster says nothing of the API server")
	}
	arguments, _ := server["extraArgs"].([]any)
	name, value, _ := strings.Cut(strings.TrimPrefix(newFlag, "--"), "=")
	server["extraArgs"] = append(arguments, map[string]any{"name": name, "value": value})
	out, err := yaml.Marshal(c)
	return string(out), err
}

// Reconfigured waits until the change is in the cluster's configuration, on the
// machine's disk and in the API server that runs.
func Reconfigured(ctx context.Context, r *lab.Run, words []string) (string, error) {
	machines, err := r.Named(ctx, words)
	if err != nil {
		return "", err
	}
	for _, m := range machines {
		inside, err := hardware.Inside(m)
		if err != nil {
			return "", err
		}
		if _, err := r.Until(ctx, lab.Patience, func(ctx context.Context) (bool, string) {
			config, err := r.Kubectl(ctx, "get", "configmap", "kubeadm-config", "--namespace=kube-system", "--output=jsonpath={.data.ClusterConfiguration}")
			if err != nil || !strings.Contains(config, "event-ttl") {
				return false, "the configuration of the cluster lacks the change"
			}
			manifest, err := os.ReadFile(filepath.Join(inside.Root(), "etc/kubernetes/manifests/kube-apiserver.yaml"))
			if err != nil || !strings.Contains(string(manifest), newFlag) {
				return false, "the manifest lacks the change"
			}
			for _, pid := range process.ProcessesIn(inside.Groups()) {
				line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
				if err == nil && strings.HasPrefix(string(line), "kube-apiserver") && strings.Contains(string(line), newFlag) {
					return true, ""
				}
			}
			return false, "the API server runs without the change"
		}); err != nil {
			return "", fmt.Errorf("%s: %w", m.Name, err)
		}
	}
	return newFlag, nil
}
