package verify

import (
	"crypto/x509"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/plan"
)

// clusterProofs judge what needs the documents of all hosts.
type clusterProofs struct {
	plan      *plan.Plan
	ends      []endpoints // who serves and who dials
	listening []hostListeners
}

// trust proves over the whole cluster that every client is let in: the
// server has the dialled name, its certificate chains to the authority that
// the client verifies it by, and the client's chains to the authority that
// the server asks for; and that no key is on two hosts.
func (v *clusterProofs) trust(out *diag.List) {
	slices.SortFunc(v.ends, func(a, b endpoints) int { return strings.Compare(a.host, b.host) })
	n := newNetwork(v.ends, v.plan.Hosts)
	n.endpoint = net.JoinHostPort(v.plan.Cluster.Endpoint.Host, strconv.Itoa(v.plan.Cluster.Endpoint.Port))
	n.endpointAt = v.plan.Topology.At("cluster.endpoint")
	if v.plan.Cluster.Endpoint.IsVirtual && v.provided("virtual-address") {
		n.held = v.plan.Cluster.Endpoint.Host
	}
	c := newChains()
	for _, end := range v.ends {
		for _, s := range end.servers {
			if len(certificates(s.cert)) == 0 {
				out.Errorf("V052", s.at, s.host, "%s has no certificate", s.what)
			}
		}
		for _, client := range end.clients {
			n.dial(&end, client, c, out)
		}
	}
	n.serveEndpoint(v.plan, out)
	v.sameEverywhere(out)
	holders := map[fingerprint]string{}
	for _, end := range v.ends {
		for _, key := range end.keys {
			where := end.host + ":" + key.path
			if other, ok := holders[key.public]; ok && !strings.HasPrefix(other, end.host+":") {
				out.Errorf("V042", diag.Position{}, where, "it holds the same private key as %s", other)
			}
			holders[key.public] = where
		}
	}
}

// network finds who answers an address.
type network struct {
	byAddress  map[string]*endpoints // host addresses and names
	apiServers []server
	kubelets   []server
	addresses  map[string][]string // by host name
	endpoint   string              // host:port that the topology names
	endpointAt diag.Position
	said       bool   // that no machine answers at the endpoint
	held       string // the virtual address, where a profile keeps it on the machines
}

func newNetwork(ends []endpoints, hosts []*plan.Host) *network {
	n := &network{byAddress: map[string]*endpoints{}, addresses: map[string][]string{}}
	external := map[string][]string{}
	for _, h := range hosts {
		n.addresses[h.Name], external[h.Name] = h.Addresses, h.External
	}
	for i := range ends {
		for address := range ends[i].own {
			if !isLoopback(address) {
				n.byAddress[address] = &ends[i]
			}
		}
		for _, address := range external[ends[i].host] {
			n.byAddress[address] = &ends[i]
		}
		for _, s := range ends[i].servers {
			switch s.what {
			case "the API server":
				n.apiServers = append(n.apiServers, s)
			case "the kubelet":
				n.kubelets = append(n.kubelets, s)
			}
		}
	}
	return n
}

// dial proves one client against every server that may answer it.
func (n *network) dial(end *endpoints, client client, c *chains, out *diag.List) {
	if client.kubelets {
		for _, s := range n.kubelets {
			for _, address := range n.addresses[s.host] {
				meet(client, s, address, c, out)
			}
		}
		return
	}
	for _, target := range client.dials {
		host, port, err := net.SplitHostPort(target)
		if err != nil {
			continue
		}
		answering := n.answering(end, host, port)
		if len(answering) == 0 {
			n.unserved(client, target, out)
		}
		for _, s := range answering {
			meet(client, s, host, c, out)
		}
	}
}

// serveEndpoint proves that an API server answers at the endpoint, which clients
// outside of the cluster dial, where the machines themselves have its address.
func (n *network) serveEndpoint(p *plan.Plan, out *diag.List) {
	e := p.Cluster.Endpoint
	holder := n.byAddress[e.Host]
	if !e.IsAddress || holder == nil && e.Host != n.held || holder != nil && !slices.ContainsFunc(n.apiServers, func(s server) bool { return s.host == holder.host }) {
		return
	}
	if len(n.answering(holder, e.Host, strconv.Itoa(e.Port))) == 0 {
		n.unserved(client{what: "kubectl with admin.conf", at: n.endpointAt}, n.endpoint, out)
	}
}

// unserved says that no server answers a client: at the endpoint once, at its line.
func (n *network) unserved(client client, target string, out *diag.List) {
	if target != n.endpoint {
		out.Errorf("V053", client.at, client.what, "nothing in the cluster serves %s", target)
		return
	}
	if n.said {
		return
	}
	n.said = true
	out.Errorf("V053", n.endpointAt, "cluster.endpoint", "no API server answers at %s, which %s dials", target, client.what).
		WithHint("write the port of the API servers, 6443, or let a balancer of yours take calls there")
}

// provided says whether some profile of some host provides a slot.
func (v *clusterProofs) provided(slot string) bool {
	return slices.Contains(v.plan.Slots, slot)
}

// answering gives the servers behind an address: those of the machine that has
// it, or every API server when it is a virtual address, a name or a local
// balancer.
func (n *network) answering(end *endpoints, host, port string) []server {
	if !isLoopback(host) {
		end = n.byAddress[host]
	}
	if end == nil && host == n.held {
		// Who holds it takes calls on every address, and so on this one.
		return slices.DeleteFunc(slices.Clone(n.apiServers), func(s server) bool {
			return !slices.ContainsFunc(s.listen, func(l string) bool { return listens(l, host, port) })
		})
	}
	if end == nil {
		return n.apiServers
	}
	var direct []server
	for _, s := range end.servers {
		if slices.ContainsFunc(s.listen, func(l string) bool { return listens(l, host, port) }) {
			direct = append(direct, s)
		}
	}
	if len(direct) == 0 && isLoopback(host) {
		return n.apiServers
	}
	return direct
}

func isLoopback(host string) bool { return host == "127.0.0.1" || host == "::1" || host == "localhost" }

// listens says whether an address to listen on takes a call to host:port.
func listens(address, host, port string) bool {
	h, p, err := net.SplitHostPort(address)
	return err == nil && p == port && (h == "" || h == "0.0.0.0" || h == "::" || h == host)
}

// meet proves that a client and a server let each other in.
func meet(client client, s server, name string, c *chains, out *diag.List) {
	if problem := c.server(s.cert, client.ca, name); problem != "" {
		out.Errorf("V054", client.at, client.what, "it dials %s on %s as %s, but %s", s.what, s.host, name, problem)
	}
	if len(s.clientCA) == 0 {
		out.Errorf("V055", s.at, s.host, "%s checks clients with no authority", s.what)
		return
	}
	if problem := c.client(client.cert, s.clientCA); problem != "" {
		out.Errorf("V056", client.at, client.what, "%s on %s will not let it in: %s", s.what, s.host, problem)
	}
}

// chains verifies certificates and remembers what it found: many clients hold
// the same few servers against the same authority.
type chains struct {
	known map[string]string
	pools map[string]trusted
}

// trusted are the certificates of a file of authorities.
type trusted struct {
	*x509.CertPool           // nil: there is none
	since          time.Time // from then on all of them are valid
}

func newChains() *chains { return &chains{map[string]string{}, map[string]trusted{}} }

func (c *chains) server(cert, authority []byte, name string) string {
	return c.verify("server\x00"+name, cert, authority, name, x509.ExtKeyUsageServerAuth)
}

func (c *chains) client(cert, authority []byte) string {
	return c.verify("client", cert, authority, "", x509.ExtKeyUsageClientAuth)
}

func (c *chains) verify(kind string, text, authority []byte, name string, usage x509.ExtKeyUsage) string {
	key := kind + "\x00" + digest(text, authority)
	if problem, ok := c.known[key]; ok {
		return problem
	}
	problem := c.prove(text, authority, name, usage)
	c.known[key] = problem
	return problem
}

// prove says in words what is wrong, or "". Time is not its business: a leaf
// is held at its own NotBefore, for the plan knows nothing of clocks, or at that of an
// authority that began later: other authorities backdate what they sign.
func (c *chains) prove(text, authority []byte, name string, usage x509.ExtKeyUsage) string {
	chain := certificates(text)
	if len(chain) == 0 {
		return "there is no certificate"
	}
	pool := c.pool(authority)
	if pool.CertPool == nil {
		return "there is no authority to check it with"
	}
	intermediates := x509.NewCertPool()
	for _, ca := range chain[1:] {
		intermediates.AddCert(ca)
	}
	at := chain[0].NotBefore
	if at.Before(pool.since) {
		at = pool.since
	}
	_, err := chain[0].Verify(x509.VerifyOptions{Roots: pool.CertPool, Intermediates: intermediates, CurrentTime: at, KeyUsages: []x509.ExtKeyUsage{usage}})
	if err != nil {
		return "its certificate (" + chain[0].Subject.CommonName + ", issued by " + chain[0].Issuer.CommonName + ") is not of that authority or not for that use"
	}
	if name != "" && chain[0].VerifyHostname(name) != nil {
		return "its certificate does not have that name"
	}
	return ""
}

func (c *chains) pool(authority []byte) trusted {
	key := string(authority)
	if pool, ok := c.pools[key]; ok {
		return pool
	}
	var pool trusted
	for _, ca := range certificates(authority) {
		if pool.CertPool == nil {
			pool.CertPool = x509.NewCertPool()
		}
		pool.AddCert(ca)
		if ca.NotBefore.After(pool.since) {
			pool.since = ca.NotBefore
		}
	}
	c.pools[key] = pool
	return pool
}

// matches says whether a key belongs to a certificate.
func matches(cert, key []byte) bool {
	chain, keys := certificates(cert), privateKeys(key)
	return len(chain) > 0 && slices.Contains(keys, fingerprintOf(chain[0].PublicKey))
}
