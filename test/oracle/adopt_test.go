//go:build oracle

package oracle

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"

	"sigs.k8s.io/yaml"
)

// adoption is a cluster as an administrator has kubeadm make it.
type adoption struct {
	config string   // besides the names of the machine
	given  tree     // files that it names, below /etc/kubernetes
	pods   []string // networks of the node
	more   string   // a further address of the node
}

var adoptions = map[string]adoption{
	"plain": {config: `
controlPlaneEndpoint: 192.168.200.21:6443
networking: {podSubnet: 10.244.0.0/16}
`},
	"flags": {config: `
controlPlaneEndpoint: api.corp.example:6443
clusterName: corp
encryptionAlgorithm: ECDSA-P256
networking: {podSubnet: 10.64.0.0/14, serviceSubnet: 172.30.0.0/16, dnsDomain: corp.local}
apiServer:
  certSANs: [api.corp.example, 203.0.113.7]
  extraArgs:
    - {name: event-ttl, value: 2h0m0s}
    - {name: max-requests-inflight, value: "800"}
    - {name: enable-admission-plugins, value: "NodeRestriction,AlwaysPullImages"}
    - {name: tls-cipher-suites, value: "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"}
    - {name: service-node-port-range, value: 20000-22767}
    - {name: goaway-chance, value: "0.001"}
    - {name: v, value: "3"}
controllerManager:
  extraArgs:
    - {name: node-monitor-grace-period, value: 60s}
    - {name: node-cidr-mask-size, value: "25"}
    - {name: terminated-pod-gc-threshold, value: "100"}
scheduler:
  extraArgs:
    - {name: kube-api-qps, value: "100"}
etcd:
  local:
    dataDir: /srv/etcd
    extraArgs:
      - {name: quota-backend-bytes, value: "8589934592"}
      - {name: heartbeat-interval, value: "250"}
      - {name: election-timeout, value: "2500"}
---
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
maxPods: 200
evictionHard: {memory.available: 500Mi}
systemReserved: {cpu: 250m, memory: 1Gi}
imageGCHighThresholdPercent: 80
imageGCLowThresholdPercent: 70
containerLogMaxSize: 20Mi
shutdownGracePeriod: 60s
shutdownGracePeriodCriticalPods: 20s
`, pods: []string{"10.64.0.128/25"}},
	"encryption": {config: `
controlPlaneEndpoint: 192.168.200.21:6443
networking: {podSubnet: 10.244.0.0/16}
apiServer:
  extraArgs:
    - {name: encryption-provider-config, value: /etc/kubernetes/enc/enc.yaml}
  extraVolumes:
    - {name: enc, hostPath: /etc/kubernetes/enc, mountPath: /etc/kubernetes/enc, readOnly: true}
`, given: tree{"enc/enc.yaml": []byte(`apiVersion: apiserver.config.k8s.io/v1
kind: EncryptionConfiguration
resources:
  - resources: [secrets]
    providers:
      - aescbc: {keys: [{name: key1, secret: MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=}]}
      - identity: {}
`)}},
	"external etcd": {config: `
controlPlaneEndpoint: 192.168.200.21:6443
networking: {podSubnet: 10.244.0.0/16}
etcd:
  external:
    endpoints: ["https://192.168.200.51:2379", "https://192.168.200.52:2379", "https://192.168.200.53:2379"]
    caFile: /etc/kubernetes/pki/etcd/ca.crt
    certFile: /etc/kubernetes/pki/apiserver-etcd-client.crt
    keyFile: /etc/kubernetes/pki/apiserver-etcd-client.key
`},
	"two families": {config: `
controlPlaneEndpoint: 192.168.200.21:6443
networking: {podSubnet: "10.244.0.0/16,fd00:10:244::/56", serviceSubnet: "10.96.0.0/16,fd00:10:96::/112"}
`, pods: []string{"10.244.0.0/24", "fd00:10:244::/64"}, more: "fd00:200::21"},
}

// TestAdopt has kubeadm make clusters, adopts each, and holds what the build makes of the
// same control plane against kubeadm's own files: flags, the kubelet's configuration, and
// whom the certificates are for.
func TestAdopt(t *testing.T) {
	needRoot(t)
	list := append(differences(t), adopted...)
	eachMinor(t, func(t *testing.T, minor string) {
		for name, c := range adoptions {
			t.Run(name, func(t *testing.T) {
				dir := t.TempDir()
				theirs, printed := c.made(t, minor, dir)
				archive := filepath.Join(dir, "kubernetes.tar")
				write(t, archive, packed(t, theirs, c.given))
				write(t, filepath.Join(dir, "nodes.yaml"), []byte(c.node()))
				var maps [][]byte
				for _, object := range attached(printed) {
					if bytes.Contains(object, []byte("\nkind: ConfigMap\n")) {
						maps = append(maps, object)
					}
				}
				write(t, filepath.Join(dir, "configmaps.yaml"), bytes.Join(maps, []byte("\n---\n")))
				file := filepath.Join(dir, "adopted.yaml")
				run(t, workspace.kubespore, "adopt", "--quiet", "-o", file, "--pki", filepath.Join(dir, "pki"), archive, filepath.Join(dir, "nodes.yaml"), filepath.Join(dir, "configmaps.yaml"))
				run(t, workspace.kubespore, "build", "--quiet", file, "-o", filepath.Join(dir, "out"), "--pki", filepath.Join(dir, "pki"))
				files := cluster{hosts: filepath.Join(dir, "out/hosts")}.files(t, "cp1")
				ours, err := read(files, nil)
				if err != nil {
					t.Fatal(err)
				}
				kubeadms, err := read(theirs, nil)
				if err != nil {
					t.Fatal(err)
				}
				for _, f := range compare("adopt/"+name, ours, kubeadms, []string{"flags *", "kubelet configuration", "certificate *"}) {
					// Names and addresses more than kubeadm's do no harm.
					if f.kubeadm == absent && strings.HasPrefix(f.where, "certificate ") || slices.ContainsFunc(list, func(d difference) bool { d.Cases = nil; return d.describes(minor, f) }) {
						continue
					}
					t.Errorf("an adopted cluster differs:\n%s", f)
				}
				if want := c.given["enc/enc.yaml"]; want != nil && !sameYAML(t, files[encryptionFile], want) {
					t.Error("API servers do not encrypt as they did")
				}
				if text := contents(t, file); strings.Contains(c.config, "node-cidr-mask-size") && !bytes.Contains(text, []byte(`nodePodBits: {"ipv4":25}`)) {
					t.Errorf("the size of pod networks is lost:\n%s", text)
				}
			})
		}
	})
}

// adopted is what differs in a cluster that was adopted, besides differences.yaml.
var adopted = []difference{
	{Where: "kubelet configuration: podPidsLimit", Ours: "-1", Kubeadm: absent, Reason: "The default of the kubelet; ours is another."},
	{Where: "kubelet configuration: seccompDefault", Ours: "false", Kubeadm: absent, Reason: "Likewise."},
	{Where: "flags kube-controller-manager: --node-cidr-mask-size*", Ours: absent, Kubeadm: "*", Reason: "The plan gives pod networks: network.nodePodBits."},
	{Where: "flags kube-apiserver: --encryption-provider-config", Ours: encryptionFile, Kubeadm: "/etc/kubernetes/enc/enc.yaml", Reason: "The same content, which the test compares."},
	{Where: "certificate apiserver-etcd-client: key*", Ours: "*", Kubeadm: "*", Reason: "With etcd outside, an administrator brought it."},
}

const encryptionFile = "/etc/kubernetes/pki/encryption-config.yaml"

func sameYAML(t *testing.T, a, b []byte) bool {
	t.Helper()
	var have, want any
	if err := errors.Join(yaml.Unmarshal(a, &have), yaml.Unmarshal(b, &want)); err != nil {
		t.Fatal(err)
	}
	return reflect.DeepEqual(have, want)
}

// made has kubeadm write what it would on a control plane, and print the objects that it
// would create.
func (c adoption) made(t *testing.T, minor, dir string) (files tree, printed string) {
	t.Helper()
	root := filepath.Join(dir, "root")
	config := `apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
localAPIEndpoint: {advertiseAddress: 192.168.200.21}
nodeRegistration: {name: cp1, criSocket: "unix:///run/containerd/containerd.sock"}
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: ` + strings.TrimSpace(run(t, tool("kubeadm@"+minor), "version", "--output=short")) + c.config
	write(t, filepath.Join(root, "kubeadm.yaml"), []byte(config))
	for name, content := range c.given {
		write(t, filepath.Join(root, "etc/kubernetes", name), content)
	}
	if err := os.MkdirAll(filepath.Join(root, "tmp"), 0o755); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(c.config, "external:") {
		// As an administrator brings them.
		example := build(t, "external-etcd", minor).files(t, "cp1")
		for _, name := range []string{"etcd/ca.crt", "apiserver-etcd-client.crt", "apiserver-etcd-client.key"} {
			write(t, filepath.Join(root, pkiDir, name), example[pkiDir+name])
		}
		// The members' own authority signs for new clients of theirs.
		write(t, filepath.Join(root, pkiDir, "etcd/ca.key"), contents(t, filepath.Join(workspace.dir, minor, "external-etcd/pki/ca/etcd.key")))
	}
	cmd := exec.Command(tool("kubeadm@"+minor), "--rootfs="+root, "init", "--config=/kubeadm.yaml", "--dry-run", "--skip-phases=preflight")
	cmd.Env = append(os.Environ(), "KUBEADM_INIT_DRYRUN_DIR=/dry")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	printed = output(t, cmd)
	return dryRun(t, root), printed
}

// packed is an archive of /etc/kubernetes.
func packed(t *testing.T, files, given tree) []byte {
	t.Helper()
	all := tree{}
	for name, content := range files {
		if strings.HasPrefix(name, "/etc/kubernetes/") {
			all[name] = content
		}
	}
	for name, content := range given {
		all["/etc/kubernetes/"+name] = content
	}
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, name := range union(map[string][]byte(all), nil) {
		header := &tar.Header{Name: strings.TrimPrefix(path.Clean(name), "/"), Mode: 0o600, Size: int64(len(all[name]))}
		if err := w.WriteHeader(header); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(all[name]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// node is the Node of the control plane as its cluster has it.
func (c adoption) node() string {
	pods, addresses := c.pods, "{type: InternalIP, address: 192.168.200.21}"
	if c.more != "" {
		addresses += fmt.Sprintf(", {type: InternalIP, address: %q}", c.more)
	}
	if len(pods) == 0 {
		pods = []string{"10.244.0.0/24"}
	}
	return fmt.Sprintf(`apiVersion: v1
kind: Node
metadata: {name: cp1, labels: {kubernetes.io/hostname: cp1, node-role.kubernetes.io/control-plane: ""}}
spec: {podCIDR: %[1]q, podCIDRs: ["%[2]s"], taints: [{key: node-role.kubernetes.io/control-plane, effect: NoSchedule}]}
status:
  addresses: [%[3]s, {type: Hostname, address: cp1}]
  nodeInfo: {architecture: amd64, osImage: Fedora CoreOS 42.20250803.3.0}
`, pods[0], strings.Join(pods, `", "`), addresses)
}
