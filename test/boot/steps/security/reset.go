package security

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/kubespore/kubespore/test/boot/hardware"
	"github.com/kubespore/kubespore/test/boot/lab"
	"github.com/kubespore/kubespore/test/boot/steps/cluster"
)

// ApplyAgain makes the next power-on of a machine another first boot, on the disk that
// it has. systemd takes a boot for the first one, and enables what Ignition wants,
// where there is no machine-id.
func ApplyAgain(ctx context.Context, r *lab.Run, words []string) (string, error) {
	return r.Each(ctx, words, func(m *lab.Machine) error {
		if m.On() {
			return errors.New("it is on")
		}
		c, err := hardware.Inside(m)
		if err != nil {
			return err
		}
		if err := os.Remove(filepath.Join(c.Root(), "etc/machine-id")); err != nil {
			return err
		}
		return c.Ignite(ctx)
	})
}

// IsClean proves that kubespore-reset left nothing on a machine that is still
// on: whatever a question prints is too much.
func IsClean(ctx context.Context, r *lab.Run, words []string) (string, error) {
	secrets, err := secrets(r)
	if err != nil {
		return "", err
	}
	return r.Each(ctx, words, func(m *lab.Machine) error {
		c, err := hardware.Inside(m)
		if err != nil {
			return err
		}
		var left []error
		for _, q := range clusterQuestions() {
			out, err := c.Do(ctx, q.ask+" || true")
			if out = strings.TrimSpace(out); err != nil || out != "" {
				left = append(left, errors.Join(fmt.Errorf("%s: %s", q.what, out), err))
			}
		}
		left = append(left, eachSecret(ctx, r, c, secrets, func(_, _ string) error { return errors.New("holds a secret") }))
		return errors.Join(left...)
	})
}

// clusterQuestions ask a machine for what a node of a cluster has.
func clusterQuestions() []struct{ what, ask string } {
	return []struct{ what, ask string }{
		{"mounts", `awk '$5 ~ "^/var/lib/kubelet|^/run/containerd|^/run/netns/" {print $5}' /proc/self/mountinfo`},
		{"interfaces", `ip -brief link show | awk '$1 !~ /^(lo|eth0|en[a-z0-9]+|tunl0)(@|$)/ {print $1}'`},
		{"routes", `ip route show table all | grep -vE 'dev (eth0|lo|en[a-z0-9]+)( |$)'`},
		{"routes to pods", `awk '$1 == "route" {print $2}' /etc/kubespore/reset | while read -r network; do ip route show root "$network"; done`},
		{"rules of routing", `ip rule show | grep -vE 'lookup (local|main|default) *$'`},
		// iptables leaves its own tables, empty.
		{"tables of nft", `nft list tables | grep -vE '^table (inet kubespore|ip6? (filter|nat|mangle|raw))$'`},
		{"rules of iptables", `{ iptables-save; ip6tables-save; } 2>/dev/null | grep -iE 'kube-|cni-|flannel'`},
		{"servers of ipvs", `if command -v ipvsadm && test -e /proc/net/ip_vs; then ipvsadm --save --numeric; fi | grep -v '^/'`},
		{"sets of addresses", `ipset list -name 2>/dev/null | grep -E 'KUBE|kube'`},
		{"networks of pods", `ls -A /run/netns 2>/dev/null`},
		{"control groups of pods", `find /sys/fs/cgroup -type d -name '*kubepods*'`},
		// What the system itself runs lies below /usr.
		{"programs", `readlink /proc/[0-9]*/exe 2>/dev/null | grep -v '^/usr/'`},
		{"units", `systemctl list-units --plain --no-legend $(sed -n 's/^unit //p' /etc/kubespore/reset) 'kube*' 'containerd*' 'etcd*' 'docker*' 'cri-docker*' 'flannel*' | awk '{print $1}' | grep -vE '^kubespore-(clock|firewall|swap|ssh-key)\.'`},
		{"files that the document wrote", `sed -n 's/^path //p' /etc/kubespore/reset | while read -r path; do for file in $path; do test ! -L "$file" && test ! -e "$file" || echo "$file"; done; done`},
		{"units that failed", `systemctl list-units --plain --no-legend --failed | awk '{print $1}'`},
		{"files", `ls -d /etc/kubernetes /etc/cni/net.d /etc/containerd /etc/docker /etc/kubespore/objects /var/lib/kubelet /var/lib/cni /var/lib/etcd /run/flannel /var/log/pods/* /run/containerd/io.containerd.runtime.v2.task/*/* 2>/dev/null`},
		{"containers in records", `awk '$1 == "image" {print $2}' /etc/kubespore/reset | while read -r data; do find "$data"/io.containerd.grpc.v1.cri/{containers,sandboxes} "$data"/containers -mindepth 1 2>/dev/null; done`},
	}
}

// ResetFromPod runs kubespore-reset on a machine that no one can log in to: a pod there with
// the host's rights hands systemd a script, which outlives the pod. The script asks
// what stranger asks, and the console shows what is left.
func ResetFromPod(ctx context.Context, r *lab.Run, words []string) (string, error) {
	machines, err := r.Named(ctx, words[:1])
	if err != nil {
		return "", err
	}
	m, label := machines[0], words[1]
	pod, err := r.Kubectl(ctx, "get", "pods", "--namespace=kube-system", "--selector="+label, "--field-selector=spec.nodeName="+m.Host.Name, "--output=name")
	if err != nil {
		return "", err
	}
	const end = "has left its cluster"
	script := "#!/bin/bash\n/opt/kubespore/bin/kubespore-reset " + m.Host.Name + " || echo left: kubespore-reset failed\n"
	for _, q := range clusterQuestions() {
		script += fmt.Sprintf("found=$( %s )\ntest -z \"$found\" || echo \"left: %s: \"$found\n", q.ask, q.what)
	}
	script += "echo " + m.Host.Name + " " + end + "\n"
	const start = `umask 077
base64 --decode >/run/leave <<<"$0"
systemd-run --quiet --property=StandardOutput=tty --property=StandardError=tty --property=TTYPath=/dev/console bash /run/leave`
	if _, err := r.Kubectl(ctx, "exec", "--namespace=kube-system", strings.TrimSpace(pod), "--",
		"nsenter", "--target=1", "--all", "bash", "-euc", start, base64.StdEncoding.EncodeToString([]byte(script))); err != nil {
		return "", err
	}
	if _, err := cluster.ConsoleShows(ctx, r, []string{m.Host.Name, m.Host.Name, end}); err != nil {
		return "", err
	}
	if left := regexp.MustCompile(`(?m)^left: .*`).FindAllString(m.Said(), -1); left != nil {
		return "", errors.New(strings.Join(left, "\n"))
	}
	return "", nil
}
