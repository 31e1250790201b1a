package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// verb is one kind of step: what scenarios.yaml may say, and what it does. It
// gives a remark for the screen.
type verb struct {
	name, words, does string
	sees              view
	take              func(ctx context.Context, r *run, words []string) (string, error)
}

// view is where a step looks: only containers let the lab log in.
type view bool

const (
	fromOutside view = false
	fromInside  view = true
)

// patience is how long a step may wait that does not say it itself.
const patience = 5 * time.Minute

// verbs is the language of scenarios.yaml. Machines go by name; "all" stands
// for every one, "holder" for the one that holds the virtual address, "victim"
// for the last holder.
func verbs() []verb {
	return []verb{
		{"power-on", "MACHINE...", "power on", fromOutside, powerOn},
		{"shut-down", "MACHINE...", "shut down in order, all at once", fromOutside, shutDown},
		{"cut-power", "MACHINE...", "cut the power", fromOutside, cutPower},
		{"cut-power-at-random", "MACHINE N", "power on and cut at a random moment, N times", fromOutside, cutAtRandom},
		{"reinstall", "MACHINE...", "empty the disk and apply the document again", fromOutside, fresh},
		{"apply-again", "MACHINE...", "apply the document again to the disk as it is, as another first boot does", fromInside, again},
		{"wait", "DURATION", "let time pass", fromOutside, wait},
		{"nodes-ready", "[DURATION]", "every node that is on is Ready and has its pod CIDR", fromOutside, waitReady},
		{"pods-ready", "[DURATION]", "every pod runs and serves", fromOutside, waitSettled},
		{"self-tests-pass", "[DURATION]", "every node has passed its self-test", fromOutside, waitTested},
		{"repeat-self-tests", "", "have every node test itself again", fromInside, retest},
		{"api-answers", "[DURATION]", "the API answers at the cluster's endpoint", fromOutside, waitAnswer},
		{"pods-reachable", "", "logs and exec work on every node", fromOutside, reachPods},
		{"nodeport-answers", "", "a NodePort answers from outside on every node", fromOutside, askNodePort},
		{"scan-ports", "", "nothing answers or comes in that the firewall tables do not name", fromInside, scanPorts},
		{"write-secret", "", "put a Secret into the cluster", fromOutside, writeSecret},
		{"read-secret", "", "the Secret is as it was written", fromOutside, readSecret},
		{"change-coredns", "", "change CoreDNS as an administrator would", fromOutside, changeDNS},
		{"coredns-kept", "", "the change is still there", fromOutside, keptDNS},
		{"add-host", "MACHINE", "build again with a host more; no other document changes", fromOutside, addHost},
		{"lose-folder", "MACHINE FOLDER", "empty a folder of a machine that is off", fromInside, loseFolder},
		{"stays-closed", "MACHINE...", "nothing of a cluster runs, and no port is open but that of ssh", fromOutside, stayShut},
		{"supply", "MACHINE PART...", "what the image lacks comes, as with its package: while a container runs, while a machine proper is off", fromOutside, bring},
		{"console-shows", "MACHINE TEXT", "the console says it", fromOutside, waitConsole},
		{"waits-for-payload", "MACHINE...", "the console shows the machine that its document makes, at work and waiting for its programs", fromOutside, becameItself},
		{"insert-key", "MACHINE HOST", "put in the key of a host to a sealed stick, while the machine is off", fromOutside, turnKey},
		{"try", "MACHINE...", "kubespore try brings the same to the consoles of its own machines, and leaves nothing", fromOutside, tryBase},
		{"try-image", "MACHINE...", "the same from an image that boots by its own boot loader", fromOutside, tryImage},
		{"try-cluster", "MACHINE...", "kubespore try forms a cluster of its own machines with the payload, and reaches it", fromOutside, tryCluster},
		{"no-failed-units", "MACHINE...", "no unit failed, by what the console shows", fromOutside, flawless},
		{"download-begun", "MACHINE...", "a copy from the mirror has begun, as the disk shows", fromInside, halfway},
		{"corrupt-payload", "FILE...", "turn over a byte of files of the payload; again to put it right", fromOutside, flip},
		{"payload-refused", "MACHINE FILE [PROGRAM...]", "the console names the file, and nothing of it is installed or runs", fromInside, refused},
		{"payload-installed", "MACHINE...", "programs are copies of what is locked, images are pinned", fromInside, installed},
		{"no-stray-secrets", "MACHINE...", "no key is left anywhere but in its place", fromInside, noDocuments},
		{"is-clean", "MACHINE...", "nothing of a cluster runs or lies there, and no key", fromInside, becameStranger},
		{"reset-from-pod", "MACHINE LABEL", "kubespore-reset, started from a pod with that label, leaves nothing of a cluster, by what the console shows", fromOutside, leave},
		{"run", "MACHINE COMMAND", "a command of the shell succeeds there", fromInside, doThere},
		{"dns-resolves", "MACHINE NAME ANSWER", "the cluster's DNS answers there; an address is looked up in reverse", fromInside, resolves},
		{"type-page", "PAGE SECTION", "type the commands of a section of a page where it says", fromOutside, typePage},
		{"run-outside", "COMMAND", "a command of the shell succeeds outside, with the operator's kubectl", fromOutside, operate},
		{"check-kubeadm", "MACHINE...", "kubeadm knows when certificates end and plans an upgrade", fromInside, askKubeadm},
		{"kubeadm-reconfigure", "MACHINE...", "change a flag of the API server with kubeadm, as its manual says", fromInside, reconfigure},
		{"kubeadm-reconfigured", "MACHINE...", "the change is in the cluster, on the disk and at work", fromInside, reconfigured},
		{"kubeadm-upgrade", "MACHINE...", "kubeadm upgrades the control plane, as docs/upgrade.md says", fromInside, upgrade},
		{"upgrade-services", "MACHINE...", "exchange the programs of services, machine by machine, as docs/upgrade.md says", fromInside, upgradeServices},
		{"upgraded", "MACHINE...", "all is of the new version, and as kubeadm left it", fromInside, upgraded},
		{"age-certificate", "MACHINE...", "bring the kubelet's client certificate near its end", fromInside, age},
		{"certificate-rotated", "MACHINE...", "the kubelet has renewed it and uses the new one", fromInside, rotated},
		{"kube-bench", "MACHINE...", "kube-bench fails nothing but what docs/hardening.md lists", fromInside, hardened},
		{"compare-with-kubeadm", "MACHINE N", "Ready as soon as with kubeadm's files, by the medians of N runs each", fromInside, besideKubeadm},
		{"renew-certificates", "[NAME...]", "kubespore makes certificates anew, builds, and writes the kits", fromOutside, renew},
		{"apply-kits", "MACHINE...", "take the kits, all machines at the same time", fromInside, takeKits},
		{"cut-power-during-kit", "MACHINE", "begin to take the kit, and cut the power at a random moment of it", fromInside, cutKit},
		{"refuse-kits", "MACHINE...", "kits that are changed, old, another machine's or another cluster's are refused", fromInside, refuseKits},
		{"kit-applied", "MACHINE...", "every file of the kit is what it says", fromInside, asBuilt},
		{"begin-writes", "", "begin to write five objects a second at the cluster's endpoint", fromOutside, beginWrites},
		{"no-write-lost", "", "every write that was acknowledged is there", fromOutside, endWrites},
		{"follow-console", "MACHINE", "type what its console asks for, on another member", fromInside, obey},
	}
}

// verbOf finds the verb of a step, and sees that it has the words it needs.
func verbOf(step string) (verb, []string, error) {
	words := strings.Fields(step)
	for _, v := range verbs() {
		if len(words) == 0 || words[0] != v.name {
			continue
		}
		needs := slices.DeleteFunc(strings.Fields(v.words), func(w string) bool { return strings.HasPrefix(w, "[") })
		if len(words)-1 < len(needs) {
			return verb{}, nil, fmt.Errorf("%s wants %s", v.name, v.words)
		}
		return v, words[1:], nil
	}
	return verb{}, nil, fmt.Errorf("no such step: %s", step)
}

// looksInside says whether a step is taken inside a machine, or looks there.
func (v verb) looksInside(words []string) bool {
	return v.sees == fromInside || slices.Contains(words, "holder") || slices.Contains(words, "victim")
}

// named gives the machines that the words name.
func (r *run) named(ctx context.Context, words []string) ([]*machine, error) {
	if slices.Equal(words, []string{"all"}) {
		words = nil
		for _, h := range r.hosts {
			words = append(words, h.Name)
		}
	}
	var machines []*machine
	for _, name := range words {
		switch name {
		case "holder":
			holder, err := r.holder(ctx)
			if err != nil {
				return nil, err
			}
			r.victim, name = holder, holder
		case "victim":
			name = r.victim
		}
		m := r.machines[name]
		if m == nil {
			return nil, fmt.Errorf("no machine is called %s", name)
		}
		machines = append(machines, m)
	}
	return machines, nil
}

// each does something with all named machines at the same time.
func (r *run) each(ctx context.Context, words []string, do func(*machine) error) (string, error) {
	machines, err := r.named(ctx, words)
	if err != nil {
		return "", err
	}
	var meant []string // which machines the words stood for
	var group errgroup.Group
	for i, m := range machines {
		if i < len(words) && words[i] != m.Name && words[i] != "all" {
			meant = append(meant, m.Name)
		}
		group.Go(func() error {
			if err := do(m); err != nil {
				return fmt.Errorf("%s: %w", m.Name, err)
			}
			return nil
		})
	}
	return strings.Join(meant, " "), group.Wait()
}

func doThere(ctx context.Context, r *run, words []string) (string, error) {
	return r.each(ctx, words[:1], func(m *machine) error {
		c, err := m.inside()
		if err == nil {
			_, err = c.do(ctx, strings.Join(words[1:], " "))
		}
		return err
	})
}

func powerOn(ctx context.Context, r *run, words []string) (string, error) {
	return r.each(ctx, words, func(m *machine) error { return m.powerOn(ctx) })
}

func cutPower(ctx context.Context, r *run, words []string) (string, error) {
	return r.each(ctx, words, func(m *machine) error { return m.cut() })
}

func shutDown(ctx context.Context, r *run, words []string) (string, error) {
	return r.each(ctx, words, func(m *machine) error { return m.shutDown(ctx) })
}

func fresh(ctx context.Context, r *run, words []string) (string, error) {
	return r.each(ctx, words, func(m *machine) error { return m.fresh(ctx) })
}

// cutAtRandom cuts the power somewhere in the first half minute, when nearly
// everything of a first boot happens; sooner more often than later.
func cutAtRandom(ctx context.Context, r *run, words []string) (string, error) {
	machines, err := r.named(ctx, words[:1])
	if err != nil {
		return "", err
	}
	var times int
	if _, err := fmt.Sscan(strings.Join(words[1:], " "), &times); err != nil {
		return "", fmt.Errorf("how often: %w", err)
	}
	var moments []string
	for range times {
		moment := time.Duration((0.3 + 30*rand.Float64()*rand.Float64()) * float64(time.Second))
		moments = append(moments, fmt.Sprintf("%.1f", moment.Seconds()))
		if err := machines[0].powerOn(ctx); err != nil {
			return "", err
		}
		if err := pause(ctx, moment); err != nil {
			return "", err
		}
		if err := machines[0].cut(); err != nil {
			return "", err
		}
		r.lab.screen.now("cut after " + strings.Join(moments, ", ") + " s")
	}
	return "after " + strings.Join(moments, ", ") + " s", nil
}

func wait(ctx context.Context, _ *run, words []string) (string, error) {
	d, err := time.ParseDuration(strings.Join(words, ""))
	if err != nil {
		return "", err
	}
	return "", pause(ctx, d)
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
