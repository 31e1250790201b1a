package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// again makes the next power-on of a machine another first boot, on the disk that
// it has. systemd takes a boot for the first one, and enables what Ignition wants,
// where there is no machine-id.
func again(ctx context.Context, r *run, words []string) (string, error) {
	return r.each(ctx, words, func(m *machine) error {
		if m.on() {
			return errors.New("it is on")
		}
		c, err := m.inside()
		if err != nil {
			return err
		}
		if err := os.Remove(filepath.Join(c.root(), "etc/machine-id")); err != nil {
			return err
		}
		return c.ignite(ctx)
	})
}

// becameStranger proves that kubespore-reset left nothing on a machine that is still
// on: whatever a question prints is too much.
func becameStranger(ctx context.Context, r *run, words []string) (string, error) {
	secrets, err := r.secrets()
	if err != nil {
		return "", err
	}
	return r.each(ctx, words, func(m *machine) error {
		c, err := m.inside()
		if err != nil {
			return err
		}
		var left []error
		for _, q := range clusterQuestions() {
			out, err := c.do(ctx, q.ask+" || true")
			if out = strings.TrimSpace(out); err != nil || out != "" {
				left = append(left, errors.Join(fmt.Errorf("%s: %s", q.what, out), err))
			}
		}
		for _, pid := range processesIn(c.groups()) {
			// What the system itself runs lies below /usr.
			program, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
			if err == nil && !strings.HasPrefix(program, "/usr/") {
				left = append(left, fmt.Errorf("runs: %s", program))
			}
		}
		left = append(left, r.eachSecret(ctx, c, secrets, func(_, _ string) error { return errors.New("holds a secret") }))
		return errors.Join(left...)
	})
}

// clusterQuestions ask a machine for what a node of a cluster has.
func clusterQuestions() []struct{ what, ask string } {
	return []struct{ what, ask string }{
		{"mounts", `awk '$5 ~ "^/var/lib/kubelet|^/run/containerd|^/run/netns/" {print $5}' /proc/self/mountinfo`},
		{"interfaces", `ip -brief link show | awk '$1 !~ /^(lo|eth0)(@|$)/ {print $1}'`},
		{"routes", `ip route show table all | grep -vE 'dev (eth0|lo)( |$)'`},
		// iptables leaves its own tables, empty.
		{"tables of nft", `nft list tables | grep -vE '^table (inet kubespore|ip6? (filter|nat|mangle|raw))$'`},
		{"rules of iptables", `{ iptables-save; ip6tables-save; } 2>/dev/null | grep -iE 'kube-|cni-|flannel'`},
		{"networks of pods", `ls -A /run/netns 2>/dev/null`},
		{"control groups of pods", `find /sys/fs/cgroup -type d -name '*kubepods*'`},
		{"units", `systemctl list-units --plain --no-legend 'kube*' 'containerd*' 'etcd*' | awk '{print $1}' | grep -vE '^kubespore-(clock|firewall|swap|ssh-key)\.'`},
		{"units that failed", `systemctl list-units --plain --no-legend --failed | awk '{print $1}'`},
		{"files", `ls -d /etc/kubernetes /etc/cni/net.d /etc/containerd /etc/kubespore/objects /var/lib/kubelet /var/lib/cni /var/lib/etcd /run/flannel /var/log/pods/* /run/containerd/io.containerd.runtime.v2.task/*/* 2>/dev/null`},
		{"containers in containerd's records", `find /var/lib/containerd/io.containerd.grpc.v1.cri/containers /var/lib/containerd/io.containerd.grpc.v1.cri/sandboxes -mindepth 1 2>/dev/null`},
	}
}
