package upkeep

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

	"github.com/kubespore/kubespore/test/boot/hardware"
	"github.com/kubespore/kubespore/test/boot/lab"
	"github.com/kubespore/kubespore/test/boot/osfile"
	"github.com/kubespore/kubespore/test/boot/process"
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

// moment is reached some time after power-on.
type moment struct {
	Name    string
	reached func(ctx context.Context, r *lab.Run, machine string) (bool, string)
	bounded bool
}

// moments are waited for in this order, those without a bound last. Nothing is left from
// before on a machine that has never been on, so a Node that says Ready is.
var moments = []moment{
	{"Ready", nodeThat(func(n lab.Object) bool { return n.Is("Ready") }), true},
	{"with pod CIDRs", nodeThat(func(n lab.Object) bool { return n.Is("Ready") && n.Spec.PodCIDR != "" }), true},
	{"every pod serves", func(ctx context.Context, r *lab.Run, _ string) (bool, string) { return r.Settled(ctx) }, false},
}

// nodeThat asks for the Node of a machine and whether it is as wanted.
func nodeThat(is func(lab.Object) bool) func(context.Context, *lab.Run, string) (bool, string) {
	return func(ctx context.Context, r *lab.Run, machine string) (bool, string) {
		nodes, err := r.List(ctx, lab.NodesPath)
		if err != nil {
			return false, lab.NoAnswer(err)
		}
		return slices.ContainsFunc(nodes, func(n lab.Object) bool { return n.Metadata.Name == machine && is(n) }), "its Node"
	}
}

// CompareWithKubeadm powers a machine on N times as its document makes it, and N
// times with what kubeadm writes in the place of what kubespore does, in turn.
// Both begin with an empty disk, the same programs, images, network and CNI
// configuration; keys are made before the power comes on.
func CompareWithKubeadm(ctx context.Context, r *lab.Run, words []string) (string, error) {
	machines, err := r.Named(ctx, words[:1])
	if err != nil {
		return "", err
	}
	count, err := strconv.Atoi(words[1])
	if err != nil {
		return "", err
	}
	ours, theirs := make([]times, len(moments)), make([]times, len(moments))
	for i := range count {
		awaited := moments
		if i < count-1 {
			// All pods serve half a minute later: the last pair shows that.
			awaited = slices.DeleteFunc(slices.Clone(moments), func(m moment) bool { return !m.bounded })
		}
		if err := firstBoot(ctx, r, machines[0], nil, awaited, ours); err != nil {
			return "", err
		}
		if err := firstBoot(ctx, r, machines[0], byKubeadm, awaited, theirs); err != nil {
			return "", fmt.Errorf("with kubeadm's files: %w", err)
		}
		r.Lab.Screen.Now(fmt.Sprintf("Ready after %s; kubeadm's after %s", ours[0], theirs[0]))
	}
	return compare(ours, theirs)
}

// compare compares our times with kubeadm's, moment by moment.
func compare(ours, theirs []times) (string, error) {
	var notes []string
	var errs []error
	for i, moment := range moments {
		notes = append(notes, fmt.Sprintf("%s: %v, kubeadm's: %v", moment.Name, ours[i], theirs[i]))
		if ratio := ours[i].median().Seconds() / theirs[i].median().Seconds(); moment.bounded && ratio > atMost {
			errs = append(errs, fmt.Errorf("%s: ours takes %.2f times as long", moment.Name, ratio))
		}
	}
	note := strings.Join(notes, "; ")
	if len(errs) > 0 {
		return "", fmt.Errorf("%w: %s", errors.Join(errs...), note)
	}
	return note, nil
}

// firstBoot powers on a machine that has never been on, and adds to the times how
// long it took to reach each of the first moments.
func firstBoot(ctx context.Context, r *lab.Run, m *lab.Machine, change func(context.Context, *lab.Run, *lab.Machine) error, awaited []moment, taken []times) error {
	if err := m.Fresh(ctx); err != nil {
		return err
	}
	c, err := hardware.Inside(m)
	if err != nil {
		return err
	}
	if change != nil {
		if err := change(ctx, r, m); err != nil {
			return err
		}
	}
	if err := askAsSuperAdmin(r, c); err != nil {
		return err
	}
	if err := m.PowerOn(ctx); err != nil {
		return err
	}
	for i, moment := range awaited {
		reached := func(ctx context.Context) (bool, string) { return moment.reached(ctx, r, m.Name) }
		if _, err := r.UntilAt(ctx, lab.Patience, 100*time.Millisecond, reached); err != nil {
			return fmt.Errorf("%s: %w", moment.Name, err)
		}
		taken[i] = append(taken[i], time.Since(m.Since))
	}
	return m.Cut()
}

// askAsSuperAdmin has the lab ask as whom the API server knows from its first moment: the
// roles of admin.conf are applied later, so asking with it would take the time of that. The
// machine removes its own once it has another.
func askAsSuperAdmin(r *lab.Run, c *hardware.Container) error {
	r.Admin = filepath.Join(r.Dir, "super-admin.conf")
	return osfile.Install(filepath.Join(c.Root(), "etc/kubernetes/super-admin.conf"), r.Admin)
}

var ownUnit = regexp.MustCompile(`kubespore-[a-z-]+\.service`)

// byKubeadm takes away what kubespore put on a machine besides the base, that is
// programs, network, containerd and the kubelet's unit, and has kubeadm write
// the rest.
func byKubeadm(ctx context.Context, r *lab.Run, m *lab.Machine) error {
	c, err := hardware.Inside(m)
	if err != nil {
		return err
	}
	overlay := filepath.Join(r.Lab.Tree, "test/boot/overlay")
	if err := errors.Join(
		withoutFiles(c.Root(), "etc/kubernetes/manifests", "etc/kubernetes/pki", "etc/kubernetes/*.conf", "var/lib/kubelet/*"),
		withoutUnits(c.Root()),
		osfile.Copy(filepath.Join(overlay, "kubeadm.yaml"), filepath.Join(c.Root(), "etc/kubernetes/kubeadm.yaml")),
		withAddons(c.Root(), filepath.Join(overlay, "kubeadm-addons.service")),
	); err != nil {
		return err
	}
	for _, phase := range []string{"certs all", "kubeconfig all", "etcd local", "control-plane all", "kubelet-start"} {
		args := append([]string{"init", "phase"}, strings.Fields(phase)...)
		if _, err := process.Run(ctx, r.Lab.Tools["kubeadm@"+lab.Minor], append(args, "--config=/etc/kubernetes/kubeadm.yaml", "--rootfs="+c.Root())...); err != nil {
			return err
		}
	}
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
	return errors.Join(osfile.Copy(unit, filepath.Join(folder, name)), os.MkdirAll(wants, 0o755), os.Symlink("../"+name, filepath.Join(wants, name)))
}
