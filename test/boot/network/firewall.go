package network

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Firewall is the table that a machine's document holds, as far as it is about
// TCP and UDP that comes from outside to the machine's own addresses.
type Firewall struct {
	sets     map[string][]netip.Prefix
	openings []opening
}

// opening lets in one protocol on a range of ports.
type opening struct {
	protocols []string
	From      []netip.Prefix // nil is anywhere
	low, high int
}

var (
	setOfTable  = regexp.MustCompile(`(?s)set (\w+) \{(.*?)\n\t\}`)
	elements    = regexp.MustCompile(`elements = \{ (.*?) \}`)
	inputChain  = regexp.MustCompile(`(?s)chain input \{(.*?)\n\t\}`)
	openingRule = regexp.MustCompile(`^(?:ip6? saddr (\S+) )?(?:(tcp|udp) dport|meta l4proto \{ (tcp, udp), sctp \} th dport) (\d+)(?:-(\d+))? accept`)
	// What lets in something else than new calls to ports: ICMP 1, IGMP 2, IP in
	// IP 4, VRRP 112.
	otherRule = regexp.MustCompile(`^(type|ct|iif lo|icmp|ip6? daddr @services|(?:ip6? saddr \S+ )?meta l4proto (?:1|2|4|112) |udp sport|#|$)`)
)

// ReadFirewall reads the table of a document. A rule that it does not know is
// an error: nothing may be open that it overlooks.
func ReadFirewall(table string) (*Firewall, error) {
	f := &Firewall{sets: map[string][]netip.Prefix{}}
	for _, set := range setOfTable.FindAllStringSubmatch(table, -1) {
		f.sets[set[1]] = nil
		for _, list := range elements.FindAllStringSubmatch(set[2], -1) {
			for one := range strings.SplitSeq(list[1], ", ") {
				prefix, err := prefixOf(one)
				if err != nil {
					return nil, fmt.Errorf("set %s: %w", set[1], err)
				}
				f.sets[set[1]] = append(f.sets[set[1]], prefix)
			}
		}
	}
	chain := inputChain.FindStringSubmatch(table)
	if chain == nil {
		return nil, fmt.Errorf("the table has no chain input")
	}
	for line := range strings.Lines(chain[1]) {
		line = strings.TrimSpace(line)
		rule := openingRule.FindStringSubmatch(line)
		if rule == nil {
			if !otherRule.MatchString(line) {
				return nil, fmt.Errorf("a rule that the lab does not know: %s", line)
			}
			continue
		}
		o, err := f.opening(rule)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", line, err)
		}
		f.openings = append(f.openings, o)
	}
	return f, nil
}

func (f *Firewall) opening(rule []string) (opening, error) {
	var o opening
	var err error
	switch source := rule[1]; {
	case strings.HasPrefix(source, "@"):
		set, ok := f.sets[source[1:]]
		if !ok {
			return o, fmt.Errorf("no set %s", source)
		}
		o.From = append([]netip.Prefix{}, set...)
	case source != "":
		prefix, err := prefixOf(source)
		if err != nil {
			return o, err
		}
		o.From = []netip.Prefix{prefix}
	}
	o.protocols = strings.Split(rule[2]+rule[3], ", ")
	if o.low, err = strconv.Atoi(rule[4]); err != nil {
		return o, err
	}
	if o.high = o.low; rule[5] != "" {
		o.high, err = strconv.Atoi(rule[5])
	}
	return o, err
}

// prefixOf reads a network or a single address.
func prefixOf(text string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(text); err == nil {
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	return netip.ParsePrefix(text)
}

// Lets gives the ports on which the table lets in a protocol from any of the
// addresses under which a source may appear.
func (f *Firewall) Lets(protocol string, sources []netip.Addr) *PortSet {
	ports := &PortSet{}
	for _, o := range f.openings {
		if !slices.Contains(o.protocols, protocol) {
			continue
		}
		known := func(p netip.Prefix) bool { return slices.ContainsFunc(sources, p.Contains) }
		if o.From == nil || slices.ContainsFunc(o.From, known) {
			for port := o.low; port <= o.high; port++ {
				ports[port] = true
			}
		}
	}
	return ports
}
