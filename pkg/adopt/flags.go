package adopt

import (
	"slices"
	"strings"

	"github.com/kubespore/kubespore/pkg/objects"
)

// anyValue stands for every value of a flag that the plan or the store decides.
const anyValue = ""

// usual are the flags that kubeadm gives a program, with the values that our own
// documents have in their place: what differs from them was said by someone.
// Source: cmd/kubeadm/app/phases of Kubernetes 1.34 to 1.37.
func usual(program string) map[string]string {
	pki := "/etc/kubernetes/pki/"
	switch program {
	case "kube-apiserver":
		return map[string]string{
			"advertise-address": anyValue, "allow-privileged": "true", "authorization-mode": "Node,RBAC",
			"client-ca-file": pki + "ca.crt", "enable-admission-plugins": "NodeRestriction",
			"etcd-cafile": anyValue, "etcd-certfile": anyValue, "etcd-keyfile": anyValue, "etcd-servers": anyValue,
			"kubelet-client-certificate": pki + "apiserver-kubelet-client.crt", "kubelet-client-key": pki + "apiserver-kubelet-client.key",
			"kubelet-preferred-address-types": "InternalIP,ExternalIP,Hostname", "profiling": "false",
			"proxy-client-cert-file": pki + "front-proxy-client.crt", "proxy-client-key-file": pki + "front-proxy-client.key",
			"requestheader-allowed-names": "front-proxy-client", "requestheader-client-ca-file": pki + "front-proxy-ca.crt",
			"requestheader-extra-headers-prefix": "X-Remote-Extra-", "requestheader-group-headers": "X-Remote-Group",
			"requestheader-username-headers": "X-Remote-User", "secure-port": "6443",
			"service-account-key-file": pki + "sa.pub", "service-account-signing-key-file": pki + "sa.key",
			"service-cluster-ip-range": anyValue, "tls-cert-file": pki + "apiserver.crt", "tls-private-key-file": pki + "apiserver.key",
		}
	case "kube-controller-manager":
		conf := "/etc/kubernetes/controller-manager.conf"
		return map[string]string{
			"allocate-node-cidrs": anyValue, "authentication-kubeconfig": conf, "authorization-kubeconfig": conf, "bind-address": "127.0.0.1",
			"client-ca-file": pki + "ca.crt", "cluster-cidr": anyValue, "cluster-name": anyValue, "cluster-signing-cert-file": pki + "ca.crt",
			"cluster-signing-key-file": pki + "ca.key", "controllers": "*,bootstrapsigner,tokencleaner", "flex-volume-plugin-dir": anyValue, "kubeconfig": conf,
			"leader-elect": "true", "profiling": "false", "requestheader-client-ca-file": pki + "front-proxy-ca.crt", "root-ca-file": pki + "ca.crt",
			"service-account-private-key-file": pki + "sa.key", "service-cluster-ip-range": anyValue, "use-service-account-credentials": "true",
		}
	case "kube-scheduler":
		conf := "/etc/kubernetes/scheduler.conf"
		return map[string]string{"authentication-kubeconfig": conf, "authorization-kubeconfig": conf, "bind-address": "127.0.0.1",
			"kubeconfig": conf, "leader-elect": "true", "profiling": "false"}
	}
	return map[string]string{ // of etcd
		"advertise-client-urls": anyValue, "cert-file": pki + "etcd/server.crt", "client-cert-auth": "true",
		"experimental-initial-corrupt-check": "true", "experimental-watch-progress-notify-interval": "5s",
		"feature-gates": "InitialCorruptCheck=true", "initial-advertise-peer-urls": anyValue, "initial-cluster": anyValue, "initial-cluster-state": anyValue,
		"key-file": pki + "etcd/server.key", "listen-client-urls": anyValue, "listen-metrics-urls": anyValue, "listen-peer-urls": anyValue,
		"name": anyValue, "peer-cert-file": pki + "etcd/peer.crt", "peer-client-cert-auth": "true", "peer-key-file": pki + "etcd/peer.key",
		"peer-trusted-ca-file": pki + "etcd/ca.crt", "snapshot-count": "10000", "trusted-ca-file": pki + "etcd/ca.crt",
		"watch-progress-notify-interval": "5s",
	}
}

// params are flags that a parameter of our profiles says, by program.
func params(program string) map[string]string {
	switch program {
	case "kube-apiserver":
		return map[string]string{"allow-privileged": "allowPrivileged", "audit-log-maxage": "auditMaxAge", "audit-log-maxbackup": "auditMaxBackups",
			"audit-log-maxsize": "auditMaxSize", "enable-bootstrap-token-auth": "bootstrapTokens", "service-account-issuer": "serviceAccountIssuer", "tls-min-version": "tlsMinVersion"}
	case "etcd":
		return map[string]string{"data-dir": "dataDir", "quota-backend-bytes": "quotaBackendBytes", "snapshot-count": "snapshotCount"}
	}
	return nil
}

// argument is a flag of a program.
type argument struct{ name, value string }

// programFlags gives the flags of a program: those of its static pod, which is
// what runs, else those that the configuration of kubeadm adds.
func (a *adoption) programFlags(program, pod string, extra any) []argument {
	configured := arguments(extra)
	text := a.Files["manifests/"+pod+".yaml"]
	if text == nil {
		return configured
	}
	var out []argument
	read, fault := objects.Read("manifests/"+pod+".yaml", text)
	if fault != nil || len(read) != 1 {
		a.unknown("manifests/"+pod+".yaml", "the static pod cannot be read: its flags are those of the configuration of kubeadm")
		return configured
	}
	for _, container := range list(dig(read[0].Tree, "spec", "containers")) {
		for _, element := range append(list(dig(container, "command")), list(dig(container, "args"))...) {
			if text, ok := element.(string); ok {
				if flag, found := strings.CutPrefix(text, "--"); found {
					name, value, _ := strings.Cut(flag, "=")
					out = append(out, argument{name, value})
				}
			}
		}
	}
	for _, c := range configured {
		if !slices.ContainsFunc(out, func(f argument) bool { return f.name == c.name }) {
			a.unknown("ClusterConfiguration", "the static pod of %s does not have the flag %s, which the configuration names", program, c.name)
		}
	}
	return out
}

// arguments reads extraArgs: a list of name and value, before v1beta4 a mapping.
func arguments(extra any) []argument {
	var out []argument
	for _, e := range list(extra) {
		out = append(out, argument{str(dig(e, "name")), str(dig(e, "value"))})
	}
	if m, ok := extra.(map[string]any); ok {
		for _, name := range sortedKeys(m) {
			out = append(out, argument{name, str(m[name])})
		}
	}
	return out
}

// sortFlags tells apart what our documents have anyway, what a parameter says,
// what is a flag of the topology's own, and what has no place.
func (a *adoption) sortFlags(program, profile, extraArgs string, flags []argument) {
	expected, named := usual(program), params(program)
	var rest []any
	for _, f := range flags {
		want, isUsual := expected[f.name]
		switch {
		case isUsual && (want == anyValue || want == f.value):
		case f.name == "service-account-issuer" && f.value == "https://kubernetes.default.svc."+a.domain:
		case f.name == "data-dir" && f.value == "/var/lib/etcd":
		case named[f.name] != "":
			a.set(profile, named[f.name], scalar(f.value))
		case f.name == "encryption-provider-config":
			a.encryption(f.value)
		case strings.HasPrefix(f.name, "node-cidr-mask-size"):
			a.mask(f)
		case a.Owned(program, f.name) != "":
			a.unknown("profiles."+profile, "the flag %s of %s is not taken over: write %s", f.name, program, a.Owned(program, f.name))
		default:
			rest = append(rest, f.name+"="+f.value)
		}
	}
	if len(rest) > 0 {
		a.set(profile, extraArgs, rest)
	}
}
