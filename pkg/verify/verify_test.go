package verify

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/coreos/ignition/v2/config/util"
	"github.com/coreos/ignition/v2/config/v3_4/types"
	"github.com/vincent-petithory/dataurl"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/document"
	"github.com/kubespore/kubespore/pkg/plan"
	"github.com/kubespore/kubespore/pkg/profile"
	"github.com/kubespore/kubespore/pkg/topology"
)

// box is a host made by hand: what a test says of it and nothing else.
type box struct {
	name         string
	controlPlane bool
	address      string
	files        map[string]string // path or "0644 path" to content; 0600 by default
	units        map[string]string // name to content; all enabled
	images       []string
	binaries     []string
	deposits     []plan.Deposit
	secret       []string // paths
}

func (b box) host() *plan.Host {
	h := &plan.Host{HostFacts: &plan.HostFacts{Name: b.name, IsControlPlane: b.controlPlane, Address: b.address, Addresses: []string{b.address}}, Deposits: b.deposits,
		System: &profile.System{Name: "test", Title: "Test", Units: []string{"docker.service", "ssh.service", "chronyd.service"}}}
	for _, image := range b.images {
		h.Images = append(h.Images, plan.ImageRef{Ref: image})
	}
	for _, binary := range b.binaries {
		h.Binaries = append(h.Binaries, plan.BinaryRef{Path: binary})
	}
	return h
}

func (b box) document() *document.Document {
	d := &document.Document{Host: b.name, Origins: map[string]document.Origin{}, Secret: map[string]bool{}}
	d.Config.Ignition.Version = types.MaxVersion.String()
	for name, content := range b.files {
		mode := 0o600
		if m, rest, ok := strings.Cut(name, " "); ok {
			name = rest
			mode = map[string]int{"0644": 0o644, "0755": 0o755}[m]
		}
		f := types.File{Node: types.Node{Path: name, Overwrite: util.BoolToPtr(true)}}
		f.Mode = &mode
		f.Contents.Source = util.StrToPtr(dataurl.EncodeBytes([]byte(content)))
		d.Config.Storage.Files = append(d.Config.Storage.Files, f)
		d.Origins["file:"+name] = document.Origin{Position: diag.Position{File: "host.bu", Line: 1}}
	}
	for name, content := range b.units {
		d.Config.Systemd.Units = append(d.Config.Systemd.Units, types.Unit{Name: name, Contents: util.StrToPtr(content), Enabled: util.BoolToPtr(true)})
	}
	for _, path := range b.secret {
		d.Secret["file:"+path] = true
	}
	return d
}

// prove runs every proof over some machines and gives the codes and messages.
func prove(t *testing.T, boxes ...box) diag.List {
	t.Helper()
	p := &plan.Plan{Topology: &topology.Topology{}, Catalog: &profile.Catalog{}, Cluster: &plan.Cluster{Minor: "1.36", Domain: "cluster.local", DNSAddresses: []string{"10.96.0.10"}}}
	for _, b := range boxes {
		p.Hosts = append(p.Hosts, b.host())
	}
	v, err := New(p)
	if err != nil {
		t.Fatal(err)
	}
	var out diag.List
	for i, b := range boxes {
		d := b.document()
		raw, err := json.Marshal(d.Config)
		if err != nil {
			t.Fatal(err)
		}
		out.Append(v.Host(p.Hosts[i], d, raw))
	}
	out.Append(v.Cluster())
	return out
}

const pod = `apiVersion: v1
kind: Pod
metadata: {name: web, namespace: kube-system}
spec:
  hostNetwork: true
  containers:
  - name: web
    image: example.com/web:1
    command: [kube-scheduler, --kubeconfig=/etc/kubernetes/scheduler.conf]
    volumeMounts: [{name: config, mountPath: /etc/kubernetes/scheduler.conf}]
  volumes:
  - {name: config, hostPath: {path: /etc/kubernetes/scheduler.conf, type: File}}
`

const (
	encryptionFile = "/etc/kubernetes/pki/encryption-config.yaml"
	encryptionHead = "apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\n"
)

func encryptionOf(provider string) string {
	return encryptionHead + "resources:\n- resources: [secrets]\n  providers:\n  - " + provider + "\n"
}

func authenticationOf(issuer, username string) string {
	return "apiVersion: apiserver.config.k8s.io/v1\nkind: AuthenticationConfiguration\njwt:\n- issuer: {" + issuer + "}\n  claimMappings: {username: {" + username + "}}\n"
}

func podSecurityOf(defaults string) string {
	return "apiVersion: apiserver.config.k8s.io/v1\nkind: AdmissionConfiguration\nplugins:\n- name: PodSecurity\n  configuration: {apiVersion: pod-security.admission.config.k8s.io/v1, kind: PodSecurityConfiguration, defaults: {" + defaults + "}}\n"
}

const widgets = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.org}
spec:
  group: example.org
  scope: Cluster
  names: {kind: Widget, plural: widgets}
  versions:
  - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {size: {type: integer}}}}}}}
`

const service = `[Unit]
Description=A service
After=network-online.target
Wants=network-online.target
[Service]
ExecStart=/opt/bin/program
[Install]
WantedBy=multi-user.target
`

func good() box {
	return box{name: "a", address: "192.0.2.1", images: []string{"example.com/web:1"}, binaries: []string{"/opt/bin/program"},
		files: map[string]string{StaticPodDir + "/web.yaml": pod, "/etc/kubernetes/scheduler.conf": "x"},
		units: map[string]string{"program.service": service}}
}

func TestGood(t *testing.T) {
	for _, d := range prove(t, good()) {
		t.Errorf("%s %s: %s", d.Code, d.Path, d.Message)
	}
}

// TestBroken breaks the good machine in one way at a time.
func TestBroken(t *testing.T) {
	static := StaticPodDir + "/web.yaml"
	edit := func(file, old, new string) func(*box) {
		return func(b *box) {
			text := b.files[file]
			if !strings.Contains(text, old) {
				panic("the test edits what is not there: " + old)
			}
			b.files[file] = strings.Replace(text, old, new, 1)
		}
	}
	unit := func(old, new string) func(*box) {
		return func(b *box) {
			if !strings.Contains(service, old) {
				panic("the test edits what is not there: " + old)
			}
			b.units["program.service"] = strings.Replace(service, old, new, 1)
		}
	}
	const kubeletHead, told = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n", "clusterDNS: [10.96.0.10]\nclusterDomain: cluster.local\n"
	const dnsFlags = "--cluster-dns=10.96.0.10 --cluster-domain=cluster.local"
	kubelet := func(start, configuration string) func(*box) {
		return func(b *box) {
			b.binaries = append(b.binaries, "/opt/bin/kubelet")
			b.units["program.service"] = strings.Replace(service, "ExecStart=/opt/bin/program", "ExecStart="+start, 1)
			b.files["/etc/k.yaml"] = kubeletHead + configuration
		}
	}
	add := func(path, content string) func(*box) { return func(b *box) { b.files[path] = content } }
	for _, test := range []struct {
		name  string
		do    func(*box)
		codes []string
		says  string
	}{
		{"toml", add("/etc/containerd/conf.d/a.toml", "[a]\nx = 1\n[a]\n"), []string{"V077"}, "line 3: table a already exists"},
		{"no toml of containerd", add("/etc/zincati/config.d/a.toml", "[a"), nil, ""},
		{"yaml", add(static, "apiVersion: v1\nkind: Pod\n a: b: c"), []string{"V011"}, "kubernetes refuses it"},
		{"unknown field", edit(static, "hostNetwork", "hostNetwrk"), []string{"V011"}, `unknown field "spec.hostNetwrk"`},
		{"kind that is gone", add(ObjectsDir+"/x/x.yaml", "apiVersion: policy/v1beta1\nkind: PodSecurityPolicy\nmetadata: {name: x}\n"), []string{"V014"}, "no kind PodSecurityPolicy since 1.25"},
		{"group misspelt", add(ObjectsDir+"/x/x.yaml", "apiVersion: network.k8s.io/v1\nkind: Ingress\nmetadata: {name: x}\n"), []string{"V014"}, "network.k8s.io/v1"},
		{"field of a longer group", add(ObjectsDir+"/x/x.yaml", "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: x}\nrule: []\n"), []string{"V011"}, `unknown field "rule"`},
		{"definition of a kind", add(ObjectsDir+"/x/x.yaml", "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: x}\n"), []string{"V015"}, "spec.group is missing"},
		{"Deployment of long ago", add(ObjectsDir+"/x/x.yaml", "apiVersion: extensions/v1beta1\nkind: Deployment\nmetadata: {name: x}\n"), []string{"V014"}, "does not serve Deployment as extensions/v1beta1 since 1.16"},
		{"Deployment without selector", add(ObjectsDir+"/x/x.yaml", "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\nspec: {template: {metadata: {labels: {a: b}}, spec: {containers: [{name: web, image: 'example.com/web:1'}]}}}\n"), []string{"V015"}, "spec.selector is missing"},
		{"version that is off", add(ObjectsDir+"/x/x.yaml", "apiVersion: scheduling.k8s.io/v1alpha2\nkind: Workload\nmetadata: {name: x}\n"), []string{"V014"}, "only when it is told to"},
		{"object of a list", add(ObjectsDir+"/x/x.yaml", "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: batch/v1beta1, kind: CronJob, metadata: {name: x}}\n"), []string{"V014"}, "since 1.25"},
		{"namespace of nobody", add(ObjectsDir+"/x/x.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x, namespace: shop}\n"), []string{"V017"}, "makes the namespace shop"},
		{"custom resource that is wrong", add(ObjectsDir+"/x/x.yaml", widgets+"---\napiVersion: example.org/v1\nkind: Widget\nmetadata: {name: x}\nspec: {size: large}\n"), []string{"V016"}, "spec.size must be a whole number"},
		{"custom resource that is right", add(ObjectsDir+"/x/x.yaml", widgets+"---\napiVersion: example.org/v1\nkind: Widget\nmetadata: {name: x}\nspec: {size: 3}\n"), nil, ""},
		{"custom resource", add(ObjectsDir+"/x/x.yaml", "apiVersion: example.org/v1\nkind: X\nmetadata: {name: x}\n"), []string{"V017"}, "defines the kind X of example.org/v1"},
		{"custom resource of Kubernetes", add(ObjectsDir+"/x/x.yaml", "apiVersion: snapshot.storage.k8s.io/v1\nkind: VolumeSnapshotClass\nmetadata: {name: x}\n"), []string{"V017"}, "VolumeSnapshotClass"},
		{"image", edit(static, "web:1", "web:2"), []string{"V012"}, "example.com/web:2 is not in the bill"},
		{"kubelet field of no release", add("/var/lib/kubelet/config.yaml", "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nnetworkPluginMTU: 3\n"), []string{"V011"}, "unknown field"},
		{"feature gate", add("/var/lib/kubelet/config.yaml", "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nfeatureGates: {KubeletCrashLoopBackOfMax: true}\n"), []string{"V013"}, "KubeletCrashLoopBackOfMax"},
		{"service account", edit(static, "hostNetwork: true", "serviceAccountName: web"), []string{"V020"}, "a service account"},
		{"secret volume", edit(static, "hostPath: {path: /etc/kubernetes/scheduler.conf, type: File}", "secret: {secretName: x}"), []string{"V020", "V024"}, "a secret (volume config)"},
		{"volume of no name", edit(static, "mountPath: /etc/kubernetes/scheduler.conf", "mountPath: /etc/kubernetes/scheduler.conf}, {name: other, mountPath: /x"), []string{"V021"}, "mounts volume other"},
		{"not a pod", add(StaticPodDir+"/map.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n"), []string{"V022"}, "only pods"},
		{"host path", edit(static, "hostPath: {path: /etc/kubernetes/scheduler.conf", "hostPath: {path: /etc/kubernetes/other.conf"), []string{"V023", "V024"}, "nothing makes /etc/kubernetes/other.conf"},
		{"host path of a workload", add(ObjectsDir+"/x/web.yaml", "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: web}\nspec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: web, image: 'example.com/web:1'}], volumes: [{name: data, hostPath: {path: /srv/data}}]}}}\n"),
			[]string{"V023"}, "nothing makes /srv/data"},
		{"file not mounted", edit(static, "--kubeconfig=/etc/kubernetes/scheduler.conf", "--kubeconfig=/etc/kubernetes/x.conf"), []string{"V024"}, "which no volume of the pod holds"},
		{"flag", edit(static, "--kubeconfig", "--kubeconfg"), []string{"V025"}, "no flag --kubeconfg"},
		{"flag of a unit", unit("/opt/bin/program", "/opt/bin/kubelet "+dnsFlags+" --pod-infra-container-image=x"), []string{"V025", "V032"}, "no flag --pod-infra-container-image"},
		{"flag in the environment", unit("ExecStart=/opt/bin/program", "Environment=ARGS=--network-plugin=cni\nExecStart=/opt/bin/program /opt/bin/kubelet "+dnsFlags+" $ARGS"), []string{"V025"}, "no flag --network-plugin"},
		{"flag in an environment file", func(b *box) {
			b.units["program.service"] = strings.Replace(service, "ExecStart=/opt/bin/program", "EnvironmentFile=-/etc/default/x\nExecStart=/opt/bin/program /opt/bin/kubelet "+dnsFlags+" $ARGS", 1)
			b.files["/etc/default/x"] = "# flags\nARGS=\"--network-plugin=cni\"\n"
		}, []string{"V025"}, "no flag --network-plugin"},
		{"DNS by a flag", kubelet("/opt/bin/kubelet --config=/etc/k.yaml --cluster-dns=10.96.0.53 --cluster-domain=cluster.local", told), []string{"V027"}, "sends pods to 10.96.0.53 for names, and the DNS of the cluster is at 10.96.0.10"},
		{"one of two DNS servers", kubelet("/opt/bin/kubelet --config=/etc/k.yaml --cluster-dns=10.96.0.10,8.8.8.8", told), []string{"V027"}, "8.8.8.8"},
		{"DNS by the environment", func(b *box) {
			kubelet("/opt/bin/kubelet --config=/etc/k.yaml $ARGS\nEnvironment=ARGS=--cluster-dns=10.96.0.53", told)(b)
		}, []string{"V027"}, "10.96.0.53"},
		{"DNS by the configuration", kubelet("/opt/bin/kubelet --config=/etc/k.yaml", "clusterDNS: [10.96.0.53]\nclusterDomain: cluster.local\n"), []string{"V027"}, "10.96.0.53"},
		{"DNS laid over the configuration", func(b *box) {
			kubelet("/opt/bin/kubelet --config=/etc/k.yaml --config-dir=/etc/k.d", told)(b)
			b.files["/etc/k.d/10-dns.conf"] = kubeletHead + "clusterDNS: [10.96.0.53]\n"
		}, []string{"V027"}, "10.96.0.53"},
		{"domain of another cluster", kubelet("/opt/bin/kubelet --config=/etc/k.yaml --cluster-domain=test.com", told), []string{"V027"}, "search test.com, and the domain of the cluster is cluster.local"},
		{"no DNS", kubelet("/opt/bin/kubelet --config=/etc/k.yaml", "clusterDomain: cluster.local\n"), []string{"V027"}, "told no cluster DNS"},
		{"no domain", kubelet("/opt/bin/kubelet --config=/etc/k.yaml", "clusterDNS: [10.96.0.10]\n"), []string{"V027"}, "or no domain"},
		{"DNS of the cluster", kubelet("/opt/bin/kubelet --config=/etc/k.yaml --cluster-domain=cluster.local. --cluster-dns=10.96.0.10", told), nil, ""},
		{"cache on the node", kubelet("/opt/bin/kubelet --config=/etc/k.yaml --cluster-dns=169.254.20.10", told), nil, ""},
		{"another file of a kubelet", func(b *box) {
			kubelet("/opt/bin/kubelet --config=/etc/k.yaml", told)(b)
			b.files["/etc/other.yaml"] = kubeletHead + "clusterDNS: [10.96.0.53]\n"
		}, nil, ""},
		{"encryption without resources", add(encryptionFile, encryptionHead+"resources: []\n"), []string{"V079"}, "resources is missing"},
		{"encryption without base64", add(encryptionFile, encryptionOf("aescbc: {keys: [{name: a, secret: '?'}]}")), []string{"V079"}, "is not base64"},
		{"encryption with a short key", add(encryptionFile, encryptionOf("secretbox: {keys: [{name: a, secret: c2hvcnQ=}]}")), []string{"V079"}, "has 5 bytes, and must have 32"},
		{"encryption with two in one", add(encryptionFile, encryptionOf("identity: {}\n    secretbox: {keys: [{name: a, secret: MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=}]}")), []string{"V079"}, "names 2 providers"},
		{"encryption by nobody", add(encryptionFile, encryptionOf("{}")), []string{"V079"}, "names 0 providers"},
		{"kms of version 1", add(encryptionFile, encryptionOf("kms: {name: a, endpoint: 'unix:///run/a', cachesize: 1}")), []string{"V079"}, "version 1 of kms"},
		{"kms over the network", add(encryptionFile, encryptionOf("kms: {apiVersion: v2, name: a, endpoint: 'https://a'}")), []string{"V079"}, "must be a socket"},
		{"encryption of *", add(encryptionFile, encryptionHead+"resources:\n- resources: ['*']\n  providers: [{identity: {}}]\n"), []string{"V079"}, "does not name a resource"},
		{"encryption", add(encryptionFile, encryptionOf("kms: {apiVersion: v2, name: a, endpoint: 'unix:///run/a'}")), nil, ""},
		{"issuer over HTTP", add("/etc/a.yaml", authenticationOf("url: 'http://id', audiences: [a]", "claim: sub, prefix: ''")), []string{"V079"}, "must be an https URL"},
		{"issuer for nobody", add("/etc/a.yaml", authenticationOf("url: 'https://id', audiences: []", "claim: sub, prefix: ''")), []string{"V079"}, "audiences is missing"},
		{"encryption decided before", add(encryptionFile, encryptionHead+"resources:\n- resources: ['*.*']\n  providers: [{identity: {}}]\n- resources: [secrets]\n  providers: [{identity: {}}]\n"), []string{"V079"}, "decided by"},
		{"group that is gone", add(encryptionFile, encryptionHead+"resources:\n- resources: [deployments.extensions]\n  providers: [{identity: {}}]\n"), []string{"V079"}, "is gone"},
		{"discovery at the issuer", add("/etc/a.yaml", authenticationOf("url: 'https://id', audiences: [a], discoveryURL: 'https://id/'", "claim: sub, prefix: ''")), []string{"V079"}, "discoveryURL must be"},
		{"claim without prefix", add("/etc/a.yaml", authenticationOf("url: 'https://id', audiences: [a]", "claim: sub")), []string{"V079"}, "prefix is missing"},
		{"issuer", add("/etc/a.yaml", authenticationOf("url: 'https://id', audiences: [a]", "claim: sub, prefix: ''")), nil, ""},
		{"audit policy", add("/etc/a.yaml", "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n- level: Everything\n"), []string{"V079"}, "rules[0].level"},
		{"audit policy without level", add("/etc/a.yaml", "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n- {}\n"), []string{"V079"}, "rules[0].level"},
		{"PodSecurity", add("/etc/a.yaml", podSecurityOf("enforce: baselin")), []string{"V079"}, "enforce cannot be"},
		{"PodSecurity of no minor", add("/etc/a.yaml", podSecurityOf("enforce-version: v1.x")), []string{"V079"}, "enforce-version cannot be"},
		{"PodSecurity with a word", add("/etc/a.yaml", podSecurityOf("enforced: baseline")), []string{"V079"}, "no field enforced"},
		{"PodSecurity that is right", add("/etc/a.yaml", podSecurityOf("enforce: baseline, enforce-version: latest")), nil, ""},
		{"kubelet that would not start", add("/etc/k.yaml", kubeletHead+"maxParallelImagePulls: 0\n"), []string{"V079"}, "must be 1 at least"},
		{"proxy mode", add("/etc/p.yaml", "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\nmode: iptable\n"), []string{"V079"}, "no mode"},
		{"unit named", unit("After=network-online.target", "After=docke.service"), []string{"V031"}, "docke.service"},
		{"program", unit("/opt/bin/program", "/opt/bin/progra"), []string{"V032"}, "nothing puts /opt/bin/progra"},
		{"not executable", func(b *box) { b.files["0644 /opt/bin/program"] = "#!/bin/sh"; b.binaries = nil }, []string{"V032"}, "not executable"},
		{"environment file", unit("[Service]", "[Service]\nEnvironmentFile=/etc/x"), []string{"V033"}, "nothing puts /etc/x"},
		{"user", unit("[Service]", "[Service]\nUser=etcd"), []string{"V034"}, "User=etcd"},
		{"file of another", func(b *box) {
			b.files["/etc/x.key"] = "x"
			unit("ExecStart=/opt/bin/program", "User=nobody\nEnvironmentFile=/etc/x.env\nExecStart=/opt/bin/program $ARGS")(b)
			b.files["/etc/x.env"] = "# a comment\nARGS=\"\\\n --key=/etc/x.key\"\n"
		}, []string{"V038"}, "User=nobody cannot read /etc/x.key, which is root's with mode 0600"},
		{"file of a flag", unit("ExecStart=/opt/bin/program", "ExecStart=/opt/bin/program --key=/etc/y.key"), []string{"V033"}, "nothing puts /etc/y.key"},
		{"no install", unit("[Install]\nWantedBy=multi-user.target\n", ""), []string{"V001"}, "has no install section"},
		{"cycle", unit("[Install]\nWantedBy=multi-user.target", "[Install]\nWantedBy=sysinit.target"), []string{"V037"}, "sysinit.target"},
		{"timer of nothing", func(b *box) {
			b.units["x.timer"] = "[Timer]\nOnBootSec=1\n[Install]\nWantedBy=timers.target\n"
		}, []string{"V031"}, "x.service"},
		{"firewall", func(b *box) {
			b.files[FirewallFile] = "tcp dport { 22, 30000-32767 } accept\n"
			b.files["/var/lib/kubelet/config.yaml"] = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\ntlsCertFile: /x\n"
		}, []string{"V052", "V060"}, "port 10250"},
		{"kubeconfig of nobody", add("/etc/kubernetes/scheduler.conf", "apiVersion: v1\nkind: Config\ncontexts: [{name: x, context: {cluster: a, user: b}}]\n"), []string{"V051"}, "context x"},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := good()
			test.do(&b)
			list := prove(t, b)
			var codes, said []string
			for _, d := range list {
				codes = append(codes, d.Code)
				said = append(said, d.Message)
			}
			slices.Sort(codes)
			if !slices.Equal(slices.Compact(codes), test.codes) {
				t.Errorf("codes %v, want %v: %q", codes, test.codes, said)
			}
			if !strings.Contains(strings.Join(said, "\n"), test.says) {
				t.Errorf("no message says %q: %q", test.says, said)
			}
		})
	}
}
