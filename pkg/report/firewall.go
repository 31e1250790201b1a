package report

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"github.com/kubespore/kubespore/pkg/plan"
)

var (
	setName     = regexp.MustCompile(`^set (\w+) \{`)
	setElements = regexp.MustCompile(`^elements = \{ (.*) \}`)
	chainName   = regexp.MustCompile(`^chain (\w+) \{`)
	acceptRule  = regexp.MustCompile(`^(?:ip6? saddr (\S+) )?(?:meta l4proto \{ (.*) \} |udp sport \d+ )?(\w+ dport \S+|meta l4proto \d+) accept comment "([^"]*)"`)
)

// protocols are those that the table names by number.
var protocols = map[string]string{"1": "icmp", "2": "igmp", "4": "ipip", "50": "esp", "112": "vrrp"}

// openings reads what a table of nftables lets in, as the profile firewall
// writes it: the file that the machine loads.
func openings(table string) []Opening {
	sets, chain, set := map[string][]string{}, "", ""
	var out []Opening
	for line := range strings.Lines(table) {
		line = strings.TrimSpace(line)
		if m := setName.FindStringSubmatch(line); m != nil {
			set = m[1]
		} else if m := setElements.FindStringSubmatch(line); m != nil {
			sets[set] = strings.Split(m[1], ", ")
		} else if m := chainName.FindStringSubmatch(line); m != nil {
			chain = m[1]
		}
		m := acceptRule.FindStringSubmatch(line)
		if m == nil || chain != "input" {
			continue
		}
		o := opening(m[3], m[2], m[4])
		from, sources := "anywhere", []string(nil)
		if name, isSet := strings.CutPrefix(m[1], "@"); isSet {
			from, sources = strings.ReplaceAll(name[:len(name)-1], "_", "-"), sets[name]
		} else if m[1] != "" {
			from, sources = m[1], []string{m[1]}
		}
		i := slices.IndexFunc(out, func(x Opening) bool { return x.Port == o.Port && x.Proto == o.Proto && x.For == o.For })
		if i < 0 {
			i, out = len(out), append(out, o)
		}
		out[i].From, out[i].Sources = addOnce(out[i].From, from), addOnce(out[i].Sources, sources...)
	}
	return sortedOpenings(out)
}

// opening reads what a rule matches: tcp dport 22, meta l4proto 112, or th dport
// 30000-32767 of several protocols.
func opening(match, protos, purpose string) Opening {
	words := strings.Fields(match)
	if words[0] == "meta" {
		return Opening{Proto: cmp.Or(protocols[words[2]], words[2]), For: purpose}
	}
	return Opening{Port: words[2], Proto: cmp.Or(protos, words[0]), For: purpose}
}

// planned gives the openings of a host without a firewall: the ports on which
// its profiles serve.
func planned(h *plan.Host) []Opening {
	var out []Opening
	for _, p := range h.Ports {
		out = append(out, Opening{Port: p.Port, Proto: p.Protocol, From: []string{"anywhere"}, For: p.Doc})
	}
	return sortedOpenings(out)
}

func sortedOpenings(list []Opening) []Opening {
	for i := range list {
		if slices.Contains(list[i].From, "anywhere") {
			list[i].From, list[i].Sources = []string{"anywhere"}, nil
		}
	}
	slices.SortStableFunc(list, func(a, b Opening) int {
		x, y := split(strings.Split(a.Port, "-")[0]), split(strings.Split(b.Port, "-")[0])
		return cmp.Or(cmp.Compare(x.number, y.number), cmp.Compare(a.Proto, b.Proto), cmp.Compare(a.For, b.For))
	})
	return list
}
