package profile

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/netip"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kubespore/kubespore/pkg/imageref"
)

// pathRule leaves out what a shell, a unit, YAML or a mount option would read as
// something else.
var pathRule = regexp.MustCompile(`^(/[A-Za-z0-9_+@.-][A-Za-z0-9_+@.:-]*)+$`)

// systemFolders hold what is not a profile's to use or to remove. What lies below
// is, but for the second list, where nothing is.
var (
	systemFolders = []string{"/bin", "/boot", "/etc", "/home", "/lib", "/lib32", "/lib64", "/media", "/mnt", "/opt", "/root", "/run", "/sbin", "/srv", "/tmp", "/usr", "/var",
		"/etc/systemd", "/etc/ssh", "/etc/ssl", "/usr/bin", "/usr/lib", "/usr/lib64", "/usr/local", "/usr/local/bin", "/usr/sbin", "/usr/share",
		"/var/cache", "/var/home", "/var/lib", "/var/log", "/var/opt", "/var/roothome", "/var/run", "/var/spool", "/var/tmp", "/run/systemd"}
	kernelFolders = []string{"/dev", "/proc", "/sys"}
)

func checkPath(s string) (string, string) {
	const example = "/var/lib/example: letters, digits and ._+@:-, and none of the system's own folders"
	top := "/" + strings.SplitN(strings.TrimPrefix(s, "/"), "/", 2)[0]
	if path.Clean(s) != s || !pathRule.MatchString(s) || slices.Contains(systemFolders, s) || slices.Contains(kernelFolders, top) {
		return "", example
	}
	return s, ""
}

// checkPorts accepts a port or a range of ports, and nothing that nft reads as a
// set.
func checkPorts(s string) (string, string) {
	first, last, isRange := strings.Cut(s, "-")
	low, err := strconv.ParseUint(first, 10, 16)
	high := low
	if err == nil && isRange {
		high, err = strconv.ParseUint(last, 10, 16)
	}
	if err != nil || low == 0 || high < low || isRange && high == low {
		return "", "9100 or 30000-32767; write an entry for each of several"
	}
	if !isRange {
		return strconv.FormatUint(low, 10), ""
	}
	return fmt.Sprintf("%d-%d", low, high), ""
}

// Sources are the words for who may reach a port, besides CIDRs.
var Sources = []string{"anywhere", "nodes", "control-planes", "etcd", "pods"}

// checkSource accepts one of [Sources], a CIDR or an address.
func checkSource(s string) (string, string) {
	if slices.Contains(Sources, s) {
		return s, ""
	}
	if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
		return s, ""
	}
	if p, _ := checkCIDR(s); p != "" {
		return p, ""
	}
	return "", strings.Join(Sources, ", ") + ", or a CIDR such as 10.0.0.0/8"
}

// checkFile accepts a name below the folder of the topology: what stands
// elsewhere would not come along when that folder does.
func checkFile(s string) (string, string) {
	if !filepath.IsLocal(s) || path.Clean(s) != s {
		return "", "secrets/registry.htpasswd, below the folder of the topology"
	}
	return s, ""
}

// LineFits says whether a line of a file is what a parameter of type file
// takes: its pattern is about the lines, and empty lines are free.
func (p *Param) LineFits(line string) bool {
	return p.pattern == nil || line == "" || p.pattern.MatchString(line)
}

func checkCIDR(s string) (string, string) {
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return "", "10.0.0.0/8"
	}
	if p != p.Masked() {
		return "", p.Masked().String()
	}
	return p.String(), ""
}

func checkAddress(s string) (string, string) {
	a, err := netip.ParseAddr(s)
	if err != nil || a.Zone() != "" {
		return "", "192.168.1.10, without a prefix length"
	}
	return a.String(), ""
}

// checkCertificates accepts certificates as PEM, and nothing else.
func checkCertificates(s string) (string, string) {
	const example = "-----BEGIN CERTIFICATE-----, with all of its lines below ca: |"
	for rest := []byte(strings.TrimSpace(s)); len(rest) > 0; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil || block.Type != "CERTIFICATE" {
			return "", example
		}
		if _, err := x509.ParseCertificate(block.Bytes); err != nil {
			return "", example
		}
	}
	return strings.TrimSpace(s) + "\n", ""
}

func checkDuration(s string) (string, string) {
	if _, err := time.ParseDuration(s); err != nil {
		return "", "30s, 5m or 1h30m"
	}
	return s, ""
}

func checkImage(s string) (string, string) {
	if _, err := imageref.Normalize(s); err != nil || !imageRule.MatchString(s) {
		return "", "registry.example/team/name:1.2.3"
	}
	return s, ""
}

func checkSize(s string) (string, string) {
	if !sizeRule.MatchString(s) {
		return "", "512Mi or 10Gi"
	}
	return s, ""
}
