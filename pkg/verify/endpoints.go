package verify

import (
	"net"
	"net/url"
	"path"
	"strings"

	corev1 "k8s.io/api/core/v1"
	clientcmd "k8s.io/client-go/tools/clientcmd/api/v1"
	kubelet "k8s.io/kubelet/config/v1beta1"

	"github.com/kubespore/kubespore/pkg/diag"
)

// server is something that a host serves over TLS.
type server struct {
	host     string
	what     string
	listen   []string // host:port; an empty host is every address of the machine
	cert     []byte   // PEM
	clientCA []byte
	at       diag.Position
}

// client is something on a host that dials.
type client struct {
	host     string
	what     string   // file or flag, for messages
	dials    []string // host:port
	kubelets bool
	cert     []byte
	ca       []byte
	at       diag.Position
}

// endpoints is what one host serves and dials, and whose keys it holds.
type endpoints struct {
	host    string
	own     map[string]bool // the host's own addresses
	servers []server
	clients []client
	keys    []heldKey
	shared  map[string]heldKey // what other hosts hold too, by its name in the store
}

// endpoints reads them off a document: off static pods and units by their
// flags, off kubelet configurations, off kubeconfigs.
func (v *Verifier) endpoints(m *machine, out *diag.List) endpoints {
	e := endpoints{host: m.Name, own: map[string]bool{"127.0.0.1": true, "::1": true, "localhost": true, m.Name: true}, keys: heldKeys(m)}
	for _, a := range m.Addresses {
		e.own[a] = true
	}
	for _, o := range m.objects {
		at := m.doc.At(o.entry.Item)
		switch typed := o.typed.(type) {
		case *corev1.Pod:
			if path.Dir(o.entry.Path) == StaticPodDir {
				e.pod(m, typed, at, out)
			}
		case *kubelet.KubeletConfiguration:
			if typed.TLSCertFile == "" {
				continue // the cluster's own copy, which kubeadm asks for
			}
			e.servers = append(e.servers, server{host: m.Name, what: "the kubelet", listen: []string{":10250"}, cert: m.content(typed.TLSCertFile),
				clientCA: v.shared(m.content(typed.Authentication.X509.ClientCAFile)), at: at})
		case *clientcmd.Config:
			e.kubeconfig(m, typed, o.entry.Path, at, out)
		}
	}
	for _, u := range m.units {
		for _, line := range u.values("Service", "ExecStart") {
			e.program(m, m.expand(u, line), m.content, m.doc.At(u.item), out)
		}
	}
	for i := range e.clients {
		e.clients[i].ca = v.shared(e.clients[i].ca)
	}
	return e
}

// pod adds what the containers of a static pod serve and dial.
func (e *endpoints) pod(m *machine, pod *corev1.Pod, at diag.Position, out *diag.List) {
	volumes := map[string]*corev1.HostPathVolumeSource{}
	for _, volume := range pod.Spec.Volumes {
		volumes[volume.Name] = volume.HostPath
	}
	for _, c := range containers(pod) {
		read := func(name string) []byte {
			inside, _ := hostPath(c, volumes, name)
			return m.content(inside)
		}
		e.program(m, append(append([]string{}, c.Command...), c.Args...), read, at, out)
	}
}

// content gives the bytes of a file of the document.
func (m *machine) content(name string) []byte {
	if e := m.file(name); e != nil {
		return e.Content
	}
	return nil
}

// program adds what one command line serves and dials.
func (e *endpoints) program(m *machine, argv []string, read func(string) []byte, at diag.Position, out *diag.List) {
	name, flags := commandLine(argv)
	for _, s := range programs[name].servers {
		if flags[s.cert] == "" {
			continue
		}
		listen := hostPorts(flags[s.urls])
		if s.urls == "" {
			port := flags[s.port]
			if port == "" {
				port = s.defaultPort
			}
			listen = []string{":" + port}
		}
		v := server{host: m.Name, what: s.name, listen: listen, cert: read(flags[s.cert]), clientCA: read(flags[s.clientCA]), at: at}
		if !matches(v.cert, read(flags[s.key])) {
			out.Errorf("V050", at, m.Name+":"+name, "--%s and --%s are not a pair", s.cert, s.key)
		}
		e.servers = append(e.servers, v)
	}
	for _, c := range programs[name].clients {
		if flags[c.cert] == "" {
			continue
		}
		if !matches(read(flags[c.cert]), read(flags[c.key])) {
			out.Errorf("V050", at, m.Name+":"+name, "--%s and --%s are not a pair", c.cert, c.key)
		}
		e.clients = append(e.clients, client{host: m.Name, what: m.Name + ": " + name + " --" + c.urls, dials: hostPorts(flags[c.urls]), kubelets: c.kubelets,
			cert: read(flags[c.cert]), ca: read(flags[c.ca]), at: at})
	}
}

// kubeconfig adds what a kubeconfig dials.
func (e *endpoints) kubeconfig(m *machine, config *clientcmd.Config, file string, at diag.Position, out *diag.List) {
	users := map[string]clientcmd.AuthInfo{}
	for _, u := range config.AuthInfos {
		users[u.Name] = u.AuthInfo
	}
	clusters := map[string]clientcmd.Cluster{}
	for _, c := range config.Clusters {
		clusters[c.Name] = c.Cluster
	}
	for _, context := range config.Contexts {
		cluster, hasCluster := clusters[context.Context.Cluster]
		user, hasUser := users[context.Context.AuthInfo]
		if !hasCluster || !hasUser {
			out.Errorf("V051", at, m.where(file), "context %s names a cluster or user that the file does not have", context.Name)
			continue
		}
		cert, key := either(user.ClientCertificateData, m, user.ClientCertificate), either(user.ClientKeyData, m, user.ClientKey)
		if len(cert) > 0 && !matches(cert, key) {
			out.Errorf("V050", at, m.where(file), "the client certificate and the client key are not a pair")
		}
		if m.verbatim[file] {
			continue // a server of the user's: no document says anything of it
		}
		e.clients = append(e.clients, client{host: m.Name, what: m.where(file), dials: hostPorts(cluster.Server), cert: cert,
			ca: either(cluster.CertificateAuthorityData, m, cluster.CertificateAuthority), at: at})
	}
}

// either gives embedded data, or the content of the file on the machine.
func either(data []byte, m *machine, file string) []byte {
	if len(data) > 0 {
		return data
	}
	return m.content(path.Clean(file))
}

// commandLine gives the program of the table that a command line runs and its
// flags.
func commandLine(argv []string) (string, map[string]string) {
	name, flags := "", map[string]string{}
	for i, arg := range argv {
		base := path.Base(strings.TrimLeft(arg, "-@:+!"))
		if _, ok := programs[base]; ok && !strings.HasPrefix(arg, "--") && name == "" {
			name = base
			continue
		}
		if flag, value, ok := strings.Cut(strings.TrimPrefix(arg, "--"), "="); ok && strings.HasPrefix(arg, "--") {
			flags[flag] = value
		} else if strings.HasPrefix(arg, "--") && i+1 < len(argv) {
			flags[strings.TrimPrefix(arg, "--")] = argv[i+1]
		}
	}
	return name, flags
}

// hostPorts gives the host:port of URLs separated by commas, which may have a
// name= before them; plain http is left out.
func hostPorts(list string) []string {
	var out []string
	for one := range strings.SplitSeq(list, ",") {
		if i := strings.Index(one, "=https://"); i >= 0 {
			one = one[i+1:]
		}
		u, err := url.Parse(one)
		if err != nil || u.Scheme != "https" || u.Host == "" {
			continue
		}
		port := u.Port()
		if port == "" {
			port = "443"
		}
		out = append(out, net.JoinHostPort(u.Hostname(), port))
	}
	return out
}
