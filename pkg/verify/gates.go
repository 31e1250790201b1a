package verify

import (
	"fmt"
	"time"

	kubelet "k8s.io/kubelet/config/v1beta1"

	"github.com/kubespore/kubespore/pkg/profile"
)

// gatedFields are fields of the kubelet's configuration that it refuses without a
// feature gate, and the minors where that gate is off by default.
var gatedFields = []struct {
	field, gate, off string
	used             func(*kubelet.KubeletConfiguration) bool
}{
	{"cpuCFSQuotaPeriod", "CustomCPUCFSQuotaPeriod", "<1.36", func(c *kubelet.KubeletConfiguration) bool {
		return c.CPUCFSQuotaPeriod != nil && c.CPUCFSQuotaPeriod.Duration != 100*time.Millisecond
	}},
	{"enableSystemLogQuery", "NodeLogQuery", "<1.36", func(c *kubelet.KubeletConfiguration) bool { return or(c.EnableSystemLogQuery, false) }},
	{"defaultPodSysctls", "DefaultPodSysctls", "<1.38", func(c *kubelet.KubeletConfiguration) bool { return len(c.DefaultPodSysctls) > 0 }},
}

// withoutGate says which fields want a gate that is off.
func withoutGate(c *kubelet.KubeletConfiguration, minor string) []wrongField {
	var out []wrongField
	for _, f := range gatedFields {
		if f.used(c) && !c.FeatureGates[f.gate] && profile.MinorIs(minor, []string{f.off}) {
			out = append(out, wrongField{f.field, fmt.Sprintf("%s needs the feature gate %s, which is off in kubernetes %s", f.field, f.gate, minor),
				fmt.Sprintf("write featureGates: {%s: true} as well, or take %s out", f.gate, f.field)})
		}
	}
	if or(c.EnableSystemLogQuery, false) && !or(c.EnableSystemLogHandler, true) {
		out = append(out, wrongField{"enableSystemLogQuery", "it needs enableSystemLogHandler", "write enableSystemLogHandler: true"})
	}
	return out
}
