package topology

import (
	"math/big"
	"net/netip"
	"regexp"
	"strconv"
	"strings"

	"github.com/kubespore/kubespore/pkg/yamlfile"
	"github.com/kubespore/kubespore/pkg/yamlfile/schema"
)

// IPv4 or IPv6, loosely: editors only need to catch what is plainly neither.
const (
	addressPattern  = `^[0-9A-Fa-f:.]+$`
	prefixPattern   = `^[0-9A-Fa-f:.]+/[0-9]{1,3}$`
	startPattern    = `^[0-9A-Fa-f:.]+\+/[0-9]{1,3}$`
	macPattern      = `^([0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}$`
	endpointPattern = `^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(:[0-9]{1,5})?$`
)

var address = schema.Scalar[netip.Addr]{Name: "IP address", Tag: "!!str", Pattern: addressPattern, Parse: parseAddress}

func parseAddress(text string) (netip.Addr, *schema.Fault) {
	a, err := netip.ParseAddr(text)
	switch {
	case err != nil:
		f := schema.Faultf(codeAddress, "%q is not an IP address", yamlfile.Clip(text))
		if plain := withoutLeadingZeros(text); plain != text {
			return netip.Addr{}, f.Or("leading zeros mean different things to different programs; did you mean %s?", plain)
		}
		if bare, _, found := strings.Cut(text, "/"); found && bare != "" {
			return netip.Addr{}, f.Or("leave out the prefix length: %s", yamlfile.Clip(bare))
		}
		return netip.Addr{}, f.Or("write it as in 192.168.200.21 or fd00::21")
	case a.Zone() != "":
		return netip.Addr{}, schema.Faultf(codeAddress, "%s names a zone, which means something on one machine only", yamlfile.Clip(text)).Or("write %s", a.WithZone(""))
	case a.Is4In6():
		return netip.Addr{}, schema.Faultf(codeAddress, "%s is an IPv4 address in the clothes of IPv6", text).Or("write %s", a.Unmap())
	}
	return a, nil
}

var leadingZeros = regexp.MustCompile(`(^|\.)0+([0-9])`)

func withoutLeadingZeros(text string) string {
	if !strings.Contains(text, ".") {
		return text
	}
	return leadingZeros.ReplaceAllString(text, "$1$2")
}

// hostPrefix is an address of a machine together with the length of its
// network's prefix.
var hostPrefix = schema.Scalar[netip.Prefix]{Name: "IP address with prefix length", Tag: "!!str", Pattern: prefixPattern, Parse: parseHostPrefix}

func parseHostPrefix(text string) (netip.Prefix, *schema.Fault) {
	bare, length, found := strings.Cut(text, "/")
	a, f := parseAddress(bare)
	if f != nil {
		return netip.Prefix{}, f
	}
	if !found {
		return netip.Prefix{}, schema.Faultf(codeAddress, "%s lacks the prefix length of its network", text).Or("write %s/%d, with the length that your network has", text, usualBits(a))
	}
	bits, err := strconv.Atoi(length)
	if err != nil || bits < 1 || bits > a.BitLen() || length[0] == '0' || length[0] == '+' {
		return netip.Prefix{}, schema.Faultf(codeAddress, "%q is not a prefix length for %s", yamlfile.Clip(length), bare).Or("use a number from 1 to %d", a.BitLen())
	}
	return netip.PrefixFrom(a, bits), nil
}

func usualBits(a netip.Addr) int {
	if a.Is4() {
		return 24
	}
	return 64
}

// network is a CIDR with no bits set behind its prefix.
var network = schema.Scalar[netip.Prefix]{Name: "CIDR", Tag: "!!str", Pattern: prefixPattern, Parse: func(text string) (netip.Prefix, *schema.Fault) {
	if bare, length, _ := strings.Cut(text, "/"); length == "0" {
		if a, err := netip.ParseAddr(bare); err == nil && a.IsUnspecified() && !a.Is4In6() {
			return netip.PrefixFrom(a, 0), nil // a default route; other uses check their size
		}
	}
	p, f := parseHostPrefix(text)
	if f == nil && p.Masked() != p {
		f = schema.Faultf(codeUnmasked, "%s is an address inside a network, not a network", text).Or("did you mean %s?", p.Masked())
		f.Meant = true
	}
	return p.Masked(), f
}}

// addressRange is an address from which a range of hosts counts up.
type addressRange struct {
	first netip.Prefix
}

var rangeStart = schema.Scalar[addressRange]{Name: "first IP address of a range with prefix length", Tag: "!!str", Pattern: startPattern, Parse: func(text string) (addressRange, *schema.Fault) {
	bare, length, _ := strings.Cut(text, "/")
	start, plus := strings.CutSuffix(bare, "+")
	if !plus {
		return addressRange{}, schema.Faultf(codeRange, "%q does not say that it counts up", yamlfile.Clip(text)).Or("write a + before the prefix length, as in 192.168.202.1+/22")
	}
	if length != "" {
		start += "/" + length
	}
	p, f := parseHostPrefix(start)
	if f != nil && length == "" {
		f.Or("write the prefix length behind the +, as in 192.168.202.1+/22")
	}
	return addressRange{p}, f
}}

// counted is an address of an interface; of a range of hosts the first host's.
type counted struct {
	netip.Prefix
	up bool // each further host has the next one
}

var countedPrefix = schema.Scalar[counted]{Name: "IP address with prefix length", Tag: "!!str", Pattern: `^[0-9A-Fa-f:.]+\+?/[0-9]{1,3}$`, Parse: func(text string) (counted, *schema.Fault) {
	if strings.Contains(text, "+") {
		r, f := rangeStart.Parse(text)
		return counted{r.first, true}, f
	}
	p, f := parseHostPrefix(text)
	return counted{p, false}, f
}}

// countedAddr is an address that others translate to a machine; of a range of hosts to the
// first host.
type countedAddr struct {
	netip.Addr
	up bool // each further host has the next one
}

var countedAddress = schema.Scalar[countedAddr]{Name: "IP address", Tag: "!!str", Pattern: `^[0-9A-Fa-f:.]+\+?$`, Parse: func(text string) (countedAddr, *schema.Fault) {
	bare, up := strings.CutSuffix(text, "+")
	a, f := parseAddress(bare)
	return countedAddr{a, up}, f
}}

// atHost gives the addresses of the nth host of a range.
func atHost(written []counted, n int) []netip.Prefix {
	out := make([]netip.Prefix, 0, len(written))
	for _, c := range written {
		if c.up {
			a, _ := nth(c.Addr(), n)
			c.Prefix = netip.PrefixFrom(a, c.Bits())
		}
		out = append(out, c.Prefix)
	}
	return validPrefixes(out)
}

// nth gives the address that stands n places after another; ok is false when
// the addresses come to an end before.
func nth(a netip.Addr, n int) (netip.Addr, bool) {
	sum := new(big.Int).Add(new(big.Int).SetBytes(a.AsSlice()), big.NewInt(int64(n)))
	if sum.BitLen() > a.BitLen() {
		return netip.Addr{}, false
	}
	return netip.AddrFromSlice(sum.FillBytes(make([]byte, a.BitLen()/8)))
}

// broadcast is the last address of a network.
func broadcast(p netip.Prefix) netip.Addr {
	raw := p.Masked().Addr().AsSlice()
	for i := p.Bits(); i < len(raw)*8; i++ {
		raw[i/8] |= 0x80 >> (i % 8)
	}
	a, _ := netip.AddrFromSlice(raw)
	return a
}

// family names the address family.
func family(a netip.Addr) string {
	if a.Is4() {
		return "IPv4"
	}
	return "IPv6"
}

var macRule = regexp.MustCompile(macPattern)

var mac = schema.Scalar[string]{Name: "MAC address", Tag: "!!str", Pattern: macPattern, Parse: func(text string) (string, *schema.Fault) {
	if !macRule.MatchString(text) {
		return "", schema.Faultf(codeMAC, "%q is not a MAC address", yamlfile.Clip(text)).Or("write six pairs of hex digits, as in 52:54:00:00:00:21")
	}
	plain := strings.ReplaceAll(strings.ToLower(text), "-", ":")
	first, _ := strconv.ParseUint(plain[:2], 16, 8) // hex, by the expression above
	if first&1 == 1 || plain == "00:00:00:00:00:00" {
		return "", schema.Faultf(codeMAC, "%s belongs to no single machine", text).Or("use the address of the machine's own interface (ip link)")
	}
	return plain, nil
}}

var allDigits = regexp.MustCompile(`^[0-9]+$`)

// endpoint is what clients dial: host:port.
var endpoint = schema.Scalar[Endpoint]{Name: "address or DNS name with port", Tag: "!!str", Pattern: endpointPattern, Parse: parseEndpoint}

func parseEndpoint(text string) (Endpoint, *schema.Fault) {
	if _, rest, found := strings.Cut(text, "://"); found {
		return Endpoint{}, schema.Faultf(codeEndpoint, "%q is a URL", yamlfile.Clip(text)).Or("write host:port alone: %s", yamlfile.Clip(strings.TrimRight(rest, "/")))
	}
	host, port := splitPort(text)
	if a, err := netip.ParseAddr(text); err == nil && a.Is6() {
		return Endpoint{}, schema.Faultf(codeEndpoint, "%s lacks the brackets that keep address and port apart", text).Or("write [address]:port, as in [fd00::240]:6443")
	}
	number := 6443
	if port != "" {
		n, err := strconv.Atoi(strings.TrimPrefix(port, ":"))
		if err != nil || n < 1 || n > 65535 {
			return Endpoint{}, schema.Faultf(codeEndpoint, "%q is not a port", yamlfile.Clip(strings.TrimPrefix(port, ":"))).Or("use a number from 1 to 65535; 6443 is usual")
		}
		number = n
	}
	bare, bracketed := strings.CutPrefix(host, "[")
	last := host[strings.LastIndexByte(host, '.')+1:]
	if bracketed || allDigits.MatchString(last) || strings.Contains(host, ":") {
		a, f := parseAddress(strings.TrimSuffix(bare, "]"))
		if f != nil {
			return Endpoint{}, f
		}
		return Endpoint{Host: a.String(), Port: number}, nil
	}
	if !isDNSName(host) {
		return Endpoint{}, schema.Faultf(codeEndpoint, "%q is neither an IP address nor a DNS name", yamlfile.Clip(host)).Or("write host:port, as in 192.168.200.240:6443 or api.example.org:6443")
	}
	return Endpoint{Host: host, Port: number}, nil
}

// splitPort cuts host:port, [address]:port or a bare host. The port keeps its
// colon, so that a colon without digits is seen.
func splitPort(text string) (host, port string) {
	i := strings.LastIndexByte(text, ':')
	if i < 0 || strings.Contains(text[i:], "]") {
		return text, ""
	}
	return text[:i], text[i:]
}

// timeServer is an address or a name.
var timeServer = schema.Scalar[string]{Name: "IP address or DNS name", Tag: "!!str", Parse: func(text string) (string, *schema.Fault) {
	if _, err := netip.ParseAddr(text); err == nil || strings.Contains(text, ":") {
		a, f := parseAddress(text)
		return a.String(), f
	}
	if !isDNSName(text) || allDigits.MatchString(text[strings.LastIndexByte(text, '.')+1:]) {
		return "", schema.Faultf(codeServer, "%q is neither an IP address nor a DNS name", yamlfile.Clip(text)).Or("write it as in 192.168.200.1 or pool.ntp.org")
	}
	return text, nil
}}
