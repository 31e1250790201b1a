package verify

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kubelet "k8s.io/kubelet/config/v1beta1"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/profile"
)

// givenFields judges fields of a configuration that the topology gives.
func (v *givenProofs) givenFields(kind string, fields map[string]any, where string, out *diag.List) {
	good := map[string]any{}
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		path := where + "." + key
		at := v.plan.Topology.At(path)
		if instead, owned := v.rules.Owned[kind][key]; owned {
			v.unread = true
			out.Errorf("V071", at, path, "the field %s is decided elsewhere", key).WithHint("%s", writeInstead(instead))
			continue
		}
		known := true
		for _, field := range leaves(map[string]any{key: fields[key]}, "") {
			if !v.release.knownField(kind, field) {
				known, v.unread = false, true
				out.Errorf("V013", v.plan.Topology.At(where+"."+field), path, "%s has no field %s in kubernetes %s", kind, field, v.release.minor).
					WithHint("%s", didYouMean(field, v.release.names("field", kind)))
			}
		}
		if !known {
			continue
		}
		if _, err := kubeletConfig(map[string]any{key: fields[key]}); err != nil {
			v.unread = true
			out.Errorf("V074", at, path, "the kubelet does not take that: %s", plainError(err)).WithHint("see the reference of %s", kind)
			continue
		}
		good[key] = fields[key]
	}
	config, err := kubeletConfig(good)
	if err != nil {
		return // said of the field that it is about
	}
	for _, p := range wrongKubeletConfig(config, v.release.minor) {
		path := where + "." + p.field
		out.Errorf("V074", v.plan.Topology.At(path), path, "the kubelet would not start: %s", p.because).WithHint("%s", p.hint)
	}
}

// staticByFlag judges a CPU manager that a flag asks for, which the kubelet makes of
// its flags and its configuration together.
func (v *givenProofs) staticByFlag(flags []profile.Flag, config any, where string, out *diag.List) {
	fields, _ := config.(map[string]any)
	c, err := kubeletConfig(fields)
	if err != nil {
		return // said of its field
	}
	asked := ""
	for _, f := range flags {
		switch f.Name {
		case "cpu-manager-policy":
			c.CPUManagerPolicy, asked = f.Value, f.Path
		case "reserved-cpus":
			c.ReservedSystemCPUs = f.Value
		case "kube-reserved", "system-reserved":
			if c.KubeReserved = map[string]string{}; strings.Contains(f.Value, "cpu=") {
				c.KubeReserved["cpu"] = "1"
			}
		}
	}
	for _, p := range wrongKubeletConfig(c, v.release.minor) {
		if p.field == "cpuManagerPolicy" && asked != "" {
			out.Errorf("V074", v.plan.Topology.At(where+asked), where+asked, "the kubelet would not start: %s", p.because).
				WithHint("under profiles.kubelet write config: {cpuManagerPolicy: static, kubeReserved: {cpu: 500m}}, and take the flag out")
		}
	}
}

// kubeletConfig gives fields their types.
func kubeletConfig(fields map[string]any) (*kubelet.KubeletConfiguration, error) {
	text, err := json.Marshal(fields)
	if err != nil {
		return nil, err
	}
	config := &kubelet.KubeletConfiguration{}
	// Not by way of YAML, which would make a text of a number where one is wanted.
	strict := json.NewDecoder(bytes.NewReader(text))
	strict.DisallowUnknownFields()
	return config, strict.Decode(config)
}

// wrongField is what the kubelet refuses of its configuration.
type wrongField struct{ field, because, hint string }

// wrongKubeletConfig says what the kubelet would refuse, when it validates its
// configuration and when it makes its managers from it. Its own code for that
// cannot be linked into another program; test/oracle asks it whether it says the
// same.
func wrongKubeletConfig(c *kubelet.KubeletConfiguration, minor string) []wrongField {
	out := withoutGate(c, minor)
	for _, rule := range []func(*kubelet.KubeletConfiguration, func(field, hint, format string, args ...any)){
		kubeletNumbers, kubeletEnums, kubeletImages, kubeletShutdown, kubeletReserved, kubeletEviction, kubeletSysctls,
	} {
		rule(c, func(field, hint, format string, args ...any) {
			out = append(out, wrongField{field, fmt.Sprintf(format, args...), hint})
		})
	}
	return out
}

type sayWrong = func(field, hint, format string, args ...any)

// or gives what a pointer holds, or what holds without it.
func or[T any](p *T, fallback T) T {
	if p == nil {
		return fallback
	}
	return *p
}

func kubeletNumbers(c *kubelet.KubeletConfiguration, say sayWrong) {
	for _, n := range []struct {
		field      string
		value      int64
		least, top int64
	}{
		{"nodeLeaseDurationSeconds", int64(cmp.Or(c.NodeLeaseDurationSeconds, 40)), 1, 1 << 31},
		{"eventBurst", int64(c.EventBurst), 0, 1 << 31},
		{"eventRecordQPS", int64(or(c.EventRecordQPS, 50)), 0, 1 << 31},
		{"imageGCHighThresholdPercent", int64(or(c.ImageGCHighThresholdPercent, 85)), 0, 100},
		{"imageGCLowThresholdPercent", int64(or(c.ImageGCLowThresholdPercent, 80)), 0, 100},
		{"iptablesDropBit", int64(or(c.IPTablesDropBit, 15)), 0, 31},
		{"iptablesMasqueradeBit", int64(or(c.IPTablesMasqueradeBit, 14)), 0, 31},
		{"kubeAPIBurst", int64(c.KubeAPIBurst), 0, 1 << 31},
		{"kubeAPIQPS", int64(or(c.KubeAPIQPS, 50)), 0, 1 << 31},
		{"nodeStatusMaxImages", int64(or(c.NodeStatusMaxImages, 50)), -1, 1 << 31},
		{"maxOpenFiles", c.MaxOpenFiles, 0, 1 << 62},
		{"oomScoreAdj", int64(or(c.OOMScoreAdj, -999)), -1000, 1000},
		{"podsPerCore", int64(c.PodsPerCore), 0, 1 << 31},
		{"registryBurst", int64(c.RegistryBurst), 0, 1 << 31},
		{"registryPullQPS", int64(or(c.RegistryPullQPS, 5)), 0, 1 << 31},
		{"maxParallelImagePulls", int64(or(c.MaxParallelImagePulls, 1)), 1, 1 << 31},
		{"containerLogMaxWorkers", int64(or(c.ContainerLogMaxWorkers, 1)), 1, 1 << 31},
	} {
		if n.value < n.least {
			say(n.field, fmt.Sprintf("write %d or more", n.least), "%s is %d, and must be %d at least", n.field, n.value, n.least)
		} else if n.value > n.top {
			say(n.field, fmt.Sprintf("write %d or less", n.top), "%s is %d, and must be %d at most", n.field, n.value, n.top)
		}
	}
	if d := c.CPUCFSQuotaPeriod; d != nil && (d.Duration < time.Millisecond || d.Duration > time.Second) {
		say("cpuCFSQuotaPeriod", "write it as in 100ms", "cpuCFSQuotaPeriod is %s, and must be from 1ms to 1s", d.Duration)
	}
}

func kubeletEnums(c *kubelet.KubeletConfiguration, say sayWrong) {
	for _, w := range []struct {
		field, value string
		allowed      []string
	}{
		{"topologyManagerPolicy", c.TopologyManagerPolicy, []string{"none", "best-effort", "restricted", "single-numa-node"}},
		{"topologyManagerScope", c.TopologyManagerScope, []string{"container", "pod"}},
		{"cpuManagerPolicy", c.CPUManagerPolicy, []string{"none", "static"}},
		{"memoryManagerPolicy", c.MemoryManagerPolicy, []string{"None", "Static"}},
		{"hairpinMode", c.HairpinMode, []string{"promiscuous-bridge", "hairpin-veth", "none"}},
		{"memorySwap.swapBehavior", c.MemorySwap.SwapBehavior, []string{"NoSwap", "LimitedSwap"}},
		{"logging.format", c.Logging.Format, []string{"text", "json"}},
	} {
		if w.value != "" && !slices.Contains(w.allowed, w.value) {
			say(w.field, "write one of "+strings.Join(w.allowed, ", "), "%q is not a %s", w.value, w.field)
		}
	}
}

func kubeletImages(c *kubelet.KubeletConfiguration, say sayWrong) {
	low, high := or(c.ImageGCLowThresholdPercent, 80), or(c.ImageGCHighThresholdPercent, 85)
	if low >= high {
		field := "imageGCLowThresholdPercent"
		if c.ImageGCLowThresholdPercent == nil {
			field = "imageGCHighThresholdPercent"
		}
		say(field, "write both, the lower one less than the higher one", "imageGCLowThresholdPercent is %d, and must be less than imageGCHighThresholdPercent, %d", low, high)
	}
	least := cmp.Or(c.ImageMinimumGCAge.Duration, 2*time.Minute)
	if least < 0 {
		say("imageMinimumGCAge", "write it as in 2m", "imageMinimumGCAge is less than nothing")
	}
	if most := c.ImageMaximumGCAge.Duration; most < 0 || most > 0 && most <= least {
		say("imageMaximumGCAge", "write it as in 168h", "imageMaximumGCAge is %s, and must be more than imageMinimumGCAge, %s", most, least)
	}
	if or(c.SerializeImagePulls, false) && or(c.MaxParallelImagePulls, 1) > 1 {
		say("maxParallelImagePulls", "write serializeImagePulls: false", "images cannot be pulled %d at once and one after the other", *c.MaxParallelImagePulls)
	}
}

func kubeletShutdown(c *kubelet.KubeletConfiguration, say sayWrong) {
	whole, critical := c.ShutdownGracePeriod.Duration, c.ShutdownGracePeriodCriticalPods.Duration
	if critical > whole {
		say("shutdownGracePeriodCriticalPods", "write shutdownGracePeriod too, as long or longer", "shutdownGracePeriodCriticalPods is %s, and part of shutdownGracePeriod, %s", critical, whole)
	}
	for _, d := range []struct {
		field string
		metav1.Duration
	}{{"shutdownGracePeriod", c.ShutdownGracePeriod}, {"shutdownGracePeriodCriticalPods", c.ShutdownGracePeriodCriticalPods}} {
		if d.Duration.Duration != 0 && d.Duration.Duration < time.Second {
			say(d.field, "write it as in 30s", "%s is %s, and must be a second or more", d.field, d.Duration.Duration)
		}
	}
	if len(c.ShutdownGracePeriodByPodPriority) > 0 && (whole > 0 || critical > 0) {
		say("shutdownGracePeriodByPodPriority", "take shutdownGracePeriod out, or this", "it cannot stand with shutdownGracePeriod")
	}
}

var reservable = []string{"cpu", "memory", "ephemeral-storage", "pid"}

func kubeletReserved(c *kubelet.KubeletConfiguration, say sayWrong) {
	cpus := c.ReservedSystemCPUs != ""
	for _, r := range []struct {
		field string
		given map[string]string
	}{{"kubeReserved", c.KubeReserved}, {"systemReserved", c.SystemReserved}} {
		for _, name := range slices.Sorted(maps.Keys(r.given)) {
			q, err := resource.ParseQuantity(r.given[name])
			switch {
			case !slices.Contains(reservable, name):
				say(r.field+"."+name, "write "+strings.Join(reservable, ", "), "%s of %s cannot be reserved", name, r.field)
			case err != nil || q.Sign() < 0:
				say(r.field+"."+name, "write it as in 500m or 1Gi", "%q is not a quantity", r.given[name])
			case name == "cpu" && q.Sign() > 0:
				cpus = true
			}
		}
	}
	if c.CPUManagerPolicy == "static" && !cpus {
		say("cpuManagerPolicy", "add kubeReserved: {cpu: 500m} or reservedSystemCPUs: '0'", "the static policy needs CPU that is reserved for the system")
	}
	if c.MemoryManagerPolicy == "Static" && len(c.ReservedMemory) == 0 {
		say("memoryManagerPolicy", "add reservedMemory, as much as kubeReserved, systemReserved and evictionHard say together", "the policy Static needs reservedMemory")
	}
	if c.SystemCgroups != "" && c.CgroupRoot == "" {
		say("systemCgroups", "add cgroupRoot: /", "systemCgroups needs cgroupRoot")
	}
	if c.ReservedSystemCPUs != "" && (c.SystemReservedCgroup != "" || c.KubeReservedCgroup != "") {
		say("reservedSystemCPUs", "take systemReservedCgroup and kubeReservedCgroup out", "it cannot stand with systemReservedCgroup or kubeReservedCgroup")
	}
	if c.ReservedSystemCPUs != "" && !cpuSet(c.ReservedSystemCPUs) {
		say("reservedSystemCPUs", "write it as in 0-1,4", "%q is not a set of CPUs", c.ReservedSystemCPUs)
	}
	kubeletEnforced(c, say)
}

// cpuSet says whether a text is a list of numbers and ranges.
func cpuSet(text string) bool {
	for part := range strings.SplitSeq(text, ",") {
		from, to, isRange := strings.Cut(part, "-")
		first, err := strconv.Atoi(from)
		if err != nil {
			return false
		}
		if last, err := strconv.Atoi(to); isRange && (err != nil || last < first) {
			return false
		}
	}
	return true
}

// enforceable are the words of enforceNodeAllocatable, each with the field that it
// needs.
var enforceable = map[string]string{"none": "", "pods": "", "system-reserved": "systemReservedCgroup", "system-reserved-compressible": "systemReservedCgroup",
	"kube-reserved": "kubeReservedCgroup", "kube-reserved-compressible": "kubeReservedCgroup"}

func kubeletEnforced(c *kubelet.KubeletConfiguration, say sayWrong) {
	const field = "enforceNodeAllocatable"
	cgroups := map[string]string{"systemReservedCgroup": c.SystemReservedCgroup, "kubeReservedCgroup": c.KubeReservedCgroup}
	seen := map[string]bool{}
	names := c.EnforceNodeAllocatable
	if names == nil {
		names = []string{"pods"}
	}
	for _, name := range names {
		needs, known := enforceable[name]
		switch {
		case !known:
			say(field, "write "+strings.Join(slices.Sorted(maps.Keys(enforceable)), ", "), "%q cannot be enforced", name)
		case seen[name]:
			say(field, "write it once", "%q stands twice", name)
		case name == "none" && len(names) > 1:
			say(field, "take none out, or the others", "none cannot stand with others")
		case needs != "" && cgroups[needs] == "":
			say(field, "add "+needs, "%s needs %s", name, needs)
		case seen[strings.TrimSuffix(name, "-compressible")] || seen[name+"-compressible"]:
			say(field, "take one of them out", "%s cannot be enforced in two ways", strings.TrimSuffix(name, "-compressible"))
		case name != "none" && !or(c.CgroupsPerQOS, true):
			say("cgroupsPerQOS", "take cgroupsPerQOS: false out", "%s needs cgroupsPerQOS", name)
		}
		seen[name] = true
	}
}

var signals = []string{"memory.available", "nodefs.available", "nodefs.inodesFree", "imagefs.available", "imagefs.inodesFree",
	"containerfs.available", "containerfs.inodesFree", "allocatableMemory.available", "pid.available"}

func kubeletEviction(c *kubelet.KubeletConfiguration, say sayWrong) {
	for _, e := range []struct {
		field  string
		values map[string]string
	}{{"evictionHard", c.EvictionHard}, {"evictionSoft", c.EvictionSoft}, {"evictionMinimumReclaim", c.EvictionMinimumReclaim}} {
		for _, signal := range slices.Sorted(maps.Keys(e.values)) {
			if !slices.Contains(signals, signal) {
				say(e.field+"."+signal, didYouMean(signal, slices.Clone(signals)), "there is no eviction signal %s", signal)
			} else if !threshold(e.values[signal]) {
				say(e.field+"."+signal, "write it as in 200Mi or 10%", "%q is neither a quantity nor a part in percent", e.values[signal])
			}
		}
	}
	for _, signal := range slices.Sorted(maps.Keys(c.EvictionSoft)) {
		if c.EvictionSoftGracePeriod[signal] == "" {
			say("evictionSoft."+signal, fmt.Sprintf("add evictionSoftGracePeriod: {%s: 90s}", signal), "evictionSoft of %s needs a grace period", signal)
		}
	}
	for _, signal := range slices.Sorted(maps.Keys(c.EvictionSoftGracePeriod)) {
		if d, err := time.ParseDuration(c.EvictionSoftGracePeriod[signal]); err != nil || d < 0 {
			say("evictionSoftGracePeriod."+signal, "write it as in 90s", "%q is not a duration", c.EvictionSoftGracePeriod[signal])
		} else if c.EvictionSoft[signal] == "" {
			say("evictionSoftGracePeriod."+signal, "add evictionSoft."+signal, "there is no evictionSoft of %s", signal)
		}
	}
}

func threshold(text string) bool {
	if part, percent := strings.CutSuffix(text, "%"); percent {
		n, err := strconv.ParseFloat(part, 32)
		return err == nil && n >= 0 && n <= 100
	}
	q, err := resource.ParseQuantity(text)
	return err == nil && q.Sign() >= 0
}

// unsafeSysctl is what the kubelet lets pods set, when it is allowed: what the
// kernel has once for each namespace.
var unsafeSysctl = regexp.MustCompile(`^(kernel\.shm[a-z0-9_]*|kernel\.msg[a-z0-9_]*|kernel\.sem|fs\.mqueue\.[a-z0-9_.]*|net\.[a-z0-9_./-]*)\*?$`)

func kubeletSysctls(c *kubelet.KubeletConfiguration, say sayWrong) {
	for i, name := range c.AllowedUnsafeSysctls {
		if !unsafeSysctl.MatchString(name) {
			say(fmt.Sprintf("allowedUnsafeSysctls[%d]", i), "name sysctls of kernel.shm, kernel.msg, kernel.sem, fs.mqueue. or net.", "%q is not a sysctl that a pod has for itself", name)
		}
	}
}
