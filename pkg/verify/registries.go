package verify

import (
	"net"
	"net/netip"
	"net/url"
	"path"
	"regexp"
	"strings"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/document"
)

// registriesDir is where containerd looks for a file of hosts for each registry.
const registriesDir = "/etc/containerd/certs.d/"

var (
	hostsURL  = regexp.MustCompile(`(?m)^\s*(?:server\s*=\s*|\[host\.)"([^"]+)"`)
	hostsFile = regexp.MustCompile(`(?m)^\s*(ca|client)\s*=\s*"([^"]+)"`)
)

// dialled is a name that something on a host dials, and who says so.
type dialled struct {
	name, where string
	at          diag.Position
}

// registries proves that the files with which containerd checks registries are
// there. Their URLs join what the host dials.
func proveRegistries(m *machine, out *diag.List) {
	for i := range m.entries {
		e := &m.entries[i]
		if e.Kind != document.KindFile || !strings.HasPrefix(e.Path, registriesDir) || path.Base(e.Path) != "hosts.toml" {
			continue
		}
		text, asked := string(e.Content), map[string]bool{}
		for _, match := range hostsFile.FindAllStringSubmatch(text, -1) {
			if file := match[2]; path.IsAbs(file) && !m.exists(file) && !asked[file] {
				asked[file] = true
				at, where := cause(m, e.Item, e.Path, file)
				out.Errorf("V063", at, where, "containerd is to check a registry with %s, which nothing puts on this host", file).
					WithHint("bring the file with an overlay, or leave %s out where a public authority signs", match[1]).WithRelated(m.doc.At(e.Item), "%s names it", e.Path)
			}
		}
		for _, match := range hostsURL.FindAllStringSubmatch(text, -1) {
			// Looking for who says so takes time, and with name servers nothing is said.
			if u, err := url.Parse(match[1]); err == nil && u.Hostname() != "" && len(m.plan.Cluster.Nameservers) == 0 {
				at, where := cause(m, e.Item, e.Path, u.Hostname())
				m.dials = append(m.dials, dialled{u.Hostname(), where, at})
			}
		}
	}
}

// cause gives the topology's line that brought a text into a file, or the line of
// the profile or overlay that wrote the file, with the path to say before it.
func cause(m *machine, item, file, text string) (diag.Position, string) {
	if said := m.plan.Said(m.Host, m.doc.Origins[item].Profile, text); said != "" {
		return m.plan.Topology.At(said), said
	}
	return m.doc.At(item), m.where(file)
}

// names proves that a host can resolve every name that it dials: by its hosts
// file, or by name servers.
func proveNames(m *machine, out *diag.List) {
	if len(m.plan.Cluster.Nameservers) > 0 {
		return
	}
	for _, client := range m.ends.clients {
		for _, target := range client.dials {
			if host, _, err := net.SplitHostPort(target); err == nil {
				m.dials = append(m.dials, dialled{host, client.what, client.at})
			}
		}
	}
	known, said := m.knownNames(), map[string]bool{}
	for _, d := range m.dials {
		if _, err := netip.ParseAddr(d.name); err == nil || known[d.name] || said[d.name] {
			continue
		}
		said[d.name] = true
		if d.name == m.plan.Cluster.Endpoint.Host {
			d.where, d.at = "cluster.endpoint", m.plan.Topology.At("cluster.endpoint")
		}
		out.Errorf("V062", d.at, d.where, "nothing resolves %s: there are no name servers, and the hosts file does not have it", d.name).
			WithHint("add network: {nameservers: [...]}, write an address instead of the name, or add a line to /etc/hosts with an overlay")
	}
}

// knownNames are the names in the hosts file of a machine.
func (m *machine) knownNames() map[string]bool {
	known := map[string]bool{m.Name: true, "localhost": true}
	for line := range strings.Lines(string(m.content("/etc/hosts"))) {
		line, _, _ = strings.Cut(line, "#")
		if words := strings.Fields(line); len(words) > 1 {
			for _, name := range words[1:] {
				known[name] = true
			}
		}
	}
	return known
}
