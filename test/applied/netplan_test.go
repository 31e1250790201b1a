//go:build real

package applied

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Debian's cloud images have this: every port there is gets an address.
const everyPort = `network:
  version: 2
  ethernets:
    all-en:
      match: {name: "en*"}
      dhcp4: true
      dhcp6: true
    all-eth:
      match: {name: "eth*"}
      dhcp4: true
      dhcp6: true
`

// TestNetplan: what netplan of Debian 13 makes of its image's settings, at every boot,
// changes neither what the boot waits for nor any port, named by the topology or not.
// netplan and networkd themselves say so.
func TestNetplan(t *testing.T) {
	needRoot(t)
	ignition, _ := both(t, "../../examples/edge.yaml", "debian")
	l := newLayerOf(t, "debian-13")
	apply(t, l.root, filepath.Join(ignition, "edge1", "config.ign"))
	if err := os.WriteFile(filepath.Join(l.root, "etc/netplan/90-default.yaml"), []byte(everyPort), 0o600); err != nil {
		t.Fatal(err)
	}
	out := run(t, "unshare", "--mount", "--net", "--pid", "--fork", "bash", "-euc", `
		cd "$1"
		ip link add eth0 type veth peer name one
		ip link add eth1 type veth peer name two
		ip link add enp9s0 type veth peer name three
		ip link set one up; ip link set two up; ip link set three up
		mount -t proc proc proc
		mount -t sysfs -o ro sysfs sys # no udev to wait for
		mount -t tmpfs tmpfs run
		mkdir -p run/systemd/netif/links
		chroot . chown -R systemd-network:systemd-network /run/systemd/netif
		chroot . /usr/libexec/netplan/generate
		ls run/systemd/network
		chroot . systemd-analyze cat-config systemd/system/systemd-networkd-wait-online.service
		chroot . timeout 3 /usr/lib/systemd/systemd-networkd || true
	`, "run", l.root)
	if !strings.Contains(out, "10-netplan-all-en.network") || !strings.Contains(out, "10-netplan.conf") {
		t.Fatalf("netplan made nothing\n%s", out)
	}
	// The last of each counts.
	starts := regexp.MustCompile(`(?m)^(ExecStart|ConditionPathIsSymbolicLink)=.*`).FindAllString(out, -1)
	if n := len(starts); n < 3 || strings.Join(starts[n-3:], "\n") != "ConditionPathIsSymbolicLink=\nExecStart=\nExecStart=/usr/lib/systemd/systemd-networkd-wait-online --any --timeout=30" {
		t.Errorf("the boot waits as netplan says:\n%s", strings.Join(starts, "\n"))
	}
	for port, want := range map[string]string{
		"eth0":   "eth0: Configuring with /etc/systemd/network/05-kubespore-eth0.network.",
		"eth1":   "eth1: Configuring with /etc/systemd/network/05-kubespore-eth1.network.",
		"enp9s0": "", // left alone
	} {
		if got := regexp.MustCompile(`(?m)^` + port + `: Configuring .*`).FindString(out); got != want {
			t.Errorf("networkd says %q of %s, want %q\n%s", got, port, want, out)
		}
	}
}
