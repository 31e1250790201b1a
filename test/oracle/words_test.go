//go:build oracle

package oracle

import (
	"net"
	"net/netip"
	"strconv"
	"strings"
)

func hostport(host string, port int) string { return net.JoinHostPort(host, strconv.Itoa(port)) }

func texts(prefixes []netip.Prefix) string {
	var out []string
	for _, p := range prefixes {
		out = append(out, p.String())
	}
	return strings.Join(out, ",")
}
