package adopt

import (
	"crypto/x509"
	"encoding/pem"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
)

// plainSecrets is the configuration of API servers that encrypt nothing.
const plainSecrets = `# Secrets are written as they are, as the API servers of kubeadm do and read. Once every
# control plane is one of kubespore, remove encryptionConfiguration from the topology: what is
# written from then on is encrypted with a key of the store.
apiVersion: apiserver.config.k8s.io/v1
kind: EncryptionConfiguration
resources:
- resources: [secrets]
  providers:
  - identity: {}
`

// encryption takes the configuration that a flag of the API server names.
func (a *adoption) encryption(path string) {
	name, below := strings.CutPrefix(path, "/etc/kubernetes/")
	text := a.Files[name]
	if !below || text == nil {
		a.unknown("profiles.control-plane.encryptionConfiguration", "the archive lacks %s: put it in place of the file %s next to the topology, or new API servers cannot read what the others write", path, EncryptionFile)
		return
	}
	a.out.Encryption = text
}

// mask takes the length of the part of the pod network that a node gets.
func (a *adoption) mask(f argument) {
	n, err := strconv.Atoi(f.value)
	family := "ipv4"
	if f.name == "node-cidr-mask-size-ipv6" || f.name == "node-cidr-mask-size" && strings.Contains(a.podSubnet(), ":") {
		family = "ipv6"
	}
	if err == nil {
		a.bits[family] = n
	}
}

func (a *adoption) podSubnet() string { return str(dig(a.config, "networking", "podSubnet")) }

// controlPlane takes what the three programs were told.
func (a *adoption) controlPlane() {
	a.out.Encryption = []byte(plainSecrets)
	a.set("control-plane", "encryptionConfiguration", EncryptionFile)
	a.set("control-plane", "podSecurity", "privileged") // as kubeadm: pods that run may go on
	a.set("control-plane", "audit", "off")
	if sans := list(a.take("apiServer", "certSANs")); len(sans) > 0 {
		a.set("control-plane", "certSANs", sans)
	}
	flags := a.programFlags("kube-apiserver", "kube-apiserver", a.take("apiServer", "extraArgs"))
	if slices.ContainsFunc(flags, func(f argument) bool { return strings.HasPrefix(f.name, "audit-") }) {
		a.set("control-plane", "audit", "metadata")
	}
	a.sortFlags("kube-apiserver", "control-plane", "apiServerExtraArgs", flags)
	a.sortFlags("kube-controller-manager", "control-plane", "controllerManagerExtraArgs", a.programFlags("kube-controller-manager", "kube-controller-manager", a.take("controllerManager", "extraArgs")))
	a.sortFlags("kube-scheduler", "control-plane", "schedulerExtraArgs", a.programFlags("kube-scheduler", "kube-scheduler", a.take("scheduler", "extraArgs")))
	a.unknown("profiles.control-plane", "API servers of kubespore verify the serving certificates of kubelets, which kubeadm leaves self-signed: kubectl logs and exec through a new API server reach the old machines once their kubelets serve a certificate of the cluster")
}

// kubelet takes the configuration of the kubelets.
func (a *adoption) kubelet() {
	a.set("kubelet", "seccompDefault", false)
	a.set("kubelet", "podPidsLimit", -1)
	configs := a.all("ConfigMap", "kubelet-config")
	if len(configs) == 0 {
		a.unknown("profiles.kubelet", "there is no ConfigMap kubelet-config: the kubelets have the defaults of kubespore")
		return
	}
	documents := mappings(str(dig(configs[0], "data", "kubelet")))
	if len(documents) != 1 {
		a.unknown("profiles.kubelet", "the ConfigMap kubelet-config cannot be read")
		return
	}
	fields := documents[0]
	// What kubeadm always writes, and ours has too.
	for _, name := range []string{"apiVersion", "kind", "clusterDNS", "clusterDomain", "containerRuntimeEndpoint", "cpuManagerReconcilePeriod", "resolvConf"} {
		delete(fields, name)
	}
	usual := map[string]any{"authentication": map[string]any{"anonymous": map[string]any{"enabled": false}, "webhook": map[string]any{"cacheTTL": "0s", "enabled": true}, "x509": map[string]any{"clientCAFile": "/etc/kubernetes/pki/ca.crt"}},
		"authorization": map[string]any{"mode": "Webhook", "webhook": map[string]any{"cacheAuthorizedTTL": "0s", "cacheUnauthorizedTTL": "0s"}},
		"cgroupDriver":  "systemd", "healthzBindAddress": "127.0.0.1", "healthzPort": 10248, "rotateCertificates": true, "staticPodPath": "/etc/kubernetes/manifests"}
	params := []string{"maxPods", "podPidsLimit", "containerLogMaxSize", "containerLogMaxFiles", "seccompDefault", "protectKernelDefaults", "registerNode"}
	config := map[string]any{}
	for _, name := range sortedKeys(fields) {
		value := fields[name]
		switch {
		case zero(value) || flow(value) == flow(usual[name]):
		case slices.Contains(params, name):
			a.set("kubelet", name, value)
		case name == "featureGates":
			gates, _ := value.(map[string]any)
			var pairs []string
			for _, gate := range sortedKeys(gates) {
				pairs = append(pairs, gate+"="+str(gates[gate]))
			}
			a.set("kubelet", "extraArgs", []any{"feature-gates=" + strings.Join(pairs, ",")})
		case a.Owned("KubeletConfiguration", name) != "":
			a.unknown("profiles.kubelet", "the field %s is not taken over: write %s", name, a.Owned("KubeletConfiguration", name))
		default:
			config[name] = value
		}
	}
	if len(config) > 0 {
		a.set("kubelet", "config", maps.Clone(config))
	}
}

// reachable asks the certificate of the API server by which names it may be dialled.
func (a *adoption) reachable() {
	a.api = str(a.take("controlPlaneEndpoint"))
	i := slices.IndexFunc(a.hosts, func(h host) bool { return h.hasRole("control-plane") })
	if i < 0 {
		a.fail("kubectl get nodes -o yaml, with all Nodes", "no Node has the label %s", controlPlaneLabel)
		return
	}
	if a.api == "" {
		a.api = net.JoinHostPort(a.hosts[i].addresses[0].String(), "6443")
	}
	name := a.api
	if h, _, err := net.SplitHostPort(a.api); err == nil {
		name = h
	}
	block, _ := pem.Decode(a.Files["pki/apiserver.crt"])
	if block == nil {
		a.unknown("cluster.endpoint", "the archive has no pki/apiserver.crt, so nothing says for which names API servers have a certificate; workers dial the endpoint")
	} else if c, err := x509.ParseCertificate(block.Bytes); err == nil {
		if err := c.VerifyHostname(name); err != nil {
			a.unknown("cluster.endpoint", "the API server has no certificate for %s: new workers would refuse it; run kubeadm init phase certs apiserver with this name among certSANs", name)
		}
		if c.VerifyHostname("127.0.0.1") == nil {
			return
		}
	}
	// The balancer dials 127.0.0.1, for which kubeadm makes no certificate.
	a.profiles["api-balancer"] = nil
}
