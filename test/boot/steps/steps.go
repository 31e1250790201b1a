// Package steps is the language of scenarios.yaml: one table of all steps. What a
// step does stands in the packages below this one, by subject.
package steps

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/kubespore/kubespore/test/boot/hardware"
	"github.com/kubespore/kubespore/test/boot/lab"
	"github.com/kubespore/kubespore/test/boot/process"
	"github.com/kubespore/kubespore/test/boot/steps/cluster"
	"github.com/kubespore/kubespore/test/boot/steps/media"
	"github.com/kubespore/kubespore/test/boot/steps/payload"
	"github.com/kubespore/kubespore/test/boot/steps/security"
	"github.com/kubespore/kubespore/test/boot/steps/upkeep"
)

// Verb is one kind of step: what scenarios.yaml may say, and what it does. It
// gives a remark for the screen.
type Verb struct {
	Name, Words, Does string
	sees              view
	Take              func(ctx context.Context, r *lab.Run, words []string) (string, error)
}

// view is where a step looks: only containers let the lab log in.
type view bool

const (
	fromOutside view = false
	fromInside  view = true
)

// Verbs is the language of scenarios.yaml. Machines go by name; "all" stands
// for every one, "holder" for the one that holds the virtual address, "victim"
// for the last holder.
func Verbs() []Verb {
	return []Verb{
		{"power-on", "MACHINE...", "power on", fromOutside, powerOn},
		{"shut-down", "MACHINE...", "shut down in order, all at once", fromOutside, shutDown},
		{"cut-power", "MACHINE...", "cut the power", fromOutside, cutPower},
		{"cut-power-at-random", "MACHINE N", "power on and cut at a random moment, N times", fromOutside, cutAtRandom},
		{"reinstall", "MACHINE...", "empty the disk and apply the document again", fromOutside, fresh},
		{"apply-again", "MACHINE...", "apply the document again to the disk as it is, as another first boot does", fromInside, security.ApplyAgain},
		{"give-lease", "MACHINE ADDRESS", "DHCP gives the machine that address from now on", fromOutside, giveLease},
		{"wait", "DURATION", "let time pass", fromOutside, wait},
		{"nodes-ready", "[DURATION]", "every node that is on is Ready and has its pod CIDR", fromOutside, cluster.NodesReady},
		{"pods-ready", "[DURATION]", "every pod runs and serves", fromOutside, cluster.PodsReady},
		{"self-tests-pass", "[DURATION]", "every node has passed its self-test", fromOutside, cluster.SelfTestsPass},
		{"repeat-self-tests", "", "have every node test itself again", fromInside, cluster.RepeatSelfTests},
		{"api-answers", "[DURATION]", "the API answers at the cluster's endpoint", fromOutside, cluster.APIAnswers},
		{"pods-reachable", "", "logs and exec work on every node", fromOutside, cluster.PodsReachable},
		{"nodeport-answers", "", "a NodePort answers from outside on every node", fromOutside, cluster.NodePortAnswers},
		{"scan-ports", "", "nothing answers or comes in that the firewall tables do not name", fromInside, security.ScanPorts},
		{"write-secret", "", "put a Secret into the cluster", fromOutside, cluster.WriteSecret},
		{"read-secret", "", "the Secret is as it was written", fromOutside, cluster.ReadSecret},
		{"change-coredns", "", "change CoreDNS as an administrator would", fromOutside, cluster.ChangeCoreDNS},
		{"coredns-kept", "", "the change is still there", fromOutside, cluster.CoreDNSKept},
		{"add-host", "MACHINE", "build again with hosts more; no document of a worker changes, but where a control plane is new", fromOutside, cluster.AddHost},
		{"lose-folder", "MACHINE FOLDER", "empty a folder of a machine that is off", fromInside, cluster.LoseFolder},
		{"stays-closed", "MACHINE...", "nothing of a cluster runs, and no port is open but that of ssh", fromOutside, security.StaysClosed},
		{"supply", "MACHINE PART...", "what the image lacks comes, as with its package: while a container runs, while a machine proper is off", fromOutside, security.Supply},
		{"console-shows", "MACHINE TEXT", "the console says it", fromOutside, cluster.ConsoleShows},
		{"waits-for-payload", "MACHINE...", "the console shows the machine that its document makes, at work and waiting for its programs", fromOutside, media.WaitsForPayload},
		{"insert-key", "MACHINE HOST", "put in the key of a host to a sealed stick, while the machine is off", fromOutside, media.InsertKey},
		{"try", "MACHINE...", "kubespore try brings the same to the consoles of its own machines, and leaves nothing", fromOutside, media.Try},
		{"try-image", "MACHINE...", "the same from an image that boots by its own boot loader", fromOutside, media.TryImage},
		{"try-cluster", "MACHINE...", "kubespore try forms a cluster of its own machines with the payload, and reaches it", fromOutside, media.TryCluster},
		{"no-failed-units", "MACHINE...", "no unit failed, by what the console shows", fromOutside, cluster.NoFailedUnits},
		{"download-begun", "MACHINE...", "a copy from the mirror has begun, as the disk shows", fromInside, payload.DownloadBegun},
		{"corrupt-payload", "FILE...", "turn over a byte of files of the payload; again to put it right", fromOutside, payload.Corrupt},
		{"payload-refused", "MACHINE FILE [PROGRAM...]", "the console names the file, and nothing of it is installed or runs", fromInside, payload.Refused},
		{"payload-installed", "MACHINE...", "programs are copies of what is locked, images are pinned", fromInside, payload.Installed},
		{"no-stray-secrets", "MACHINE...", "no key is left anywhere but in its place", fromInside, security.NoStraySecrets},
		{"is-clean", "MACHINE...", "nothing of a cluster runs or lies there, and no key", fromInside, security.IsClean},
		{"reset-from-pod", "MACHINE LABEL", "kubespore-reset, started from a pod with that label, leaves nothing of a cluster, by what the console shows", fromOutside, security.ResetFromPod},
		{"run", "MACHINE COMMAND", "a command of the shell succeeds there", fromInside, doThere},
		{"dns-resolves", "MACHINE NAME ANSWER", "the cluster's DNS answers there; an address is looked up in reverse", fromInside, cluster.DNSResolves},
		{"type-page", "PAGE SECTION", "type the commands of a section of a page where it says", fromOutside, upkeep.TypePage},
		{"run-outside", "COMMAND", "a command of the shell succeeds outside, with the operator's kubectl", fromOutside, cluster.RunOutside},
		{"check-kubeadm", "MACHINE...", "kubeadm knows when certificates end and plans an upgrade", fromInside, upkeep.CheckKubeadm},
		{"kubeadm-reconfigure", "MACHINE...", "change a flag of the API server with kubeadm, as its manual says", fromInside, upkeep.Reconfigure},
		{"kubeadm-reconfigured", "MACHINE...", "the change is in the cluster, on the disk and at work", fromInside, upkeep.Reconfigured},
		{"kubeadm-upgrade", "MACHINE...", "kubeadm upgrades the control plane, as docs/upgrade.md says", fromInside, upkeep.Upgrade},
		{"upgrade-services", "MACHINE...", "exchange the programs of services, machine by machine, as docs/upgrade.md says", fromInside, upkeep.UpgradeServices},
		{"upgraded", "MACHINE...", "all is of the new version, and as kubeadm left it", fromInside, upkeep.Upgraded},
		{"age-certificate", "MACHINE...", "bring the kubelet's client certificate near its end", fromInside, upkeep.AgeCertificate},
		{"certificate-rotated", "MACHINE...", "the kubelet has renewed it and uses the new one", fromInside, upkeep.CertificateRotated},
		{"tokens-decide", "GROUP", "a token of the issuer for a user of that group is let in, and may list Nodes and no Secrets; one that has ended, is for others, of another issuer or of another key is not", fromOutside, security.TokensDecide},
		{"kube-bench", "MACHINE...", "kube-bench fails nothing but what docs/hardening.md lists", fromInside, security.KubeBench},
		{"compare-with-kubeadm", "MACHINE N", "Ready as soon as with kubeadm's files, by the medians of N runs each", fromInside, upkeep.CompareWithKubeadm},
		{"boot-by-kubeadm", "MACHINE", "power on with what kubeadm writes in the place of what kubespore does", fromInside, upkeep.BootByKubeadm},
		{"adopt", "MACHINE HOSTS", "adopt the cluster of that machine as docs/adopt.md says, add hosts, and build", fromInside, upkeep.Adopt},
		{"renew-certificates", "[NAME...]", "kubespore makes certificates anew, builds, and writes the kits", fromOutside, upkeep.RenewCertificates},
		{"rotate", "NAME...", "kubespore takes the exchange of authorities and keys to its next phase, builds, and writes the kits", fromOutside, upkeep.Rotate},
		{"change-topology", "YAML", "lay values over the topology, and build", fromOutside, upkeep.ChangeTopology},
		{"take-file", "MACHINE PATH", "keep a file of the machine outside", fromInside, upkeep.TakeFile},
		{"give-file", "MACHINE PATH", "put it back", fromInside, upkeep.GiveFile},
		{"write-kits", "", "kubespore writes the kits of the last build", fromOutside, upkeep.WriteKits},
		{"upgrade-by-kits", "", "kubespore builds for the other version, and writes the kits with programs and images", fromOutside, upkeep.UpgradeByKits},
		{"apply-kits", "MACHINE...", "take the kits, all machines at the same time", fromInside, upkeep.ApplyKits},
		{"cut-power-during-kit", "MACHINE [DURATION]", "begin to take the kit, and cut the power at a random moment of its first 8 s, or as many as it says", fromInside, upkeep.CutPowerDuringKit},
		{"certificates-end", "", "wait until the certificates of the first build have ended", fromOutside, upkeep.CertificatesEnd},
		{"plug-in-kits", "", "plug in a stick with all kits, which machines find at the next power-on", fromOutside, upkeep.PlugInKits},
		{"hand-over", "MACHINE", "make it the only machine of another cluster by a kit, and let it shut down; that cluster is asked from now on", fromInside, upkeep.HandOver},
		{"refuse-kits", "MACHINE...", "kits that are changed, old, another machine's or another cluster's are refused", fromInside, upkeep.RefuseKits},
		{"kit-applied", "MACHINE...", "every file of the kit is what it says", fromInside, upkeep.KitApplied},
		{"begin-writes", "", "begin to write five objects a second at the cluster's endpoint", fromOutside, upkeep.BeginWrites},
		{"no-write-lost", "[DURATION]", "every write that was acknowledged is there, and none had to wait for longer", fromOutside, upkeep.NoWriteLost},
		{"follow-console", "MACHINE", "type the commands that its console shows, on another member", fromInside, cluster.FollowConsole},
	}
}

// VerbOf finds the verb of a step, and sees that it has the words it needs.
func VerbOf(step string) (Verb, []string, error) {
	words := strings.Fields(step)
	for _, v := range Verbs() {
		if len(words) == 0 || words[0] != v.Name {
			continue
		}
		needs := slices.DeleteFunc(strings.Fields(v.Words), func(w string) bool { return strings.HasPrefix(w, "[") })
		if len(words)-1 < len(needs) {
			return Verb{}, nil, fmt.Errorf("%s wants %s", v.Name, v.Words)
		}
		return v, words[1:], nil
	}
	return Verb{}, nil, fmt.Errorf("no such step: %s", step)
}

// LooksInside says whether a step is taken inside a machine, or looks there.
func (v Verb) LooksInside(words []string) bool {
	return v.sees == fromInside || slices.Contains(words, "holder") || slices.Contains(words, "victim")
}

func doThere(ctx context.Context, r *lab.Run, words []string) (string, error) {
	return r.Each(ctx, words[:1], func(m *lab.Machine) error {
		c, err := hardware.Inside(m)
		if err == nil {
			_, err = c.Do(ctx, strings.Join(words[1:], " "))
		}
		return err
	})
}

func giveLease(_ context.Context, r *lab.Run, words []string) (string, error) {
	if _, ok := r.Machines[words[0]]; !ok {
		return "", fmt.Errorf("no machine is called %s", words[0])
	}
	return "", hardware.GiveLease(r, words[0], words[1])
}

func powerOn(ctx context.Context, r *lab.Run, words []string) (string, error) {
	return r.Each(ctx, words, func(m *lab.Machine) error { return m.PowerOn(ctx) })
}

func cutPower(ctx context.Context, r *lab.Run, words []string) (string, error) {
	return r.Each(ctx, words, func(m *lab.Machine) error { return m.Cut() })
}

func shutDown(ctx context.Context, r *lab.Run, words []string) (string, error) {
	return r.Each(ctx, words, func(m *lab.Machine) error { return m.ShutDown(ctx) })
}

func fresh(ctx context.Context, r *lab.Run, words []string) (string, error) {
	return r.Each(ctx, words, func(m *lab.Machine) error { return m.Fresh(ctx) })
}

// cutAtRandom cuts the power somewhere in the first half minute, when nearly
// everything of a first boot happens; sooner more often than later.
func cutAtRandom(ctx context.Context, r *lab.Run, words []string) (string, error) {
	machines, err := r.Named(ctx, words[:1])
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
		if err := machines[0].PowerOn(ctx); err != nil {
			return "", err
		}
		if err := process.Pause(ctx, moment); err != nil {
			return "", err
		}
		if err := machines[0].Cut(); err != nil {
			return "", err
		}
		r.Lab.Screen.Now("cut after " + strings.Join(moments, ", ") + " s")
	}
	return "after " + strings.Join(moments, ", ") + " s", nil
}

func wait(ctx context.Context, _ *lab.Run, words []string) (string, error) {
	d, err := time.ParseDuration(strings.Join(words, ""))
	if err != nil {
		return "", err
	}
	return "", process.Pause(ctx, d)
}
