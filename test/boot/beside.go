package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// atMost is what ours may take by what kubeadm's takes.
const atMost = 1.1

// times are how long machines took from power-on until a moment, one of each run.
type times []time.Duration

func (t times) median() time.Duration { return slices.Sorted(slices.Values(t))[len(t)/2] }

func (t times) String() string {
	var out []string
	for _, d := range t {
		out = append(out, fmt.Sprintf("%.1f", d.Seconds()))
	}
	return fmt.Sprintf("%.1f s (%s)", t.median().Seconds(), strings.Join(out, " "))
}

// besideKubeadm powers a machine on N times as its document makes it, and N
// times with what kubeadm writes in the place of what kubespore does, in turn.
// Both begin with an empty disk, the same programs, images, network and CNI
// configuration; keys are made before the power comes on.
func besideKubeadm(ctx context.Context, r *run, words []string) (string, error) {
	machines, err := r.named(ctx, words[:1])
	if err != nil {
		return "", err
	}
	count, err := strconv.Atoi(words[1])
	if err != nil {
		return "", err
	}
	var ready, serving [2]times
	for range count {
		for i, by := range []func(context.Context, *run, *machine) error{nil, byKubeadm} {
			one, all, err := r.timeToReady(ctx, machines[0], by)
			if err != nil {
				return "", err
			}
			ready[i], serving[i] = append(ready[i], one), append(serving[i], all)
			r.lab.screen.now(fmt.Sprintf("Ready after %s; kubeadm's after %s", ready[0], ready[1]))
		}
	}
	note := fmt.Sprintf("Ready: %v, kubeadm's: %v; every pod serves: %v, kubeadm's: %v", ready[0], ready[1], serving[0], serving[1])
	if ratio := ready[0].median().Seconds() / ready[1].median().Seconds(); ratio > atMost {
		return "", fmt.Errorf("ours takes %.2f times as long: %s", ratio, note)
	}
	return note, nil
}

// timeToReady powers on a machine that has never been on, and gives how long its
// Node took to be Ready, and all pods to serve.
func (r *run) timeToReady(ctx context.Context, m *machine, change func(context.Context, *run, *machine) error) (ready, serving time.Duration, err error) {
	if err := m.fresh(ctx); err != nil {
		return 0, 0, err
	}
	r.admin = ""
	if change != nil {
		if err := change(ctx, r, m); err != nil {
			return 0, 0, err
		}
	}
	if err := m.powerOn(ctx); err != nil {
		return 0, 0, err
	}
	const pace = 250 * time.Millisecond
	if _, err := r.untilAt(ctx, patience, pace, func(ctx context.Context) (bool, string) { return r.ready(ctx, []string{m.Name}) }); err != nil {
		return 0, 0, err
	}
	ready = time.Since(m.since)
	if _, err := r.untilAt(ctx, patience, pace, r.settled); err != nil {
		return 0, 0, err
	}
	return ready, time.Since(m.since), m.cut()
}

var ownUnit = regexp.MustCompile(`kubespore-[a-z-]+\.service`)

// byKubeadm takes away what kubespore put on a machine besides the base, that is
// programs, network, containerd and the kubelet's unit, and has kubeadm write
// the rest.
func byKubeadm(ctx context.Context, r *run, m *machine) error {
	c, err := m.inside()
	if err != nil {
		return err
	}
	overlay := filepath.Join(r.lab.tree, "test/boot/overlay")
	if err := errors.Join(
		withoutFiles(c.root(), "etc/kubernetes/manifests", "etc/kubernetes/pki", "etc/kubernetes/*.conf", "var/lib/kubelet/*"),
		withoutUnits(c.root()),
		copyFile(filepath.Join(overlay, "kubeadm.yaml"), filepath.Join(c.root(), "etc/kubernetes/kubeadm.yaml")),
		withAddons(c.root(), filepath.Join(overlay, "kubeadm-addons.service")),
	); err != nil {
		return err
	}
	for _, phase := range []string{"certs all", "kubeconfig all", "etcd local", "control-plane all", "kubelet-start"} {
		args := append([]string{"init", "phase"}, strings.Fields(phase)...)
		if _, err := command(ctx, r.lab.tools["kubeadm@"+minor], append(args, "--config=/etc/kubernetes/kubeadm.yaml", "--rootfs="+c.root())...); err != nil {
			return err
		}
	}
	r.admin = filepath.Join(c.root(), "etc/kubernetes/super-admin.conf")
	return nil
}

// withoutFiles removes what patterns below a root mean.
func withoutFiles(root string, patterns ...string) error {
	var errs []error
	for _, pattern := range patterns {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		errs = append(errs, err)
		for _, path := range found {
			errs = append(errs, os.RemoveAll(path))
		}
	}
	return errors.Join(errs...)
}

// withoutUnits masks kubespore's own units, and has no other wait for one.
func withoutUnits(root string) error {
	folder := filepath.Join(root, "etc/systemd/system")
	var errs []error
	for _, kind := range []string{"service", "timer"} {
		units, err := filepath.Glob(filepath.Join(folder, "kubespore-*."+kind))
		errs = append(errs, err)
		for _, unit := range units {
			errs = append(errs, os.Remove(unit), os.Symlink("/dev/null", unit))
		}
	}
	for _, unit := range []string{"containerd.service", "kubelet.service"} {
		text, err := os.ReadFile(filepath.Join(folder, unit))
		if err != nil {
			return err
		}
		errs = append(errs, os.WriteFile(filepath.Join(folder, unit), ownUnit.ReplaceAll(text, nil), 0o644))
	}
	return errors.Join(errs...)
}

// withAddons switches on a unit that applies kubeadm's addons.
func withAddons(root, unit string) error {
	folder, name := filepath.Join(root, "etc/systemd/system"), filepath.Base(unit)
	wants := filepath.Join(folder, "multi-user.target.wants")
	return errors.Join(copyFile(unit, filepath.Join(folder, name)), os.MkdirAll(wants, 0o755), os.Symlink("../"+name, filepath.Join(wants, name)))
}
