//go:build real

package applied

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// networkRoots are the versions of networkd that read what we write: 247, 252 and 257.
var networkRoots = []string{"debian-11", "cloud-init", "debian-13"}

// networkHosts are those of testdata/network.yaml, which say all that ports, bonds, dummies,
// tunnels and DHCP can.
var networkHosts = []string{"c1", "c2", "c3"}

// complaint is what networkd says of a file of ours while it reads it: that it uses one is
// no complaint, nor is what the kernel of a test machine lacks.
var complaint = regexp.MustCompile(`(?m)^.*05-kubespore-\S+?\.(?:network|netdev):.*$`)

// noMistake is what networkd says of files without a mistake: a kernel without bonding has no
// bond to be a member of, and a gateway next to an address from DHCP is on the link of what
// DHCP will give, which networkd then writes itself.
var noMistake = regexp.MustCompile(`NetDev could not be found|Gateway= without static address configured\. Enabling GatewayOnLink=`)

// complaints gives what networkd of a root says, but for that and for settings that are
// younger than it and have a reason.
func complaints(t *testing.T, l layer, root string) (out []string) {
	t.Helper()
	for _, line := range complaint.FindAllString(networkd(t, l), -1) {
		if noMistake.MatchString(line) {
			continue
		}
		if unknown := unknownSetting.FindStringSubmatch(line); unknown != nil && root == "debian-11" && unknownToOld["["+unknown[2]+"] "+unknown[1]] != "" {
			continue
		}
		out = append(out, line)
	}
	return out
}

// TestNetworkdParses: networkd of three versions takes every key and value of the files
// that it gets, and would not take one that is misspelt.
func TestNetworkdParses(t *testing.T) {
	needRoot(t)
	t.Parallel()
	for _, root := range networkRoots {
		for _, host := range networkHosts {
			l := ignited(t, root, "testdata/network.yaml", host, "debian")
			for _, line := range complaints(t, l, root) {
				t.Errorf("%s, %s: %s", root, host, line)
			}
			if host != "c1" {
				continue
			}
			misspell(t, l, "etc/systemd/network/05-kubespore-bond0.netdev", "LACPTransmitRate=", "LACPRate=", "layer2+3", "layer23", "UpDelaySec=200ms", "UpDelaySec=200 of them")
			misspell(t, l, "etc/systemd/network/05-kubespore-bond0.network", "[Network]", "[Network]\nDHCP=ipv5")
			misspell(t, l, "etc/systemd/network/05-kubespore-wg0.netdev", "ListenPort=", "ListenPorts=", "PersistentKeepalive=25", "PersistentKeepalive=-25", "AllowedIPs=10.99.0.12/32", "AllowedIPs=10.99.0.12/33")
			if said := complaints(t, l, root); len(said) != 7 {
				t.Errorf("%s finds %d of 7 mistakes:\n%s", root, len(said), strings.Join(said, "\n"))
			}
		}
	}
}

// misspell replaces texts of a file.
func misspell(t *testing.T, l layer, name string, pairs ...string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(l.root, name))
	if err != nil {
		t.Fatal(err)
	}
	wrong := strings.NewReplacer(pairs...).Replace(string(text))
	if wrong == string(text) {
		t.Fatalf("%s has none of %q:\n%s", name, pairs, text)
	}
	l.put(t, name, wrong)
}

// TestNetworkManagerParses: NetworkManager reads every key and value of the files that it
// gets, which nmcli prints again, and drops or refuses what is misspelt.
func TestNetworkManagerParses(t *testing.T) {
	needRoot(t)
	t.Parallel()
	for _, host := range networkHosts {
		l := ignited(t, "debian-13", "testdata/network.yaml", host, "rocky")
		files, err := filepath.Glob(filepath.Join(l.root, "etc/NetworkManager/system-connections/*.nmconnection"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: no connections: %v", host, err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, lost := range dropped(t, l, string(text)) {
				t.Errorf("%s, %s: NetworkManager does not take %s", host, filepath.Base(file), lost)
			}
			if host != "c1" {
				continue
			}
			for right, wrong := range misspelt[filepath.Base(file)] {
				if !strings.Contains(string(text), right) || len(dropped(t, l, strings.ReplaceAll(string(text), right, wrong))) == 0 {
					t.Errorf("%s in place of %s is not found", wrong, right)
				}
			}
		}
	}
}

// misspelt are words of the files of c1, and others that NetworkManager must not take for them.
var misspelt = map[string]map[string]string{
	"kubespore-bond0.nmconnection": {"lacp_rate=": "lacprate=", "xmit_hash_policy=layer2+3": "xmit_hash_policy=layer23", "method=manual": "metod=manual", "route-metric=50": "route-metrics=50"},
	"kubespore-wg0.nmconnection":   {"listen-port=": "listenport=", "persistent-keepalive=25": "persistentkeepalive=25", "allowed-ips=10.99.0.12/32": "allowed-ips=10.99.0.12/33", "[wireguard-peer.": "[wireguardpeer."},
}

// respelt are the names that NetworkManager has today for what it reads under another.
var respelt = strings.NewReplacer("master=", "controller=", "slave-type=", "port-type=", "dhcp-send-hostname=true", "dhcp-send-hostname=1")

// dropped gives the settings of a connection that nmcli does not print when it has read it;
// all of them where it refuses the connection.
func dropped(t *testing.T, l layer, text string) (out []string) {
	t.Helper()
	c := exec.Command("/usr/bin/nmcli", "--offline", "connection", "modify", "connection.zone", "")
	c.SysProcAttr = &syscall.SysProcAttr{Chroot: l.root}
	c.Dir, c.Stdin = "/", strings.NewReader(text)
	printed, err := c.CombinedOutput()
	if _, refused := err.(*exec.ExitError); err != nil && !refused {
		t.Fatal(err)
	}
	kept := settingsOf(string(printed))
	for _, setting := range settingsOf(text) {
		if err != nil || !slices.Contains(kept, respelt.Replace(setting)) {
			out = append(out, setting+": "+strings.TrimSpace(string(printed)))
		}
	}
	return out
}

// settingsOf gives the lines of a key file, each behind its section. A list may end with
// its separator.
func settingsOf(text string) (out []string) {
	section := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(strings.TrimSpace(line), ";")
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "["):
			section = line
		default:
			out = append(out, section+" "+line)
		}
	}
	return out
}
