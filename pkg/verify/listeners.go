package verify

import (
	"cmp"
	"fmt"
	"net"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	kubeproxy "k8s.io/kube-proxy/config/v1alpha1"
	kubelet "k8s.io/kubelet/config/v1beta1"

	"github.com/kubespore/kubespore/pkg/diag"
)

// listener is something that takes calls on a host.
type listener struct {
	what     string // program or pod, for messages
	profile  string // that brings it
	protocol string // tcp or udp
	address  string // "" for every address of the machine
	port     int
	at       diag.Position
}

func (l listener) String() string {
	return fmt.Sprintf("%s on %s", l.what, net.JoinHostPort(cmp.Or(l.address, "*"), strconv.Itoa(l.port)))
}

// clashes says whether two listeners cannot both have their port.
func (l listener) clashes(o listener) bool {
	return l.port == o.port && l.protocol == o.protocol && (l.address == o.address || l.address == "" || o.address == "") && l.what != o.what
}

// listening says where a program listens, by its flags.
type listening struct {
	urls    string // flag with URLs, or
	address string // flag with an address and
	port    string // flag with a port
	host    string // what the address is without the flag; "" for every address
	number  string // what the port is without the flag
}

// daemons are the ports of programs that are told by flags, as their own
// documentation gives them.
var daemons = map[string][]listening{
	"kube-apiserver":          {{address: "bind-address", port: "secure-port", number: "6443"}},
	"kube-controller-manager": {{address: "bind-address", port: "secure-port", number: "10257"}},
	"kube-scheduler":          {{address: "bind-address", port: "secure-port", number: "10259"}},
	"etcd":                    {{urls: "listen-client-urls"}, {urls: "listen-peer-urls"}, {urls: "listen-metrics-urls"}},
}

// listeners reads off a document who listens where on its host.
func listenersOf(m *machine) []listener {
	l := &listenerList{m: m}
	for _, o := range m.objects {
		at, profile := m.doc.At(o.entry.Item), m.doc.Origins[o.entry.Item].Profile
		switch typed := o.typed.(type) {
		case *kubelet.KubeletConfiguration:
			if typed.TLSCertFile == "" {
				continue // the cluster's own copy
			}
			l.add("the kubelet", profile, typed.Address, portOr(typed.Port, 10250), at)
			l.add("the kubelet", profile, typed.HealthzBindAddress, portOr(deref(typed.HealthzPort), 10248), at)
			l.add("the kubelet", profile, typed.Address, int(typed.ReadOnlyPort), at)
		case *kubeproxy.KubeProxyConfiguration:
			l.hostPort("kube-proxy", profile, cmp.Or(typed.MetricsBindAddress, "127.0.0.1:10249"), at)
			l.hostPort("kube-proxy", profile, cmp.Or(typed.HealthzBindAddress, "0.0.0.0:10256"), at)
		case *corev1.Pod:
			if path.Dir(o.entry.Path) == StaticPodDir {
				l.pod(&typed.Spec, "the static pod "+typed.Name, profile, at)
			}
		}
	}
	for _, u := range m.units {
		for _, line := range u.values("Service", "ExecStart") {
			l.program(m.expand(u, line), "unit "+u.name, m.doc.Origins[u.item].Profile, m.doc.At(u.item))
		}
	}
	l.openings()
	return l.list
}

// listenerList collects the listeners of a host.
type listenerList struct {
	m    *machine
	list []listener
}

// add adds a listener, at the topology's line where the port stands there.
func (l *listenerList) add(what, profile, address string, port int, at diag.Position) {
	if port <= 0 {
		return
	}
	if ip := net.ParseIP(address); ip != nil && ip.IsUnspecified() {
		address = ""
	}
	if path := l.m.plan.Said(l.m.Host, profile, strconv.Itoa(port)); path != "" {
		at = l.m.plan.Topology.At(path)
	}
	l.list = append(l.list, listener{what, profile, "tcp", address, port, at})
}

func (l *listenerList) hostPort(what, profile, text string, at diag.Position) {
	if host, port, err := net.SplitHostPort(text); err == nil {
		number, _ := strconv.Atoi(port)
		l.add(what, profile, host, number, at)
	}
}

// pod adds what the containers of a pod listen on by their flags and, on the
// host's network, by what they declare.
func (l *listenerList) pod(spec *corev1.PodSpec, what, profile string, at diag.Position) {
	for i := range spec.Containers {
		c := &spec.Containers[i]
		before := len(l.list)
		l.program(append(append([]string{}, c.Command...), c.Args...), what, profile, at)
		for _, p := range c.Ports {
			declared := listener{protocol: strings.ToLower(cmp.Or(string(p.Protocol), "TCP")), port: int(p.HostPort), address: p.HostIP}
			if spec.HostNetwork {
				declared.port = cmp.Or(declared.port, int(p.ContainerPort))
			}
			known := func(o listener) bool { return o.port == declared.port && o.protocol == declared.protocol }
			if declared.port > 0 && !slices.ContainsFunc(l.list[before:], known) {
				l.add(what, profile, declared.address, declared.port, at)
				l.list[len(l.list)-1].protocol = declared.protocol
			}
		}
	}
}

// toldByFile are programs that a file tells where to listen.
var toldByFile = map[string]struct {
	after string         // the word of the command line before the file
	line  *regexp.Regexp // an address and port
	what  string
}{
	"haproxy":  {after: "-f", line: regexp.MustCompile(`(?m)^\s+bind\s+(\S+:[0-9]+)`)},
	"registry": {after: "serve", line: regexp.MustCompile(`(?m)^\s+addr:\s*'?([^'\s]*:[0-9]+)'?\s*$`), what: "the registry"},
}

// program adds what one command line listens on.
func (l *listenerList) program(argv []string, what, profile string, at diag.Position) {
	for i, arg := range argv {
		name := path.Base(strings.TrimLeft(arg, "-@:+!"))
		if strings.HasPrefix(arg, "--") {
			continue
		}
		if table, known := daemons[name]; known {
			_, flags := commandLine(argv)
			if len(flags) == 0 {
				flags = flagsOf(argv)
			}
			for _, one := range table {
				if one.urls == "" {
					number, _ := strconv.Atoi(cmp.Or(flags[one.port], one.number))
					l.add(name, profile, cmp.Or(flags[one.address], one.host), number, at)
					continue
				}
				for url := range strings.SplitSeq(flags[one.urls], ",") {
					_, hostPort, _ := strings.Cut(url, "://")
					l.hostPort(name, profile, hostPort, at)
				}
			}
			return
		}
		if file, known := toldByFile[name]; known {
			for j := i; j+1 < len(argv); j++ {
				if argv[j] != file.after {
					continue
				}
				for _, match := range file.line.FindAllStringSubmatch(string(l.m.content(argv[j+1])), -1) {
					l.hostPort(cmp.Or(file.what, name)+" of "+what, profile, match[1], at)
				}
			}
			return
		}
	}
}

// flagsOf gives the flags of a program that is in no table of TLS.
func flagsOf(argv []string) map[string]string {
	flags := map[string]string{}
	for _, arg := range argv {
		if flag, value, ok := strings.Cut(strings.TrimPrefix(arg, "--"), "="); ok && strings.HasPrefix(arg, "--") {
			flags[flag] = value
		}
	}
	return flags
}

// openings adds the ports that profiles open in the firewall, where something of
// theirs must listen, unless that was found. Ranges are handed out, and not
// listened on from the start.
func (l *listenerList) openings() {
	found := slices.Clone(l.list)
	for _, o := range l.m.Ports {
		port, err := strconv.Atoi(o.Port)
		same := func(f listener) bool {
			return f.port == port && f.protocol == o.Protocol && (f.profile == o.Profile || l.needs(f.profile, o.Profile))
		}
		if err != nil || slices.ContainsFunc(found, same) {
			continue
		}
		at := diag.Position{}
		if p := l.m.plan.Catalog.Lookup(o.Profile); p != nil {
			at = p.At("ports")
		}
		l.add(o.Doc+" (the profile "+o.Profile+")", o.Profile, "", port, at)
		l.list[len(l.list)-1].protocol = o.Protocol
		found = append(found, l.list[len(l.list)-1])
	}
}

// needs says whether a profile is made for another, whose ports it may serve.
func (l *listenerList) needs(name, other string) bool {
	p := l.m.plan.Catalog.Lookup(name)
	return p != nil && slices.Contains(p.Needs, other)
}

func portOr(port, fallback int32) int { return int(cmp.Or(port, fallback)) }

func deref(p *int32) int32 {
	if p == nil {
		return 0
	}
	return *p
}

// ports proves that no two programs of a host listen on one port, those of pods
// that the cluster starts on every node among them.
func provePorts(m *machine, out *diag.List) {
	list := m.listeners
	for i, a := range list {
		for _, b := range list[:i] {
			if !a.clashes(b) {
				continue
			}
			first, second := b, a
			if second.at.File != m.plan.Topology.File && first.at.File == m.plan.Topology.File {
				first, second = second, first
			}
			out.Errorf("V061", second.at, m.Name, "%s cannot listen together with %s", second, first).
				WithHint("give one of the two another port").WithRelated(first.at, "%s", first.what)
		}
	}
}
