package pki

import (
	"fmt"
	"net/netip"
	"strings"
)

// checkDNSName says what is wrong with a DNS name in a certificate, or "". It
// is strict: a text that is neither a DNS name nor an address must not get into
// a certificate as something else.
func checkDNSName(name string) string {
	if _, err := netip.ParseAddr(name); err == nil {
		return "it is an address"
	}
	if len(name) > 253 {
		return "it is longer than 253 characters"
	}
	labels := strings.Split(strings.TrimPrefix(name, "*."), ".")
	for _, label := range labels {
		if problem := checkLabel(label); problem != "" {
			return problem
		}
	}
	if last := labels[len(labels)-1]; strings.Trim(last, "0123456789") == "" {
		return "it ends in a number, as only addresses do"
	}
	return ""
}

func checkLabel(label string) string {
	switch {
	case label == "":
		return "a part between its dots is empty"
	case len(label) > 63:
		return "a part between its dots is longer than 63 characters"
	case label[0] == '-' || label[len(label)-1] == '-':
		return "a part between its dots begins or ends with a dash"
	}
	for _, r := range label {
		if !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-') {
			return fmt.Sprintf("it holds %q", r)
		}
	}
	return ""
}

// checkAddress says what is wrong with an address in a certificate, or "".
func checkAddress(a netip.Addr) string {
	switch {
	case !a.IsValid():
		return "it is empty"
	case a.Zone() != "":
		return "it has a zone, which only its own machine understands"
	case a.Is4In6():
		return "it is an IPv4 address in IPv6 form"
	case a.IsUnspecified():
		return "no one can dial it"
	}
	return ""
}
