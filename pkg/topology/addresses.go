package topology

import (
	"math/big"
	"net/netip"
	"regexp"
	"strconv"
	"strings"

	"github.com/kubespore/kubespore/pkg/yamlfile"
)

// IPv4 or IPv6, loosely: editors only need to catch what is plainly neither.
const (
	addressPattern  = `^[0-9A-Fa-f:.]+$`
	prefixPattern   = `^[0-9A-Fa-f:.]+/[0-9]{1,3}$`
	startPattern    = `^[0-9A-Fa-f:.]+\+/[0-9]{1,3}$`
	macPattern      = `^([0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}$`
	endpointPattern = `^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(:[0-9]{1,5})?$`
)

var address = scalar[netip.Addr]{name: "IP address", tag: "!!str", pattern: addressPattern, parse: parseAddress}

func parseAddress(text string) (netip.Addr, *fault) {
	a, err := netip.ParseAddr(text)
	switch {
	case err != nil:
		f := faultf(codeAddress, "%q is not an IP address", yamlfile.Clip(text))
		if plain := withoutLeadingZeros(text); plain != text {
			return netip.Addr{}, f.or("leading zeros mean different things to different programs; did you mean %s?", plain)
		}
		if bare, _, found := strings.Cut(text, "/"); found && bare != "" {
			return netip.Addr{}, f.or("leave out the prefix length: %s", yamlfile.Clip(bare))
		}
		return netip.Addr{}, f.or("write it as in 192.168.200.21 or fd00::21")
	case a.Zone() != "":
		return netip.Addr{}, faultf(codeAddress, "%s names a zone, which means something on one machine only", yamlfile.Clip(text)).or("write %s", a.WithZone(""))
	case a.Is4In6():
		return netip.Addr{}, faultf(codeAddress, "%s is an IPv4 address in the clothes of IPv6", text).or("write %s", a.Unmap())
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
var hostPrefix = scalar[netip.Prefix]{name: "IP address with prefix length", tag: "!!str", pattern: prefixPattern, parse: parseHostPrefix}

func parseHostPrefix(text string) (netip.Prefix, *fault) {
	bare, length, found := strings.Cut(text, "/")
	a, f := parseAddress(bare)
	if f != nil {
		return netip.Prefix{}, f
	}
	if !found {
		return netip.Prefix{}, faultf(codeAddress, "%s lacks the prefix length of its network", text).or("write %s/%d, with the length that your network has", text, usualBits(a))
	}
	bits, err := strconv.Atoi(length)
	if err != nil || bits < 1 || bits > a.BitLen() || length[0] == '0' || length[0] == '+' {
		return netip.Prefix{}, faultf(codeAddress, "%q is not a prefix length for %s", yamlfile.Clip(length), bare).or("use a number from 1 to %d", a.BitLen())
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
var network = scalar[netip.Prefix]{name: "CIDR", tag: "!!str", pattern: prefixPattern, parse: func(text string) (netip.Prefix, *fault) {
	if bare, length, _ := strings.Cut(text, "/"); length == "0" {
		if a, err := netip.ParseAddr(bare); err == nil && a.IsUnspecified() && !a.Is4In6() {
			return netip.PrefixFrom(a, 0), nil // a default route; other uses check their size
		}
	}
	p, f := parseHostPrefix(text)
	if f == nil && p.Masked() != p {
		f = faultf(codeUnmasked, "%s is an address inside a network, not a network", text).or("did you mean %s?", p.Masked())
		f.meant = true
	}
	return p.Masked(), f
}}

// addressRange is an address from which a range of hosts counts up.
type addressRange struct {
	first netip.Prefix
}

var rangeStart = scalar[addressRange]{name: "first IP address of a range with prefix length", tag: "!!str", pattern: startPattern, parse: func(text string) (addressRange, *fault) {
	bare, length, _ := strings.Cut(text, "/")
	start, plus := strings.CutSuffix(bare, "+")
	if !plus {
		return addressRange{}, faultf(codeRange, "%q does not say that it counts up", yamlfile.Clip(text)).or("write a + before the prefix length, as in 192.168.202.1+/22")
	}
	if length != "" {
		start += "/" + length
	}
	p, f := parseHostPrefix(start)
	if f != nil && length == "" {
		f.or("write the prefix length behind the +, as in 192.168.202.1+/22")
	}
	return addressRange{p}, f
}}

// counted is an address of an interface; of a range of hosts the first host's.
type counted struct {
	netip.Prefix
	up bool // each further host has the next one
}

var countedPrefix = scalar[counted]{name: "IP address with prefix length", tag: "!!str", pattern: `^[0-9A-Fa-f:.]+\+?/[0-9]{1,3}$`, parse: func(text string) (counted, *fault) {
	if strings.Contains(text, "+") {
		r, f := rangeStart.parse(text)
		return counted{r.first, true}, f
	}
	p, f := parseHostPrefix(text)
	return counted{p, false}, f
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

var macForm = regexp.MustCompile(macPattern)

var mac = scalar[string]{name: "MAC address", tag: "!!str", pattern: macPattern, parse: func(text string) (string, *fault) {
	if !macForm.MatchString(text) {
		return "", faultf(codeMAC, "%q is not a MAC address", yamlfile.Clip(text)).or("write six pairs of hex digits, as in 52:54:00:00:00:21")
	}
	plain := strings.ReplaceAll(strings.ToLower(text), "-", ":")
	first, _ := strconv.ParseUint(plain[:2], 16, 8) // hex, by the expression above
	if first&1 == 1 || plain == "00:00:00:00:00:00" {
		return "", faultf(codeMAC, "%s belongs to no single machine", text).or("use the address of the machine's own interface (ip link)")
	}
	return plain, nil
}}

var allDigits = regexp.MustCompile(`^[0-9]+$`)

// endpoint is what clients dial: host:port.
var endpoint = scalar[Endpoint]{name: "address or DNS name with port", tag: "!!str", pattern: endpointPattern, parse: parseEndpoint}

func parseEndpoint(text string) (Endpoint, *fault) {
	if _, rest, found := strings.Cut(text, "://"); found {
		return Endpoint{}, faultf(codeEndpoint, "%q is a URL", yamlfile.Clip(text)).or("write host:port alone: %s", yamlfile.Clip(strings.TrimRight(rest, "/")))
	}
	host, port := splitPort(text)
	if a, err := netip.ParseAddr(text); err == nil && a.Is6() {
		return Endpoint{}, faultf(codeEndpoint, "%s lacks the brackets that keep address and port apart", text).or("write [address]:port, as in [fd00::240]:6443")
	}
	number := 6443
	if port != "" {
		n, err := strconv.Atoi(strings.TrimPrefix(port, ":"))
		if err != nil || n < 1 || n > 65535 {
			return Endpoint{}, faultf(codeEndpoint, "%q is not a port", yamlfile.Clip(strings.TrimPrefix(port, ":"))).or("use a number from 1 to 65535; 6443 is usual")
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
		return Endpoint{}, faultf(codeEndpoint, "%q is neither an IP address nor a DNS name", yamlfile.Clip(host)).or("write host:port, as in 192.168.200.240:6443 or api.example.org:6443")
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
var timeServer = scalar[string]{name: "IP address or DNS name", tag: "!!str", parse: func(text string) (string, *fault) {
	if _, err := netip.ParseAddr(text); err == nil || strings.Contains(text, ":") {
		a, f := parseAddress(text)
		return a.String(), f
	}
	if !isDNSName(text) || allDigits.MatchString(text[strings.LastIndexByte(text, '.')+1:]) {
		return "", faultf(codeServer, "%q is neither an IP address nor a DNS name", yamlfile.Clip(text)).or("write it as in 192.168.200.1 or pool.ntp.org")
	}
	return text, nil
}}
