package upkeep

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/kubespore/kubespore/test/boot/hardware"
	"github.com/kubespore/kubespore/test/boot/lab"
	"github.com/kubespore/kubespore/test/boot/process"
)

// BootByKubeadm powers on a machine with what kubeadm writes in the place of what kubespore
// does.
func BootByKubeadm(ctx context.Context, r *lab.Run, words []string) (string, error) {
	return r.Each(ctx, words[:1], func(m *lab.Machine) error {
		c, err := hardware.Inside(m)
		if err != nil {
			return err
		}
		if err := errors.Join(byKubeadm(ctx, r, m), askAsSuperAdmin(r, c)); err != nil {
			return err
		}
		return m.PowerOn(ctx)
	})
}

// Adopt takes over the cluster of a machine that kubeadm made, as docs/adopt.md says, adds
// hosts, builds, and makes their machines.
func Adopt(ctx context.Context, r *lab.Run, words []string) (string, error) {
	hosts, err := hostLines(strings.Join(words[1:], " "))
	if err != nil {
		return "", err
	}
	collected, err := collect(ctx, r, words[0])
	if err != nil {
		return "", err
	}
	// The store and the documents of the build that the machine was not made by.
	if err := errors.Join(os.RemoveAll(r.Store()), os.RemoveAll(filepath.Join(r.Dir, "out"))); err != nil {
		return "", err
	}
	topology := filepath.Join(r.Dir, "adopted.yaml")
	if _, err := r.Kubespore(ctx, append([]string{"adopt", "-o", topology}, collected...)...); err != nil {
		return "", err
	}
	text, err := os.ReadFile(topology)
	if err == nil {
		err = os.WriteFile(topology, append(text, hosts...), 0o644)
	}
	if err != nil {
		return "", err
	}
	r.Topology = topology
	if err := r.Build(ctx, r.Without); err != nil {
		return "", err
	}
	for _, h := range r.Hosts {
		if r.Machines[h.Name] == nil {
			err = errors.Join(err, hardware.NewMachine(ctx, r, h))
		}
	}
	return "", err
}

// hostLines are hosts as lines at the end of a topology.
func hostLines(list string) ([]byte, error) {
	var hosts []map[string]any
	if err := yaml.Unmarshal([]byte(list), &hosts); err != nil {
		return nil, err
	}
	var out []byte
	for _, h := range hosts {
		line, err := json.Marshal(h) // which is YAML, too
		if err != nil {
			return nil, err
		}
		out = fmt.Appendf(out, "  - %s\n", line)
	}
	return out, nil
}

// collect takes from a machine and its cluster what the page says, and names the files.
func collect(ctx context.Context, r *lab.Run, name string) ([]string, error) {
	machines, err := r.Named(ctx, []string{name})
	if err != nil {
		return nil, err
	}
	c, err := hardware.Inside(machines[0])
	if err != nil {
		return nil, err
	}
	archive := filepath.Join(r.Dir, "etc-kubernetes.tar.gz")
	if _, err := process.Run(ctx, "tar", "-C", c.Root(), "-czf", archive, "etc/kubernetes"); err != nil {
		return nil, err
	}
	collected := []string{archive}
	for file, objects := range map[string]string{
		"nodes.yaml":      "get nodes -o yaml",
		"configmaps.yaml": "-n kube-system get configmap kubeadm-config kubelet-config -o yaml",
	} {
		text, err := r.Kubectl(ctx, strings.Fields(objects)...)
		if err != nil {
			return nil, err
		}
		collected = append(collected, filepath.Join(r.Dir, file))
		if err := os.WriteFile(filepath.Join(r.Dir, file), []byte(text), 0o600); err != nil {
			return nil, err
		}
	}
	return collected, nil
}
