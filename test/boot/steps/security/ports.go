package security

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/kubespore/kubespore/test/boot/documents"
	"github.com/kubespore/kubespore/test/boot/hardware"
	"github.com/kubespore/kubespore/test/boot/lab"
	"github.com/kubespore/kubespore/test/boot/network"
	"github.com/kubespore/kubespore/test/boot/process"
)

// source is someone who looks at the machines' ports.
type source struct {
	Name      string
	namespace string // of the network, as a file
	addresses []netip.Addr
	home      *lab.Machine // of a pod: on other machines its packets may arrive under this one's address
	// What it may find at most, whatever the tables say.
	atMost func(m *lab.Machine, port int) bool
}

// nodePort is the range that the API server gives NodePorts from.
func nodePort(port int) bool { return port >= 30000 && port <= 32767 }

// stranger may call the API server and what users publish; ssh is open unless
// the topology says otherwise.
func stranger(m *lab.Machine, port int) bool {
	return nodePort(port) || port == 22 || (port == 6443 && m.ControlPlane)
}

// neighbour is in the nodes' network, or a pod: it reaches kubelets and the
// health of kube-proxy, and no etcd, controller manager or scheduler.
func neighbour(m *lab.Machine, port int) bool {
	return stranger(m, port) || port == 10250 || port == 10256
}

// outside are addresses of no network, for documentation.
var outside = []netip.Prefix{netip.MustParsePrefix("198.51.100.1/32"), netip.MustParsePrefix("2001:db8:51::1/128")}

// ScanPorts looks at all TCP and UDP ports of every machine that is on: from an
// address outside of all networks of the cluster, from one in the network of
// its nodes, and from a pod. What answers, and what passes, must be exactly
// what the firewall table of that machine's document names for that source.
func ScanPorts(ctx context.Context, r *lab.Run, _ []string) (string, error) {
	remove, err := bringOutside(ctx, r)
	if err != nil {
		return "", errors.Join(err, remove())
	}
	sources, err := sources(ctx, r)
	if err != nil {
		return "", errors.Join(err, remove())
	}
	var found []string
	var errs []error
	for _, s := range sources {
		open := map[int]bool{}
		for _, h := range r.Hosts {
			if m := r.Machines[h.Name]; m.On() && ctx.Err() == nil {
				r.Lab.Screen.Now(s.Name + " looks at " + h.Name)
				errs = append(errs, scan(ctx, r, s, m, open))
			}
		}
		found = append(found, s.Name+" "+list(open))
	}
	return strings.Join(found, "; "), errors.Join(append(errs, remove())...)
}

// list writes a set of ports, with NodePorts as one.
func list(ports map[int]bool) string {
	var out []string
	some := false
	for port := range 1 << 16 {
		switch {
		case ports[port] && nodePort(port):
			some = true
		case ports[port]:
			out = append(out, strconv.Itoa(port))
		}
	}
	if some {
		out = append(out, "NodePorts")
	}
	if len(out) == 0 {
		return "nothing"
	}
	return strings.Join(out, " ")
}

// bringOutside gives the lab the gateways of the machines and addresses behind
// them, and gives a function that takes them away.
func bringOutside(ctx context.Context, r *lab.Run) (func() error, error) {
	gateways := map[string]bool{}
	for _, h := range r.Hosts {
		files, err := documents.FilesOf(r.Document(h.Name))
		if err != nil {
			return func() error { return nil }, err
		}
		for path, text := range files {
			if !strings.HasPrefix(path, "/etc/systemd/network/") {
				continue
			}
			for _, found := range gatewayLine.FindAllStringSubmatch(text, -1) {
				gateways[found[1]] = true
			}
		}
	}
	var remove [][]string
	var errs []error
	add := func(address, device string) {
		step := []string{"-n", string(r.Lab.Lan), "address", "add", address, "dev", device}
		if strings.Contains(address, ":") {
			step = append(step, "nodad")
		}
		errs = append(errs, network.IP(ctx, [][]string{step}))
		remove = append(remove, []string{"-n", string(r.Lab.Lan), "address", "delete", address, "dev", device})
	}
	for gateway := range gateways {
		bits := "/32"
		if strings.Contains(gateway, ":") {
			bits = "/128"
		}
		add(gateway+bits, "lan")
	}
	for _, p := range outside {
		add(p.String(), "lo")
	}
	return func() error { return network.IP(context.WithoutCancel(ctx), remove) }, errors.Join(errs...)
}

var gatewayLine = regexp.MustCompile(`(?m)^Gateway=([0-9a-f.:]+)$`)

// sources are those who look, with at most one address of each family.
func sources(ctx context.Context, r *lab.Run) ([]source, error) {
	lab := r.Lab.Lan.Path()
	from := source{Name: "from outside", namespace: lab, atMost: stranger}
	for _, p := range outside {
		from.addresses = append(from.addresses, p.Addr())
	}
	near := source{Name: "from the nodes' network", namespace: lab, atMost: neighbour}
	for _, p := range network.LabAddresses(r.Hosts) {
		near.addresses = append(near.addresses, p.Addr())
	}
	pod, err := podSource(ctx, r)
	return []source{from, near, pod}, err
}

// podSource is a pod of CoreDNS on a machine that is not a control plane, where
// there is one: a pod on a control plane may go under an address that etcd
// knows. Where the scheduler put none there, it makes one.
func podSource(ctx context.Context, r *lab.Run) (source, error) {
	var at []*lab.Machine
	for _, h := range r.Hosts {
		if m := r.Machines[h.Name]; m.On() && m.Node && (!m.ControlPlane || len(r.Hosts) == 1) {
			at = append(at, m)
		}
	}
	found, err := coreDNSOn(at)
	if err != nil || found.namespace != "" || len(at) == 0 {
		return found, err
	}
	if err := startCoreDNS(ctx, r, at[0].Name); err != nil {
		return source{}, err
	}
	if found, err = coreDNSOn(at); err == nil && found.namespace == "" {
		err = errors.New("no pod of CoreDNS to look from")
	}
	return found, err
}

// startCoreDNS runs one more CoreDNS, as a pod of the lab, on a given node; it
// serves again after a loss of power, as every pod is waited for.
func startCoreDNS(ctx context.Context, r *lab.Run, node string) error {
	image, err := r.Kubectl(ctx, "get", "deployment", "coredns", "--namespace=kube-system", "--output=jsonpath={.spec.template.spec.containers[0].image}")
	if err != nil {
		return err
	}
	overrides := fmt.Sprintf(`{"spec":{"nodeName":%q}}`, node)
	if _, err := r.Kubectl(ctx, "run", "lab-look-out", "--image="+image, "--image-pull-policy=IfNotPresent", "--restart=Always", "--overrides="+overrides); err != nil {
		return err
	}
	_, err = r.Until(ctx, lab.Patience, r.Settled)
	return err
}

// coreDNSOn looks for a process of CoreDNS on the machines; the source it gives
// without one is empty.
func coreDNSOn(machines []*lab.Machine) (source, error) {
	for _, m := range machines {
		inside, err := hardware.Inside(m)
		if err != nil {
			return source{}, err
		}
		for _, pid := range process.ProcessesIn(inside.Groups()) {
			if program, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid)); err != nil || filepath.Base(program) != "coredns" {
				continue
			}
			s := source{Name: "from a pod", namespace: fmt.Sprintf("/proc/%d/ns/net", pid), atMost: neighbour, home: m}
			err = network.Within(s.namespace, func() error {
				all, err := net.InterfaceAddrs()
				for _, a := range all {
					if p, ok := netip.ParsePrefix(a.String()); ok == nil && p.Addr().IsGlobalUnicast() {
						s.addresses = append(s.addresses, p.Addr())
					}
				}
				return err
			})
			return s, err
		}
	}
	return source{}, nil
}

func addressesOf(m *lab.Machine) []netip.Addr {
	var out []netip.Addr
	for _, text := range m.Addresses {
		if p, err := netip.ParsePrefix(text); err == nil {
			out = append(out, p.Addr())
		}
	}
	return out
}

// scan looks at one machine from one source, in each family that both have. It
// adds what is open.
func scan(ctx context.Context, r *lab.Run, s source, m *lab.Machine, open map[int]bool) error {
	files, err := documents.FilesOf(r.Document(m.Name))
	if err != nil {
		return err
	}
	table, err := network.ReadFirewall(files["/etc/kubespore/firewall.nft"])
	if err != nil {
		return fmt.Errorf("%s: %w", m.Name, err)
	}
	scanned := 0
	var errs []error
	for _, to := range addressesOf(m) {
		at := slices.IndexFunc(s.addresses, func(a netip.Addr) bool { return a.Is4() == to.Is4() })
		if at < 0 {
			continue
		}
		scanned++
		from := s.addresses[at]
		as := []netip.Addr{from}
		if s.home != nil && s.home != m {
			as = append(as, addressesOf(s.home)...)
		}
		wrong, err := s.tcp(from, to, table.Lets("tcp", as), m, open)
		if err == nil && len(wrong) == 0 {
			wrong, err = s.udp(ctx, from, to, table.Lets("udp", as), m)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", m.Name, err)
		}
		for _, w := range wrong {
			errs = append(errs, fmt.Errorf("%s at %s of %s: %s", s.Name, to, m.Name, w))
		}
	}
	if scanned == 0 {
		errs = append(errs, fmt.Errorf("%s reaches no address of %s", s.Name, m.Name))
	}
	return errors.Join(errs...)
}

// tcp gives what is wrong with the TCP ports of an address.
func (s source) tcp(from, to netip.Addr, lets *network.PortSet, m *lab.Machine, open map[int]bool) (wrong []string, err error) {
	var got *network.Outcome
	err = network.Within(s.namespace, func() (err error) {
		got, err = network.ScanTCP(from, to, lets)
		return err
	})
	if err != nil {
		return nil, err
	}
	for port := 1; port < 1<<16; port++ {
		switch {
		case got.Answered(port) && !lets[port]:
			wrong = append(wrong, fmt.Sprintf("TCP port %d answers, and the firewall table does not name it", port))
		case lets[port] && !got.Answered(port):
			wrong = append(wrong, fmt.Sprintf("TCP port %d does not answer, and the firewall table names it", port))
		case got.Open[port] && !s.atMost(m, port):
			wrong = append(wrong, fmt.Sprintf("TCP port %d is open", port))
		}
		if got.Open[port] {
			open[port] = true
		}
	}
	return few(wrong), nil
}

// few leaves of many complaints the first ones.
func few(wrong []string) []string {
	if len(wrong) > 5 {
		return append(wrong[:5], fmt.Sprintf("and %d more", len(wrong)-5))
	}
	return wrong
}

// behind is a table in the machine that runs behind its firewall and writes
// down on which ports datagrams of scanUDP came through. UDP itself answers
// no program that it does not understand.
const behind = `nft -f - <<EOF
table inet lab
delete table inet lab
table inet lab {
  set seen { type inet_service; flags dynamic; size 65536; }
  chain input { type filter hook input priority 100; udp length %d add @seen { udp dport }; }
}
EOF`

// udp gives what is wrong with the UDP ports of an address.
func (s source) udp(ctx context.Context, from, to netip.Addr, lets *network.PortSet, m *lab.Machine) (wrong []string, err error) {
	inside, err := hardware.Inside(m)
	if err != nil {
		return nil, err
	}
	if _, err := inside.Do(ctx, fmt.Sprintf(behind, network.MarkLength)); err != nil {
		return nil, err
	}
	defer func() {
		_, gone := inside.Do(context.WithoutCancel(ctx), "nft delete table inet lab")
		err = errors.Join(err, gone)
	}()
	ask := &network.PortSet{}
	for port := range ask {
		ask[port] = true
	}
	var seen *network.PortSet
	// What is let in and did not come through is sent again: a busy machine
	// drops packets.
	for range 3 {
		if err := network.Within(s.namespace, func() error { return network.ScanUDP(from, to, ask) }); err != nil {
			return nil, err
		}
		out, err := inside.Do(ctx, "nft list set inet lab seen")
		if err != nil {
			return nil, err
		}
		seen = portsIn(out)
		for port := range ask {
			ask[port] = lets[port] && !seen[port]
		}
	}
	for port := 1; port < 1<<16; port++ {
		switch {
		case seen[port] && !lets[port]:
			wrong = append(wrong, fmt.Sprintf("UDP port %d lets a datagram in, and the firewall table does not name it", port))
		case lets[port] && !seen[port]:
			wrong = append(wrong, fmt.Sprintf("UDP port %d lets no datagram in, and the firewall table names it", port))
		}
	}
	return few(wrong), nil
}

// portsIn reads the elements of a set of ports as nft lists them.
func portsIn(text string) *network.PortSet {
	out := &network.PortSet{}
	_, text, _ = strings.Cut(text, "elements = {")
	for word := range strings.FieldsSeq(strings.NewReplacer(",", " ", "}", " ").Replace(text)) {
		if port, err := strconv.Atoi(word); err == nil && port > 0 && port < len(out) {
			out[port] = true
		}
	}
	return out
}
