package verify

import (
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/kubespore/kubespore/pkg/diag"
)

// FirewallFile is the table that the profile firewall writes.
const FirewallFile = "/etc/kubespore/firewall.nft"

// firewall proves that every port on which a server of this host takes calls
// from other machines is opened by the table.
func proveFirewall(m *machine, out *diag.List) {
	table := m.file(FirewallFile)
	if table == nil {
		return
	}
	at := m.doc.At(table.Item)
	open := openPorts(string(table.Content))
	for _, s := range m.ends.servers {
		for _, address := range s.listen {
			host, port, err := net.SplitHostPort(address)
			if err != nil || isLoopback(host) {
				continue
			}
			number, err := strconv.Atoi(port)
			if err != nil || open.contains(number) {
				continue
			}
			out.Errorf("V060", at, m.where(FirewallFile), "%s serves port %s, which the firewall does not open", s.what, port).
				WithHint("name the port under ports: in the profile.yaml of the profile that serves it")
		}
	}
}

// span is a range of ports, both ends in it.
type span struct{ from, to int }

type spans []span

func (s spans) contains(port int) bool {
	return slices.ContainsFunc(s, func(one span) bool { return one.from <= port && port <= one.to })
}

// portsOfRule finds the ports of a rule: one, a range, or a set of either.
var portsOfRule = regexp.MustCompile(`tcp dport (\{[^}]*\}|[0-9-]+)`)

func openPorts(table string) spans {
	var out spans
	for line := range strings.Lines(table) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "#") || !strings.Contains(line, "accept") {
			continue
		}
		for _, match := range portsOfRule.FindAllStringSubmatch(line, -1) {
			for one := range strings.SplitSeq(strings.Trim(match[1], "{} "), ",") {
				from, to, ranged := strings.Cut(strings.TrimSpace(one), "-")
				if !ranged {
					to = from
				}
				a, errA := strconv.Atoi(strings.TrimSpace(from))
				b, errB := strconv.Atoi(strings.TrimSpace(to))
				if errA == nil && errB == nil {
					out = append(out, span{a, b})
				}
			}
		}
	}
	return out
}
