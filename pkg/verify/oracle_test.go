//go:build oracle

package verify

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// judged gives what a release's own code says of command lines: of a program's
// options, parsed only or validated too.
func judged(t *testing.T, folder, program, how string, lines [][]string) []string {
	t.Helper()
	var in bytes.Buffer
	for _, line := range lines {
		text, err := json.Marshal(line)
		if err != nil {
			t.Fatal(err)
		}
		in.Write(append(text, '\n'))
	}
	cmd := exec.Command(filepath.Join(folder, program), "judge", how)
	cmd.Stdin = &in
	var errors bytes.Buffer
	cmd.Stderr = &errors
	answer, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", program, err, errors.String())
	}
	var out []string
	for decoder := json.NewDecoder(bytes.NewReader(answer)); decoder.More(); {
		var said string
		if err := decoder.Decode(&said); err != nil {
			t.Fatal(err)
		}
		out = append(out, said)
	}
	if len(out) != len(lines) {
		t.Fatalf("%s judged %d of %d command lines", program, len(out), len(lines))
	}
	return out
}

// minors says for which releases the tests run.
func minors() []string {
	if set := os.Getenv("KUBESPORE_MINORS"); set != "" {
		return strings.Fields(set)
	}
	return []string{"1.37"}
}

// built gives the folder of the programs that judge, and the release's table.
func built(t *testing.T, minor string) (string, release) {
	t.Helper()
	cmd := exec.Command("../../test/tools/tables/build", minor)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	r, err := loadRelease(minor)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out)), r
}

var programsOfKubernetes = []string{"kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy"}

// probes are values that some type takes and others do not.
var probes = []string{
	"", "true", "f", "maybe", "0", "1", "60", "-1", "1.5", "0x10", "99999999999", "60s", "1h30m", "5 m", "10.9.0.11", "fd00::1", "10.9.0.0/16", "10.9.0.11:80", "[fd00::1]:80",
	"word", "a=b", "A=true", "one,other", "a=1,b=2", `"quoted`, "30000-32767", "80-", "512Ki", "/a.crt,/a.key", "=", ",",
}

// Every flag of every program is given every probe, and is parsed by the real
// options; what those take as words they validate too.
func TestFlagsAsThePrograms(t *testing.T) {
	for _, minor := range minors() {
		folder, r := built(t, minor)
		count, alike := 0, 0
		listed := differences(t, "differences.yaml")
		for _, program := range programsOfKubernetes {
			base := required(t, program)
			names := r.names("flag", program)
			slices.Sort(names)
			for how, wanted := range map[string]func(name string) bool{
				"parse": func(name string) bool { return r.values[program+" "+name] == nil && name != "feature-gates" },
				"whole": func(name string) bool { return r.values[program+" "+name] != nil },
				"apart": func(name string) bool { return name == "feature-gates" },
			} {
				var lines [][]string
				var given [][2]string
				for _, name := range names {
					if !wanted(name) || name == "help" || name == "version" {
						continue
					}
					for _, value := range probesOf(r, program, name) {
						given = append(given, [2]string{name, value})
						line := []string{"--" + name + "=" + value}
						if how != "parse" {
							line = append(slices.Clone(base), line...)
						}
						lines = append(lines, line)
					}
				}
				for i, said := range judged(t, folder, program, how, lines) {
					name, value := given[i][0], given[i][1]
					because, _ := r.wrongValue(program, name, value)
					count++
					if (because != "") == (said != "") {
						alike++
						continue
					}
					kind, _, _ := r.flag(program, name)
					if kind == "level" && value == "-1" {
						count-- // the program has two flags of that name, and a map's order decides
						continue
					}
					if listed.explains(program+" "+name, name, program+" "+name+"="+value, kind) {
						continue
					}
					t.Errorf("%s %s --%s=%s (%s): check says %q, the program %q", minor, program, name, value, kind, because, said)
				}
			}
		}
		listed.unused(t)
		t.Logf("%s: %d flags with values judged, %d alike, %d of listed differences", minor, count, alike, count-alike)
	}
}

// probesOf are the probes and, of a flag that takes words, words.
func probesOf(r release, program, name string) []string {
	out := slices.Clone(probes)
	if name == "feature-gates" {
		out = []string{"", "NoSuchGate=true", "maybe"}
		for i, gate := range slices.Sorted(slices.Values(r.names("gate", program))) {
			if i%9 == 0 && gate != "AllAlpha" && gate != "AllBeta" {
				out = append(out, gate+"=true", gate+"=false", gate)
			}
		}
		return out
	}
	if values := r.values[program+" "+name]; values != nil {
		out = append(out, values[0], values[len(values)-1], values[0]+",word", "-"+values[0], strings.ToLower(values[0]))
	}
	return out
}

// required are the flags without which a program ends before it looks at others.
func required(t *testing.T, program string) []string {
	t.Helper()
	folder := t.TempDir()
	switch program {
	case "kube-apiserver":
	case "kubelet":
		name := filepath.Join(folder, "config.yaml")
		if err := os.WriteFile(name, []byte("apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nfailCgroupV1: false\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		return []string{"--config=" + name}
	default:
		return nil
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{"sa.key": {Type: "EC PRIVATE KEY", Bytes: private}, "sa.pub": {Type: "PUBLIC KEY", Bytes: public}} {
		if err := os.WriteFile(filepath.Join(folder, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return []string{
		"--etcd-servers=http://127.0.0.1:2379", "--advertise-address=10.9.0.11", "--service-cluster-ip-range=10.96.0.0/16",
		"--service-account-issuer=https://kubernetes.default.svc", "--service-account-key-file=" + folder + "/sa.pub", "--service-account-signing-key-file=" + folder + "/sa.key",
		"--tls-cert-file=" + folder + "/tls.crt", "--tls-private-key-file=" + folder + "/tls.key",
		"--audit-log-path=" + folder + "/audit.log", "--audit-webhook-config-file=" + folder + "/audit.conf",
	}
}

// differenceList says where check and a program differ, and why; an entry that is not
// needed fails.
type differenceList map[string]*struct {
	Because string
	used    bool
}

// differences reads a list of them below testdata.
func differences(t *testing.T, file string) differenceList {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	var reasons map[string]string
	if err := yaml.Unmarshal(text, &reasons); err != nil {
		t.Fatal(err)
	}
	out := differenceList{}
	for key, because := range reasons {
		out[key] = &struct {
			Because string
			used    bool
		}{Because: because}
	}
	return out
}

func (l differenceList) explains(keys ...string) bool {
	for _, key := range keys {
		if d := l[key]; d != nil {
			d.used = true
			return true
		}
	}
	return false
}

func (l differenceList) unused(t *testing.T) {
	for _, key := range slices.Sorted(maps.Keys(l)) {
		if !l[key].used && !strings.Contains(key, "config {") && !strings.HasPrefix(key, "file ") {
			t.Errorf("testdata/differences.yaml: %s is not a difference", key)
		}
	}
}

// kubeletConfigs are configurations, right and wrong: each value alone, and values
// that must go together.
func kubeletConfigs() (out []map[string]any) {
	for _, field := range []string{"nodeLeaseDurationSeconds", "eventBurst", "eventRecordQPS", "imageGCHighThresholdPercent", "imageGCLowThresholdPercent", "iptablesDropBit", "iptablesMasqueradeBit",
		"kubeAPIBurst", "kubeAPIQPS", "nodeStatusMaxImages", "maxOpenFiles", "oomScoreAdj", "podsPerCore", "registryBurst", "registryPullQPS", "maxParallelImagePulls"} {
		for _, value := range []any{-1001, -2, -1, 0, 1, 31, 32, 80, 85, 100, 101, 1001, "many", 1.5, true} {
			out = append(out, map[string]any{field: value})
		}
	}
	for field, values := range map[string][]any{
		"topologyManagerPolicy":  {"none", "best-effort", "restricted", "single-numa-node", "single", "", 1},
		"topologyManagerScope":   {"container", "pod", "node", ""},
		"hairpinMode":            {"promiscuous-bridge", "hairpin-veth", "none", "hairpin"},
		"memorySwap":             {map[string]any{"swapBehavior": "NoSwap"}, map[string]any{"swapBehavior": "LimitedSwap"}, map[string]any{"swapBehavior": "UnlimitedSwap"}, map[string]any{}, "NoSwap"},
		"logging":                {map[string]any{"format": "json"}, map[string]any{"format": "text"}, map[string]any{"format": "xml"}, map[string]any{"verbosity": 4}},
		"cpuCFSQuotaPeriod":      {"100ms", "1ms", "1s", "2s", "10us", "100", 5},
		"seccompDefault":         {true, false, "yes"},
		"failSwapOn":             {true, "no"},
		"allowedUnsafeSysctls":   {[]any{"net.core.somaxconn"}, []any{"kernel.msg*"}, "net.core.somaxconn"},
		"systemReserved":         {map[string]any{"cpu": "200m", "memory": "1Gi"}, map[string]any{"cpu": 1}, []any{"cpu"}},
		"evictionHard":           {map[string]any{"memory.available": "200Mi"}, map[string]any{"memory.available": "10%"}, "10%"},
		"imageMinimumGCAge":      {"2m", "0s", "-1s", "soon"},
		"imageMaximumGCAge":      {"168h", "0s", "-1s", "2m", "1m", "3m"},
		"reservedSystemCPUs":     {"0", "0-1,4", "a", "3-1", ""},
		"enforceNodeAllocatable": {[]any{}, []any{"pods"}, []any{"none"}, []any{"none", "pods"}, []any{"pods", "pods"}, []any{"kube-reserved"}, []any{"system-reserved"}, []any{"nodes"}},
		"shutdownGracePeriod":    {"30s", "1s", "0s", "500ms", "-5s", "30"},
	} {
		for _, value := range values {
			out = append(out, map[string]any{field: value})
		}
	}
	for _, text := range []string{
		`{imageGCHighThresholdPercent: 80, imageGCLowThresholdPercent: 70}`, `{imageGCHighThresholdPercent: 70, imageGCLowThresholdPercent: 70}`, `{imageGCHighThresholdPercent: 60, imageGCLowThresholdPercent: 70}`,
		`{imageMinimumGCAge: 1h, imageMaximumGCAge: 2h}`, `{imageMinimumGCAge: 2h, imageMaximumGCAge: 2h}`, `{imageMinimumGCAge: 2h, imageMaximumGCAge: 1h}`,
		`{shutdownGracePeriod: 60s, shutdownGracePeriodCriticalPods: 20s}`, `{shutdownGracePeriod: 20s, shutdownGracePeriodCriticalPods: 60s}`, `{shutdownGracePeriod: 20s, shutdownGracePeriodCriticalPods: 100ms}`, `{shutdownGracePeriodCriticalPods: 10s}`,
		`{shutdownGracePeriodByPodPriority: [{priority: 0, shutdownGracePeriodSeconds: 10}]}`, `{shutdownGracePeriod: 20s, shutdownGracePeriodByPodPriority: [{priority: 0, shutdownGracePeriodSeconds: 10}]}`,
		`{serializeImagePulls: false, maxParallelImagePulls: 4}`, `{serializeImagePulls: true, maxParallelImagePulls: 4}`, `{serializeImagePulls: true, maxParallelImagePulls: 1}`, `{serializeImagePulls: true}`,
		`{enforceNodeAllocatable: [pods, kube-reserved], kubeReservedCgroup: /kube.slice}`, `{enforceNodeAllocatable: [pods, system-reserved], systemReservedCgroup: /system.slice}`,
		`{enforceNodeAllocatable: [kube-reserved, kube-reserved-compressible], kubeReservedCgroup: /kube.slice}`, `{enforceNodeAllocatable: [pods, kube-reserved-compressible], kubeReservedCgroup: /kube.slice}`,
		`{enforceNodeAllocatable: [pods], cgroupsPerQOS: false}`, `{enforceNodeAllocatable: [], cgroupsPerQOS: false}`, `{enforceNodeAllocatable: [none], cgroupsPerQOS: false}`, `{cgroupsPerQOS: false}`,
		`{reservedSystemCPUs: '0', systemReservedCgroup: /system.slice}`, `{reservedSystemCPUs: '0', kubeReservedCgroup: /kube.slice}`, `{systemCgroups: /system}`, `{systemCgroups: /system, cgroupRoot: /}`,
		`{cpuManagerPolicy: static, kubeReserved: {cpu: 500m}}`, `{cpuManagerPolicy: static, reservedSystemCPUs: '0', topologyManagerPolicy: single-numa-node}`,
		`{evictionSoft: {memory.available: 500Mi}, evictionSoftGracePeriod: {memory.available: 90s}}`, `{kubeReserved: {cpu: 100m, memory: 256Mi, ephemeral-storage: 1Gi, pid: '100'}}`,
		`{enableSystemLogQuery: true}`, `{enableSystemLogQuery: true, featureGates: {NodeLogQuery: true}}`, `{enableSystemLogQuery: true, enableSystemLogHandler: false}`,
		`{cpuCFSQuotaPeriod: 10ms, featureGates: {CustomCPUCFSQuotaPeriod: true}}`,
		`{noSuchField: 1}`, `{memorySwap: {behavior: NoSwap}}`,
		// What the kubelet says only when it starts.
		`{cpuManagerPolicy: static}`, `{cpuManagerPolicy: sometimes}`, `{memoryManagerPolicy: Static}`, `{evictionSoft: {memory.available: 500Mi}}`, `{evictionHard: {memory.avail: 1Mi}}`, `{evictionHard: {memory.available: 110%}}`,
		`{kubeReserved: {disk: 1Gi}}`, `{kubeReserved: {cpu: lots}}`, `{allowedUnsafeSysctls: [vm.swappiness]}`, `{evictionSoftGracePeriod: {memory.available: soon}}`,
	} {
		var fields map[string]any
		if err := yaml.Unmarshal([]byte(text), &fields); err != nil {
			panic(err)
		}
		out = append(out, fields)
	}
	return out
}

// Configurations are read and validated by the real kubelet.
func TestConfigurationsAsTheKubelet(t *testing.T) {
	for _, minor := range minors() {
		folder, r := built(t, minor)
		v := &Verifier{lines: commandLines{release: r}}
		configs := kubeletConfigs()
		var lines [][]string
		where := t.TempDir()
		for i, fields := range configs {
			whole := maps.Clone(fields)
			whole["failCgroupV1"] = false // whatever this machine has
			whole["apiVersion"], whole["kind"] = "kubelet.config.k8s.io/v1beta1", "KubeletConfiguration"
			text, err := yaml.Marshal(whole)
			if err != nil {
				t.Fatal(err)
			}
			name := filepath.Join(where, fmt.Sprint(i))
			if err := os.WriteFile(name, text, 0o600); err != nil {
				t.Fatal(err)
			}
			lines = append(lines, []string{"--config=" + name})
		}
		alike := 0
		listed := differences(t, "differences.yaml")
		for i, said := range judged(t, folder, "kubelet", "whole", lines) {
			ours := v.saysOf(configs[i])
			if (ours != "") == (said != "") {
				alike++
				continue
			}
			text, _ := json.Marshal(configs[i])
			if !listed.explains("config "+string(text), minor+" config "+string(text)) {
				t.Errorf("%s %s: check says %q, the kubelet %q", minor, text, ours, said)
			}
		}
		for key, d := range listed {
			if (strings.HasPrefix(key, "config ") || strings.HasPrefix(key, minor+" config ")) && !d.used {
				t.Errorf("testdata/differences.yaml: %s is no difference", key)
			}
		}
		t.Logf("%s: %d configurations judged, %d alike, %d listed differences", minor, len(configs), alike, len(configs)-alike)
	}
}

// saysOf is what givenFields finds, without a topology.
func (v *Verifier) saysOf(fields map[string]any) string {
	for _, field := range leaves(fields, "") {
		if !v.lines.release.knownField("KubeletConfiguration", field) {
			return "no field " + field
		}
	}
	config, err := kubeletConfig(fields)
	if err != nil {
		return err.Error()
	}
	for _, p := range wrongKubeletConfig(config, v.lines.release.minor) {
		return p.because
	}
	return ""
}
