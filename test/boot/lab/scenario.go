package lab

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/kubespore/kubespore/test/boot/documents"
)

// Scenario is one row of scenarios.yaml: a topology and what is done with its
// machines.
type Scenario struct {
	Name     string
	Topology string // below examples, or a path in the repository
	Shows    string
	Extra    bool              // not part of the default run
	Lane     string            // what its machines are; container when it does not say
	Format   string            // of the documents: ignition, or cloud-init, which only machines proper read
	Clock    string            // what the clocks of machines proper say at every power-on; the time of day when it does not say
	Valid    time.Duration     // for how long the certificates of the first build are valid; 0 is as the topology says
	Without  []string          // hosts that the first build leaves out
	Set      map[string]any    // changes to the topology
	Profiles string            // a folder of the repository with profiles of a user's own
	Release  string            // of Debian; bookworm when it does not say
	Packages []string          // of Debian, that the base image has besides its own
	Purged   []string          // packages of Debian that containers do not have
	Lacks    []string          // programs and modules (NAME.ko) of Debian that its machines do not have, as images that were made too small
	Kernel   string            // arguments for the kernel of machines proper, besides the lab's own
	Deliver  map[string]string // how documents come to hosts of machines proper, where not as usual for the format
	Firmware map[string]string // of hosts that boot by themselves, from a disk or the network: bios, or uefi
	Issuer   string            // URL of an issuer of tokens that the lab runs at its own address, the last of the first machine's network, and that the API servers trust
	Payload  string            // how the machines come to a locked one: folder, mirror or volume; "" has all of it baked in, and machines proper wait for it
	Page     string            // whose commands make payload and documents, and seed volumes for machines proper, as in README.md
	Upstream bool              // what the page packs is what upstream publishes, as it was downloaded
	Upgrade  string            // the version of Kubernetes that the step upgrade goes to
	Repeat   int               // how often the steps are taken; 0 is once
	Steps    []string
}

// AllExtra is the name of all scenarios that the default run leaves out.
const AllExtra = "extra"

// Among says whether names, or patterns such as media-*, mean the scenario.
func (s Scenario) Among(names []string) bool {
	return slices.ContainsFunc(names, func(name string) bool {
		ok, err := path.Match(name, s.Name)
		return ok && err == nil || name == AllExtra && s.Extra
	})
}

// Takes says whether a verb is among the steps of the scenario.
func (s Scenario) Takes(verb string) bool {
	return slices.ContainsFunc(s.Steps, func(step string) bool { return strings.HasPrefix(step, verb+" ") })
}

// The releases of Debian that machines are made of. What runs in containers on them
// is always of the first.
const Debian12, debian13 = "bookworm", "trixie"

// DebianName says which root the scenario's containers start from.
func (s Scenario) DebianName() string {
	return strings.Join(append([]string{s.Release}, s.Packages...), " ")
}

// Base is what machines of the machine lane start from: a Debian that knows
// nothing of Kubernetes.
type Base struct {
	Disk, Kernel, Initrd string
	Lacking              string // a folder with what was taken out of the root
	CloudImage           string // the same with partitions and a boot loader, where a machine boots by itself
}

// FirstBootDone is what the image says on the console when its boot loader must
// not ask for Ignition any more. Images of Fedora CoreOS remove a file of their
// boot loader's at the same moment; here the lab is the boot loader.
const FirstBootDone = "lab: the first boot is done"

// BaseName says which base image the scenario's machines proper start from.
func (s Scenario) BaseName() string {
	return strings.Join(slices.Concat([]string{s.Format, s.Release}, s.Packages, []string{"without"}, s.Lacks), " ")
}

// Ignition names the build of Ignition that is in its initramfs: one that labels what it
// writes, as that of Fedora CoreOS does, where the root has a policy of SELinux.
func (s Scenario) Ignition() string {
	if slices.Contains(s.Packages, "selinux-policy-default") {
		return "ignition@selinux"
	}
	return "ignition"
}

// Boots says whether the scenario has a machine that boots the image by itself.
func (s Scenario) Boots() bool { return s.comesBy("disk") || s.Takes("try-image") }

// HasGRUB says whether the image of a machine that boots by itself has the programs
// that configure its boot loader, so that the machine may.
func (s Scenario) HasGRUB() bool { return slices.Contains(s.Packages, "grub2-common") }

// Bakes says whether the scenario starts from such an image.
func (s Scenario) Bakes() bool { return s.Lane == MachineLane && s.Payload == InFolder }

// comesBy says whether a document of the scenario comes that way.
func (s Scenario) comesBy(way string) bool {
	return slices.Contains(slices.Collect(maps.Values(s.Deliver)), way)
}

// deliveryPrograms are those of test/tools that a way takes.
var deliveryPrograms = map[string]string{"stick": "age", "matchbox": "matchbox"}

// OtherPrograms are what the scenario takes of test/tools besides programs of its
// machines: what deliveries need, and steps.
func (s Scenario) OtherPrograms() []string {
	var programs []string
	for _, name := range slices.Sorted(maps.Values(s.Deliver)) {
		if program, ok := deliveryPrograms[name]; ok {
			programs = append(programs, program)
		}
	}
	if s.Takes("kube-bench") {
		programs = append(programs, "kube-bench")
	}
	if s.Lane == MachineLane && s.Format == documents.Ignition {
		programs = append(programs, s.Ignition())
	}
	return slices.Compact(programs)
}

// The ways of a locked payload to the machines of a scenario. Such machines
// start from a Debian without programs and images.
const (
	InFolder      = "folder"       // the bundle lies in their image, at bakedPayload
	OnMirror      = "mirror"       // a web server on their network serves it
	OnPlainMirror = "plain-mirror" // one that is slow and does not serve ranges
	OnVolume      = "volume"       // it is a volume labelled KUBESPORE; for containers, a stick
)

// BakedPayload is where machines find a bundle that was put into their image.
const BakedPayload = "/var/lib/kubespore/payload"

// Locked says whether machines install by themselves what the operator locked.
func (s Scenario) Locked() bool { return s.Payload != "" }

// Firmware that finds by itself what it boots. SeaBIOS is what QEMU has when
// nothing is said.
const BIOS, UEFI = "bios", "uefi"

// slowClock has the kernel believe that its processor counts 8 GHz. It counts what
// the test machine's does, so that the machine's time goes by about three times
// slower than ours: what it waits for at most, and how often it looks, keep some
// proportion to how slow it is.
const slowClock = "tsc_early_khz=8000000"

// KernelArguments are the kernel's on every machine. Page tables that keep the
// kernel apart from programs cost an emulated processor a flush of all it has
// translated, at every system call. And what it translated it can use for a
// program that is started again only where that lies at the same address.
const KernelArguments = "root=LABEL=root rw console=ttyS0 mitigations=off norandmaps tsc=reliable " + slowClock

// Minor is the Kubernetes of the lab's own kubectl.
const Minor = "1.37"

// MinorOf gives the minor of a version such as v1.36.3.
func MinorOf(version string) (string, error) {
	parts := strings.Split(strings.TrimPrefix(version, "v"), ".")
	if len(parts) != 3 {
		return "", fmt.Errorf("%q is not a version of Kubernetes", version)
	}
	return parts[0] + "." + parts[1], nil
}

// NewBundle is where an administrator has mounted the bundle of the version
// that the cluster is upgraded to.
const NewBundle = "/mnt"
