//go:build real

package applied

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/kubespore/kubespore/pkg/document"
)

// unknownToOld are the settings of ours that systemd 247 does not know, with the version
// that brought them. The facts of systems begin with 249, that of Ubuntu 22.04; what is
// younger than that has a reason.
var unknownToOld = map[string]string{
	"[Network] ManageForeignRoutingPolicyRules": "249",
	"[DHCPv6] DUIDType":                         "249",
	"[DHCPv6] UseDomains":                       "249",
	"[DHCPv6] UseHostname":                      "249",
	"[IPv6AcceptRA] UseGateway":                 "250: os-ubuntu.md says what 22.04 does without",
	"[Match] Kind":                              "251: before, Type=ether leaves them out",
}

// TestOldSystemd: systemd 247, older than that of every system with facts, knows every
// setting of the units, and networkd of the same version every setting of the network,
// but for those above. Newer versions verify the units in the other tests.
func TestOldSystemd(t *testing.T) {
	needRoot(t)
	t.Parallel()
	used := map[string]bool{}
	for _, topology := range []string{"../../examples/edge.yaml", "more.yaml"} {
		ignition, _ := both(t, topology, "ubuntu")
		for _, host := range kinds(t, ignition) {
			l := newLayerOf(t, "debian-11")
			apply(t, l.root, filepath.Join(ignition, host, "config.ign"))
			raw, err := os.ReadFile(filepath.Join(ignition, host, "config.ign"))
			if err != nil {
				t.Fatal(err)
			}
			doc, err := document.Decode(host, raw, nil)
			if err != nil {
				t.Fatal(err)
			}
			out := analyze(t, l.root, doc) + networkd(t, l)
			for _, found := range unknownSetting.FindAllStringSubmatch(out, -1) {
				name := "[" + found[2] + "] " + found[1]
				if used[name] = true; unknownToOld[name] == "" {
					t.Errorf("%s: %s", host, found[0])
				}
			}
		}
	}
	for name := range unknownToOld {
		if !used[name] {
			t.Errorf("systemd 247 says nothing of %s", name)
		}
	}
}

var unknownSetting = regexp.MustCompile(`Unknown key(?: name)? '([^']+)' in section '([^']+)'.*`)

// analyze gives what systemd-analyze of a root says of the units of a document. That
// programs are not there is not meant.
func analyze(t *testing.T, root string, doc *document.Document) string {
	t.Helper()
	entries, err := doc.Entries()
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"verify", "--man=no", "--generators=no"}
	for _, e := range entries {
		if e.Kind == document.KindUnit && len(e.Content) > 0 && !strings.Contains(e.Unit, "@.") {
			args = append(args, e.Path)
		}
	}
	c := exec.Command("systemd-analyze", args...)
	c.SysProcAttr = &syscall.SysProcAttr{Chroot: root}
	c.Dir = "/"
	out, err := c.CombinedOutput()
	if _, ok := err.(*exec.ExitError); err != nil && !ok {
		t.Fatal(err)
	}
	return string(out)
}

// networkd gives what systemd-networkd of a root says of its files.
func networkd(t *testing.T, l layer) string {
	t.Helper()
	out := run(t, "unshare", "--mount", "--net", "--pid", "--fork", "bash", "-euc", `
		cd "$1"
		ip link add eth0 type veth peer name one
		mount -t proc proc proc
		mount -t sysfs -o ro sysfs sys
		mount -t tmpfs tmpfs run
		mkdir -p run/systemd/netif/links run/systemd/netif/leases run/systemd/netif/lldp
		chroot . chown -R systemd-network:systemd-network /run/systemd/netif
		chroot . timeout 4 /lib/systemd/systemd-networkd || true
	`, "run", l.root)
	if !regexp.MustCompile(`Enumeration completed|Configuring with`).MatchString(out) {
		t.Fatalf("networkd did not run:\n%s", out)
	}
	return out
}
