//go:build oracle

package oracle

import (
	"bytes"
	"cmp"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/kubespore/kubespore/pkg/topology"
)

// cases are the machines for which kubeadm is asked. It does not know a host that is
// only an etcd member and writes no document of a worker: such a host is held
// against the part of a control plane's that it has, by subject.
var cases = []struct {
	example, host string
	only          []string
}{
	{"ha", "cp1", nil},
	{"ha", "w1", []string{"kubelet *"}},
	{"external-etcd", "cp1", nil},
	{"external-etcd", "etcd1", []string{"certificate etcd/*", "flags etcd"}},
}

// TestDifferences compares our documents with those of kubeadm.
func TestDifferences(t *testing.T) {
	needRoot(t)
	list := differences(t)
	eachMinor(t, func(t *testing.T, minor string) {
		occurred := map[int]map[string]bool{}
		for _, c := range cases {
			name := c.example + "/" + c.host
			built := build(t, c.example, minor)
			files := built.files(t, c.host)
			ours, err := read(files, objects(files))
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			theirs := kubeadm(t, built, built.host(t, c.host))
			for _, f := range compare(name, ours, theirs, c.only) {
				row := slices.IndexFunc(list, func(d difference) bool { return d.describes(minor, f) })
				if row < 0 {
					t.Errorf("differs from kubeadm and is not listed in differences.yaml:\n%s", f)
					continue
				}
				if occurred[row] == nil {
					occurred[row] = map[string]bool{}
				}
				occurred[row][name] = true
			}
		}
		for row, d := range list {
			applies := len(d.Minors) == 0 || slices.Contains(d.Minors, minor)
			missed := slices.ContainsFunc(d.Cases, func(name string) bool { return !occurred[row][name] })
			if applies && (missed || len(occurred[row]) == 0) {
				t.Errorf("listed in differences.yaml, but does not occur: %s (%v)", d.Where, d.Cases)
			}
		}
	})
}

// compare gives all differences, in order. A subject that one side lacks is one
// difference.
func compare(name string, ours, theirs facts, only []string) []finding {
	var out []finding
	for _, subject := range union(ours, theirs) {
		if len(only) > 0 && !slices.ContainsFunc(only, func(p string) bool { return glob(p, subject) }) {
			continue
		}
		if ours[subject] == nil || theirs[subject] == nil {
			out = append(out, finding{name, subject, presence(ours[subject] != nil), presence(theirs[subject] != nil)})
			continue
		}
		for _, field := range union(ours[subject], theirs[subject]) {
			a, b := valueOf(ours[subject], field), valueOf(theirs[subject], field)
			if a != b {
				out = append(out, finding{name, subject + ": " + field, a, b})
			}
		}
	}
	return out
}

func union[V any](a, b map[string]V) []string {
	var keys []string
	for _, m := range []map[string]V{a, b} {
		for key := range m {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

func presence(there bool) string {
	if there {
		return "present"
	}
	return absent
}

func valueOf(fields map[string]string, field string) string {
	if value, ok := fields[field]; ok {
		return value
	}
	return absent
}

// objects gives those that our documents let the cluster hold, without the
// pod network and our own, which kubeadm leaves to others.
func objects(files tree) [][]byte {
	var out [][]byte
	for name, content := range files {
		rest, ok := strings.CutPrefix(name, "/etc/kubespore/objects/")
		if ok && slices.Contains([]string{"coredns", "kube-proxy", "kubeadm"}, path.Dir(rest)) {
			for part := range strings.SplitSeq("\n"+string(content), "\n---\n") {
				out = append(out, []byte(part+"\n"))
			}
		}
	}
	return out
}

// authorityFolders are those that kubeadm mounts when it finds them.
var authorityFolders = map[string][]string{"fedora-coreos": {"/etc/pki/ca-trust", "/etc/pki/tls/certs"}}

// kubeadm states what kubeadm would make of the same machine. A dry run of init
// writes every file and prints every object, in a root of its own.
func kubeadm(t *testing.T, c cluster, h topology.Host) facts {
	t.Helper()
	root := t.TempDir()
	write(t, filepath.Join(root, "kubeadm.yaml"), kubeadmConfig(t, c, h))
	for _, dir := range append([]string{"/tmp"}, authorityFolders[h.OS]...) {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if !stacked(c.Topology) && !h.HasRole("etcd") {
		givenEtcd(t, c, h, root)
	}
	cmd := exec.Command(tool("kubeadm@"+c.Kubernetes.Minor), "--rootfs="+root, "init", "--config=/kubeadm.yaml", "--dry-run", "--skip-phases=preflight")
	cmd.Env = append(os.Environ(), "KUBEADM_INIT_DRYRUN_DIR=/dry")
	// Off the network: even a dry run looks for an API server first.
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	printed := output(t, cmd)
	f, err := read(dryRun(t, root), attached(printed))
	if err != nil {
		t.Fatalf("kubeadm: %v", err)
	}
	return f
}

func stacked(top *topology.Topology) bool {
	return !slices.ContainsFunc(top.Hosts, func(h topology.Host) bool { return h.HasRole("etcd") })
}

// kubeadmConfig says to kubeadm what the topology says to us.
func kubeadmConfig(t *testing.T, c cluster, h topology.Host) []byte {
	t.Helper()
	address := h.Addresses[0].Addr().String()
	initial := map[string]any{
		"apiVersion": "kubeadm.k8s.io/v1beta4", "kind": "InitConfiguration",
		"localAPIEndpoint": map[string]any{"advertiseAddress": address},
		"nodeRegistration": map[string]any{"name": h.Name, "criSocket": "unix:///run/containerd/containerd.sock"},
	}
	whole := map[string]any{
		"apiVersion": "kubeadm.k8s.io/v1beta4", "kind": "ClusterConfiguration",
		"clusterName":                 c.Cluster.Name,
		"controlPlaneEndpoint":        hostport(c.Cluster.Endpoint.Host, c.Cluster.Endpoint.Port),
		"encryptionAlgorithm":         c.PKI.KeyAlgorithm,
		"caCertificateValidityPeriod": c.PKI.Validity.CA.String(),
		"certificateValidityPeriod":   c.PKI.Validity.Leaf.String(),
		"kubernetesVersion":           c.Kubernetes.Version,
		"networking":                  map[string]any{"dnsDomain": c.Cluster.Domain, "podSubnet": texts(c.Network.Pods), "serviceSubnet": texts(c.Network.Services)},
		"etcd":                        etcdConfig(c.Topology, h),
	}
	var parts [][]byte
	for _, part := range []any{initial, whole} {
		text, err := yaml.Marshal(part)
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, text)
	}
	return bytes.Join(parts, []byte("---\n"))
}

// etcdConfig describes members as kubeadm's own documentation does: external
// ones to control planes, a local one with its peers to a host of etcd's.
func etcdConfig(top *topology.Topology, h topology.Host) map[string]any {
	var endpoints, members []string
	for _, m := range top.Hosts {
		if m.HasRole("etcd") || stacked(top) && m.HasRole("control-plane") {
			address := m.Addresses[0].Addr().String()
			endpoints = append(endpoints, "https://"+hostport(address, 2379))
			members = append(members, m.Name+"=https://"+hostport(address, 2380))
		}
	}
	if !stacked(top) && !h.HasRole("etcd") {
		return map[string]any{"external": map[string]any{"endpoints": endpoints,
			"caFile": pkiDir + "etcd/ca.crt", "certFile": pkiDir + "apiserver-etcd-client.crt", "keyFile": pkiDir + "apiserver-etcd-client.key"}}
	}
	return map[string]any{"local": map[string]any{"extraArgs": []map[string]string{{"name": "initial-cluster", "value": strings.Join(members, ",")}}}}
}

// givenEtcd puts the certificates of external members where kubeadm asks an
// administrator to put them: it makes none.
func givenEtcd(t *testing.T, c cluster, h topology.Host, root string) {
	t.Helper()
	files := c.files(t, h.Name)
	for _, name := range []string{"etcd/ca.crt", "apiserver-etcd-client.crt", "apiserver-etcd-client.key"} {
		write(t, filepath.Join(root, pkiDir, name), files[pkiDir+name])
	}
}

// dryRun gives the files of a dry run at the paths that they stand for.
func dryRun(t *testing.T, root string) tree {
	t.Helper()
	files := tree{}
	for _, base := range []string{filepath.Join(root, "dry"), filepath.Join(root, pkiDir)} {
		err := filepath.WalkDir(base, func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return ignoreMissing(err)
			}
			content, err := os.ReadFile(name)
			rel, _ := filepath.Rel(base, name)
			files[place(rel)] = content
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return files
}

func ignoreMissing(err error) error {
	if os.IsNotExist(err) {
		return nil
	}
	return err
}

// place is where init would put a file of its dry run.
func place(name string) string {
	switch {
	case slices.Contains([]string{"config.yaml", "instance-config.yaml", "kubeadm-flags.env"}, name):
		return "/var/lib/kubelet/" + name
	case strings.HasSuffix(name, ".yaml"):
		return manifestDir + name
	case strings.HasSuffix(name, ".conf"):
		return "/etc/kubernetes/" + name
	}
	return pkiDir + name
}

// attached gives the objects that a dry run prints because it would create them.
func attached(printed string) [][]byte {
	var out [][]byte
	for _, part := range strings.Split(printed, "[dryrun] Would perform action ")[1:] {
		action, object, ok := strings.Cut(part, "[dryrun] Attached object:\n")
		if ok && strings.HasPrefix(action, "CREATE") {
			object, _, _ = strings.Cut(object, "\n[")
			object, _, _ = strings.Cut(object, "\n\n")
			out = append(out, []byte(object))
		}
	}
	slices.SortFunc(out, func(a, b []byte) int { return cmp.Compare(string(a), string(b)) })
	return out
}
