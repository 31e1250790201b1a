package adopt

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/objects"
)

// Input is what is known of a cluster.
type Input struct {
	File    string                             // of the archive, for diagnostics
	Files   map[string][]byte                  // below /etc/kubernetes, by path
	Objects []*objects.Object                  // Nodes, and the ConfigMaps of kubeadm; lists of them too
	Owned   func(program, field string) string // what a topology says in place of a flag or field; "": it may say that
}

// Pair is an authority as PEM. Key is nil where the archive has none.
type Pair struct{ Certificate, Key []byte }

// Result is what is written.
type Result struct {
	Name           string // of the cluster
	Topology       []byte
	Encryption     []byte          // an EncryptionConfiguration, which may hold keys
	Authorities    map[string]Pair // by their names in profiles
	ServiceAccount []byte          // the private key, as PEM
	PodCIDRs       map[string][]netip.Prefix
	Founders       []string // the members of etcd, by host, sorted
}

// EncryptionFile is the name by which the topology calls [Result.Encryption].
const EncryptionFile = "encryption-config.yaml"

// adoption is the work on one cluster.
type adoption struct {
	Input
	list     diag.List
	config   map[string]any // ClusterConfiguration; what is taken is removed
	domain   string
	profiles map[string]map[string]any
	bits     map[string]any
	hosts    []host
	api      string // host and port of the endpoint
	notes    []string
	out      Result
}

// From works out the topology and the store of a cluster. Errors stop it; each
// warning is something that it could not know, and a line of the topology.
func From(in Input) (Result, diag.List) {
	a := &adoption{Input: in, profiles: map[string]map[string]any{}, bits: map[string]any{}}
	a.out = Result{Authorities: map[string]Pair{}, PodCIDRs: map[string][]netip.Prefix{}}
	a.keys()
	a.configuration()
	nodes := a.nodes()
	if a.list.HasErrors() {
		return Result{}, a.list
	}
	a.domain = cmp.Or(str(a.take("networking", "dnsDomain")), "cluster.local")
	a.out.Name = cmp.Or(str(a.take("clusterName")), "kubernetes")
	for _, n := range nodes {
		a.node(n)
	}
	a.etcd()
	a.out.Founders = a.members()
	a.controlPlane()
	a.kubelet()
	a.reachable()
	if a.list.HasErrors() {
		return Result{}, a.list // nothing was taken from the configuration: all of it would be left over
	}
	text := a.text()
	a.leftovers()
	a.out.Topology = slices.Concat([]byte(a.heading()), text)
	return a.out, a.list
}

func (a *adoption) fail(hint, format string, args ...any) {
	a.list.Errorf("O130", diag.Position{File: a.File}, "", format, args...).WithHint("%s", hint)
}

// unknown notes what has no place in the topology or is not in the archive.
func (a *adoption) unknown(path, format string, args ...any) {
	message := fmt.Sprintf(format, args...)
	a.list.Warnf("O131", diag.Position{File: a.File}, path, "%s", message)
	a.notes = append(a.notes, path+": "+message)
}

// set gives a profile a parameter.
func (a *adoption) set(profile, param string, value any) {
	if a.profiles[profile] == nil {
		a.profiles[profile] = map[string]any{}
	}
	a.profiles[profile][param] = value
}

// keys takes the authorities and the key of the service accounts.
func (a *adoption) keys() {
	for _, x := range []struct{ name, file string }{{"kubernetes", "pki/ca"}, {"etcd", "pki/etcd/ca"}, {"front-proxy", "pki/front-proxy-ca"}} {
		pair := Pair{a.Files[x.file+".crt"], a.Files[x.file+".key"]}
		switch {
		case pair.Certificate == nil && x.name == "etcd":
			a.unknown(x.file+".crt", "the archive has no authority of etcd: a build would make a new one, which the members do not know; put its certificate and key into the store as ca/etcd.crt and ca/etcd.key")
			continue
		case pair.Certificate == nil:
			a.fail("pack the folder /etc/kubernetes of a control plane: tar -C / -cf FILE etc/kubernetes", "the archive has no %s.crt", x.file)
			continue
		case pair.Key == nil:
			a.unknown(x.file+".key", "the archive has no key of the authority %s, which a build needs to sign; put it into the store as ca/%s.key", x.name, x.name)
		}
		a.out.Authorities[x.name] = pair
	}
	if a.out.ServiceAccount = a.Files["pki/sa.key"]; a.out.ServiceAccount == nil {
		a.fail("pack the folder /etc/kubernetes of a control plane, as root", "the archive has no pki/sa.key: tokens of its pods would no longer be valid")
	}
}

// configuration finds what kubeadm was told.
func (a *adoption) configuration() {
	var found []map[string]any
	note := func(text string) {
		for _, m := range mappings(text) {
			if str(m["kind"]) == "ClusterConfiguration" {
				found = append(found, m)
			}
		}
	}
	for _, o := range a.all("ConfigMap", "kubeadm-config") {
		note(str(dig(o, "data", "ClusterConfiguration")))
	}
	for _, name := range sortedKeys(a.Files) {
		if !strings.Contains(name, "/") && strings.HasSuffix(name, ".yaml") {
			note(string(a.Files[name]))
		}
	}
	if len(found) == 0 {
		a.fail("name a file as a further argument: kubectl -n kube-system get configmap kubeadm-config kubelet-config -o yaml", "there is no ClusterConfiguration of kubeadm")
		return
	}
	a.config = found[0]
	if version := str(a.take("apiVersion")); version != "kubeadm.k8s.io/v1beta3" && version != "kubeadm.k8s.io/v1beta4" {
		a.unknown("ClusterConfiguration", "the version %s of it is not one that this kubespore was tried with", version)
	}
	a.take("kind")
}

// all gives the objects of a kind, those in lists too, by their name or, for "",
// all of them.
func (a *adoption) all(kind, name string) []any {
	var out []any
	note := func(o any) {
		if str(dig(o, "kind")) == kind && (name == "" || str(dig(o, "metadata", "name")) == name) {
			out = append(out, o)
		}
	}
	for _, o := range a.Objects {
		note(o.Tree)
		for _, item := range list(dig(o.Tree, "items")) {
			note(item)
		}
	}
	return out
}

func (a *adoption) nodes() []any {
	nodes := a.all("Node", "")
	if len(nodes) == 0 {
		a.fail("name a file as a further argument: kubectl get nodes -o yaml", "there is no Node among the objects")
	}
	slices.SortFunc(nodes, func(x, y any) int {
		return strings.Compare(str(dig(x, "metadata", "name")), str(dig(y, "metadata", "name")))
	})
	return nodes
}

// take gives a value of the configuration and removes it there: what is left in
// the end has no place in a topology.
func (a *adoption) take(keys ...string) any {
	at := a.config
	for _, key := range keys[:len(keys)-1] {
		next, ok := at[key].(map[string]any)
		if !ok {
			return nil
		}
		at = next
	}
	value := at[keys[len(keys)-1]]
	delete(at, keys[len(keys)-1])
	return value
}

// leftovers says what of the configuration no key of a topology says.
func (a *adoption) leftovers() {
	var walk func(path string, value any)
	walk = func(path string, value any) {
		if zero(value) {
			return
		}
		if m, ok := value.(map[string]any); ok {
			for _, key := range sortedKeys(m) {
				walk(path+"."+key, m[key])
			}
			return
		}
		a.unknown(path, "a topology has no key for it")
	}
	walk("ClusterConfiguration", a.config)
}

// mappings reads the YAML documents of a text that are mappings.
func mappings(text string) []map[string]any {
	var out []map[string]any
	for d := yaml.NewDecoder(strings.NewReader(text)); ; {
		var m map[string]any
		if err := d.Decode(&m); err != nil {
			return out // the end, or what is no YAML
		}
		out = append(out, m)
	}
}
