package topology

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kubespore/kubespore/pkg/yamlfile"
	"github.com/kubespore/kubespore/pkg/yamlfile/schema"
)

const apiVersion = "kubespore/v1alpha1"

// Closed lists of the schema.
var (
	Roles         = []string{"control-plane", "worker", "etcd"}
	Formats       = []string{"ignition", "cloud-init"}
	Arches        = []string{"amd64", "arm64"}
	Deliveries    = []string{"none", "ec2-16k", "guestinfo-64k", "iso-embed-256k"}
	Custodies     = []string{"on-control-planes", "offline"}
	Slots         = []string{"cluster-dns", "cni", "service-proxy", "virtual-address"} // what Own takes; as profile.Slots
	KeyAlgorithms = []string{"ECDSA-P256", "ECDSA-P384", "RSA-2048", "RSA-3072", "RSA-4096"}

	effects     = []string{"NoSchedule", "PreferNoSchedule", "NoExecute"}
	interfaces  = []string{"ethernet", "bond", "vlan", "bridge", "dummy", kindWireguard}
	bondModes   = []string{"active-backup", "802.3ad", "balance-rr", "balance-xor", "broadcast", "balance-tlb", "balance-alb"}
	lacpRates   = []string{"fast", "slow"}
	bondHashes  = []string{"layer2", "layer2+3", "layer3+4", "encap2+3", "encap3+4"}
	dhcpModes   = []string{"no", "ipv4", "ipv6", "yes"}
	filesystems = []string{"ext4", "xfs", "btrfs", "vfat"}
)

const (
	versionPattern   = `^v1\.(0|[1-9][0-9]{0,5})\.(0|[1-9][0-9]*)$`
	labelPattern     = `^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`
	domainPattern    = `^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$`
	userPattern      = `^[a-z_][a-z0-9_-]{0,31}$`
	interfacePattern = `^[A-Za-z0-9_][A-Za-z0-9_.-]{0,14}$`
	keyPattern       = `^[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$`
	devicePattern    = `^/dev/[^\s/]+(/[^\s/]+)*$`
	imagePattern     = `^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?(/[a-z0-9]+([._-]+[a-z0-9]+)*)*$`
	hashPattern      = `^\$[0-9a-z]{1,8}\$[!-9;-~]{10,500}$`
	durationPattern  = `^[1-9][0-9]*(h|d|w|y)$`
)

// patternText is text of a given form. The hint says what to type instead.
func patternText(name, code, pattern, hint string) schema.Scalar[string] {
	rule := regexp.MustCompile(pattern)
	return schema.Scalar[string]{Name: name, Tag: "!!str", Pattern: pattern, Parse: func(text string) (string, *schema.Fault) {
		if !rule.MatchString(text) {
			return "", schema.Faultf(code, "%q is not a valid %s", yamlfile.Clip(text), name).Or("%s", hint)
		}
		return text, nil
	}}
}

var (
	userName      = patternText("user name", codeUser, userPattern, "small letters, digits, - and _; the first is not a digit")
	interfaceName = notReserved(patternText("interface name", codeInterface, interfacePattern, "at most 15 letters, digits, dots, - and _"))
	device        = patternText("device path", codeDisk, devicePattern, "use a path such as /dev/disk/by-id/ata-...")
	imageRegistry = patternText("registry with path", codeName, imagePattern, "write host[:port][/path], without https:// and without a tag")
	fileName      = patternText("text", codeName, `^[^\x00-\x1f]+$`, "write one line of text")
	filePath      = patternText("file name", codeName, `^[^\x00-\x1f]+$`, "name a Butane file, relative to this one")
	mountOption   = patternText("mount option", codeDisk, `^[!#$&-+--\[\]-~]{1,255}$`, "one option an entry, of at most 255 characters, without commas, blanks, quotes, % and \\")
	serialNumber  = patternText("serial number", codeName, `^[ -~]{1,64}$`, "use what dmidecode -s system-serial-number prints")
	diskLabel     = patternText("file system label", codeDisk, `^[A-Za-z0-9_.-]{1,16}$`, "at most 16 letters, digits, dots, - and _")
	shellPath     = patternText("path of a shell", codeUser, `^/[!-9;-~]+$`, "use an absolute path such as /bin/bash")
)

// notReserved refuses names that the kernel has for something else: see
// dev_valid_name and the folders of /proc/sys/net/ipv4/conf.
func notReserved(name schema.Scalar[string]) schema.Scalar[string] {
	parse := name.Parse
	name.Parse = func(text string) (string, *schema.Fault) {
		switch text {
		case "lo":
			return "", schema.Faultf(codeInterface, "lo is the loopback interface, which every machine has by itself").Or("for further addresses of the machine write {name: dummy0, kind: dummy, addresses: [10.0.0.1/32]}")
		case "all", "default":
			return "", schema.Faultf(codeInterface, "%s stands for every interface, and is the name of none", text).Or("name one, as in eth0")
		}
		return parse(text)
	}
	return name
}

var dnsLabel = schema.Scalar[string]{Name: "DNS label", Tag: "!!str", Pattern: labelPattern, Parse: func(text string) (string, *schema.Fault) {
	return text, checkLabel(text)
}}

var (
	labelRule  = regexp.MustCompile(labelPattern)
	domainRule = regexp.MustCompile(domainPattern)
)

func checkLabel(text string) *schema.Fault {
	if labelRule.MatchString(text) && text != "localhost" {
		return nil
	}
	f := schema.Faultf(codeName, "%q is not a DNS label", yamlfile.Clip(text))
	if strings.ContainsAny(text, "[]") {
		return f.Or("a range of hosts is written names: %q", yamlfile.Clip(text))
	}
	if better := nearestLabel(text); better != text && labelRule.MatchString(better) {
		return f.Or("did you mean %s?", better)
	}
	return f.Or("at most 63 small letters, digits and -, with a letter or digit at both ends; not localhost")
}

// hostName is the name of a Node that certificates may hold: they take what ends in a
// number for an address.
var hostName = schema.Scalar[string]{Name: "name of a host", Tag: "!!str", Pattern: domainPattern, Parse: func(text string) (string, *schema.Fault) {
	return text, checkHostName(text)
}}

// longestHostName is what the label kubernetes.io/hostname of a Node holds; the kernel holds
// one more.
const longestHostName = 63

func checkHostName(text string) *schema.Fault {
	first, domain, dotted := strings.Cut(text, ".")
	if f := checkLabel(text); f != nil && !dotted {
		return f
	}
	switch {
	case !isDNSName(text):
		f := schema.Faultf(codeName, "%q is not a DNS name", yamlfile.Clip(text))
		if better := nearestName(text); better != text && isDNSName(better) && len(better) <= longestHostName {
			return f.Or("did you mean %s?", better)
		}
		return f.Or("small letters, digits, - and dots, with a letter or digit at both ends of each part")
	case len(text) > longestHostName:
		return schema.Faultf(codeName, "%q has %d characters, and the label kubernetes.io/hostname of a Node holds %d", yamlfile.Clip(text), len(text), longestHostName).
			Or("write name: %s, and network: {searchDomains: [%s]} so that machines find each other by it", first, domain)
	case numeric(text[strings.LastIndexByte(text, '.')+1:]):
		f := schema.Faultf(codeName, "%q ends in a number, and certificates take such a name for an address", yamlfile.Clip(text))
		if dotted {
			return f.Or("end it in a word, as in %s.example.org", first)
		}
		return f.Or("put a letter before it, as in w%s", text)
	}
	return nil
}

func numeric(label string) bool { return strings.Trim(label, "0123456789") == "" }

// nearestName is nearestLabel for each part of a name.
func nearestName(text string) string {
	parts := strings.Split(text, ".")
	for i, part := range parts {
		parts[i] = nearestLabel(part)
	}
	return strings.Join(parts, ".")
}

var notOfLabel = regexp.MustCompile(`[^a-z0-9-]+`)

// nearestLabel turns a name into one that DNS allows.
func nearestLabel(text string) string {
	label := notOfLabel.ReplaceAllString(strings.ToLower(text), "-")
	return strings.Trim(label[:min(len(label), 63)], "-")
}

var dnsName = schema.Scalar[string]{Name: "DNS name", Tag: "!!str", Pattern: domainPattern, Parse: func(text string) (string, *schema.Fault) {
	if !isDNSName(text) {
		return "", schema.Faultf(codeName, "%q is not a DNS name", yamlfile.Clip(text)).Or("small letters, digits, - and dots, as in cluster.local")
	}
	if numeric(text[strings.LastIndexByte(text, '.')+1:]) {
		return "", schema.Faultf(codeName, "%q ends in a number, as only addresses do", yamlfile.Clip(text)).Or("end it in a word, as in cluster.local")
	}
	return text, nil
}}

// isDNSName accepts lower-case names whose labels are no longer than 63.
func isDNSName(text string) bool {
	return len(text) <= 253 && domainRule.MatchString(text) &&
		!slices.ContainsFunc(strings.Split(text, "."), func(label string) bool { return len(label) > 63 })
}

var (
	versionRule = regexp.MustCompile(versionPattern)
	bareVersion = regexp.MustCompile(`^v?1\.[0-9]+(\.[0-9]+)?`)
)

var version = schema.Scalar[string]{Name: "Kubernetes version", Tag: "!!str", Pattern: versionPattern, Parse: func(text string) (string, *schema.Fault) {
	if !versionRule.MatchString(text) {
		f := schema.Faultf(codeVersion, "%q is not a released version", yamlfile.Clip(text)).Or("write v1.MINOR.PATCH, as Kubernetes names its releases")
		if bare := bareVersion.FindString(text); bare != "" {
			if strings.Count(bare, ".") == 1 {
				bare += ".0"
			}
			f.Or("did you mean v%s?", strings.TrimPrefix(bare, "v"))
		}
		return "", f
	}
	return text, nil
}}

// day is the unit of lifetimes; a year has 365 of them, as in kubeadm.
const day = 24 * time.Hour

var (
	durationRule  = regexp.MustCompile(`^([1-9][0-9]{0,6})(h|d|w|y)$`)
	durationUnits = map[string]time.Duration{"h": time.Hour, "d": day, "w": 7 * day, "y": 365 * day}
)

// longestLife keeps dates inside what certificates and clocks can say.
const longestLife = 100 * 365 * day

// ParseLifetime reads a duration such as 87600h, 365d, 52w or 10y.
func ParseLifetime(text string) (time.Duration, error) {
	life, f := lifetime.Parse(text)
	if f != nil {
		return 0, errors.New(f.Message + ": " + f.Hint)
	}
	return life, nil
}

var lifetime = schema.Scalar[time.Duration]{Name: "duration", Tag: "!!str", Pattern: durationPattern, Parse: func(text string) (time.Duration, *schema.Fault) {
	parts := durationRule.FindStringSubmatch(text)
	if parts == nil {
		return 0, schema.Faultf(codeLifetime, "%q is not a duration", yamlfile.Clip(text)).Or("write hours, days, weeks or years, as in 87600h, 365d, 52w, 10y")
	}
	count, _ := strconv.Atoi(parts[1]) // digits, by the expression above
	unit := durationUnits[parts[2]]
	if count > int(longestLife/unit) {
		return 0, schema.Faultf(codeLifetime, "%s is longer than 100 years", text).Or("10y is usual for authorities, 1y for the rest")
	}
	life := time.Duration(count) * unit
	if life < day {
		return 0, schema.Faultf(codeLifetime, "%s is too short: machines boot with clocks that are off by hours", text).Or("use 1d or more")
	}
	return life, nil
}}

// sshTypes are the key types that current OpenSSH accepts.
var sshTypes = []string{
	"ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521",
	"sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com",
}

var sshKey = schema.Scalar[string]{Name: "public SSH key", Tag: "!!str", Secret: true, Parse: func(text string) (string, *schema.Fault) {
	if strings.Contains(text, "PRIVATE KEY") {
		return "", schema.Faultf(codeSSHKey, "this is a private key").Or("give the line of the .pub file, and make a new pair: this one is not a secret any more")
	}
	if strings.ContainsAny(text, "\r\n") {
		return "", schema.Faultf(codeSSHKey, "a public SSH key is one line").Or("give each key its own entry")
	}
	fields := strings.Fields(text)
	kind := slices.IndexFunc(fields, func(f string) bool { return slices.Contains(sshTypes, f) })
	switch {
	case slices.Contains(fields, "ssh-dss"):
		return "", schema.Faultf(codeSSHKey, "DSA keys are refused by current OpenSSH").Or("make a new one: ssh-keygen -t ed25519")
	case kind < 0:
		return "", schema.Faultf(codeSSHKey, "this is not a public SSH key").Or("give the line of the .pub file, as in ssh-ed25519 AAAA... you@example.org")
	case kind+1 >= len(fields):
		return "", schema.Faultf(codeSSHKey, "the key's data is missing after %s", fields[kind]).Or("give the whole line of the .pub file")
	case !isPlaceholder(fields[kind+1]) && !isKeyData(fields[kind+1], fields[kind]):
		return "", schema.Faultf(codeSSHKey, "the data of this %s key is damaged", fields[kind]).Or("copy the line of the .pub file again, whole")
	}
	return text, nil
}}

// isPlaceholder recognises the AAAA... of documentation. It is let through
// with a warning, so that samples compile.
func isPlaceholder(data string) bool { return strings.HasSuffix(data, "...") }

// isKeyData checks that the data is a sequence of fields, each with its length
// before it; the first part repeats the type (RFC 4253).
func isKeyData(data, keyType string) bool {
	raw, err := base64.StdEncoding.DecodeString(data)
	fields := 0
	for len(raw) >= 4 {
		size := uint64(binary.BigEndian.Uint32(raw))
		if size > uint64(len(raw)-4) || fields == 0 && string(raw[4:4+size]) != keyType {
			return false
		}
		raw = raw[4+size:]
		fields++
	}
	return err == nil && len(raw) == 0 && fields > 1
}

var (
	hashRule     = regexp.MustCompile(hashPattern)
	passwordHash = schema.Scalar[string]{Name: "password hash", Tag: "!!str", Pattern: hashPattern, Secret: true, Parse: func(text string) (string, *schema.Fault) {
		if !hashRule.MatchString(text) {
			return "", schema.Faultf(codeUser, "this is not a password hash").Or("never write the password itself; make a hash: mkpasswd --method=yescrypt")
		}
		return text, nil
	}}
)
