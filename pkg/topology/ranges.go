package topology

import (
	"fmt"
	"net/netip"
	"regexp"
	"strconv"

	"github.com/kubespore/kubespore/pkg/yamlfile"
	"github.com/kubespore/kubespore/pkg/yamlfile/schema"
)

const namesPattern = `^[a-z0-9.-]*(\[[0-9]+-[0-9]+\][a-z0-9.-]*)*$`

var bracket = regexp.MustCompile(`\[([^\[\]]*)\]`)

// hostNames is a pattern that stands for names: text with number ranges in
// brackets.
var hostNames = schema.Scalar[[]string]{Name: "names such as w[001-300]", Tag: "!!str", Pattern: namesPattern, Parse: expandNames}

// expandNames counts a pattern out; with several brackets, the last one runs
// fastest.
func expandNames(pattern string) ([]string, *schema.Fault) {
	names, rest := []string{""}, 0
	for _, at := range bracket.FindAllStringSubmatchIndex(pattern, -1) {
		numbers, f := countOut(pattern[at[2]:at[3]], len(names))
		if f != nil {
			return nil, f
		}
		names = combine(names, pattern[rest:at[0]], numbers)
		rest = at[1]
	}
	names = combine(names, pattern[rest:], []string{""})
	for _, name := range names {
		if f := checkHostName(name); f != nil {
			return nil, schema.Faultf(codeRange, "%q gives %q, which cannot be the name of a host", yamlfile.Clip(pattern), yamlfile.Clip(name)).
				Or("write small letters, digits, - and number ranges in brackets, as in w[001-300]")
		}
	}
	return names, nil
}

func combine(heads []string, middle string, tails []string) []string {
	out := make([]string, 0, len(heads)*len(tails))
	for _, head := range heads {
		for _, tail := range tails {
			out = append(out, head+middle+tail)
		}
	}
	return out
}

var numberRange = regexp.MustCompile(`^([0-9]{1,9})-([0-9]{1,9})$`)

// countOut gives the numbers of a range such as 001-300. The first number's
// leading zeros say how wide all are.
func countOut(text string, times int) ([]string, *schema.Fault) {
	ends := numberRange.FindStringSubmatch(text)
	if ends == nil {
		return nil, schema.Faultf(codeRange, "[%s] is not a range of numbers", yamlfile.Clip(text)).Or("write the first and the last number, as in w[001-300]")
	}
	first, _ := strconv.Atoi(ends[1]) // digits, by the expression above
	last, _ := strconv.Atoi(ends[2])
	if first > last {
		return nil, schema.Faultf(codeRange, "[%s] runs backwards", text).Or("write [%s-%s]", ends[2], ends[1])
	}
	if (last-first+1)*times > maxHosts {
		return nil, schema.Faultf(codeLimit, "[%s] makes more than %d hosts", text, maxHosts).Or("split the fleet into several clusters")
	}
	out := make([]string, 0, last-first+1)
	for n := first; n <= last; n++ {
		if ends[1][0] == '0' {
			out = append(out, fmt.Sprintf("%0*d", len(ends[1]), n))
		} else {
			out = append(out, strconv.Itoa(n))
		}
	}
	return out, nil
}

// checkEnd refuses a range of addresses that leaves its network or touches an
// address that no machine can have.
func (r addressRange) checkEnd(count int) *schema.Fault {
	net := r.first.Masked()
	last, ok := nth(r.first.Addr(), count-1)
	switch {
	case !ok || !net.Contains(last):
		return schema.Faultf(codeRange, "%d hosts from %s on do not fit into %s", count, r.first.Addr(), net).Or("begin lower, use fewer hosts or a shorter prefix")
	case unusable(r.first) != "":
		return schema.Faultf(codeUnusable, "%s is %s", r.first.Addr(), unusable(r.first)).Or("begin with the next address")
	case unusable(netip.PrefixFrom(last, net.Bits())) != "":
		return schema.Faultf(codeUnusable, "the last of %d hosts would have %s, %s", count, last, unusable(netip.PrefixFrom(last, net.Bits()))).Or("begin lower or use fewer hosts")
	}
	return nil
}

// unusable says why no machine can have an address; "" when one can.
func unusable(p netip.Prefix) string {
	a, inner := p.Addr(), p.Bits() < p.Addr().BitLen()-1
	switch {
	case a.IsUnspecified():
		return "the address of no one"
	case a.IsLoopback():
		return "a loopback address"
	case a.IsMulticast():
		return "a multicast address"
	case a.IsLinkLocalUnicast():
		return "a link-local address, which no other network reaches"
	case inner && a == p.Masked().Addr():
		return "the address of the network " + p.Masked().String() + " itself"
	case inner && a.Is4() && a == broadcast(p):
		return "the broadcast address of " + p.Masked().String()
	}
	return ""
}
