//go:build real

package applied

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestNetworkManager lets the real NetworkManager read what a document for Rocky brings
// and set up a bridge, both address families, an MTU, routes and a second port. A
// port that the topology does not name gets nothing.
func TestNetworkManager(t *testing.T) {
	needRoot(t)
	text, err := os.ReadFile("../../examples/single.yaml")
	if err != nil {
		t.Fatal(err)
	}
	text = regexp.MustCompile(`(?ms)^hosts:\n.*`).ReplaceAll(text, []byte(`hosts:
  - name: node1
    roles: [control-plane, worker]
    address: 192.168.200.21/24
    interfaces:
      - {name: eth0}
      - name: br0
        kind: bridge
        members: [eth0]
        mtu: 1400
        primary: true
        addresses: ["fd00:1::21/64"]
        gateway: [192.168.200.1, "fd00:1::1"]
        routes: [{to: 172.16.0.0/12, via: 192.168.200.7, metric: 70}]
      - {name: eth1, addresses: [10.9.0.21/24], routes: [{to: 10.8.0.0/16, via: 10.9.0.1}]}
`))
	topology := filepath.Join(t.TempDir(), "bridged.yaml")
	if err := os.WriteFile(topology, text, 0o644); err != nil {
		t.Fatal(err)
	}
	l := ignited(t, "debian-13", topology, "node1", "rocky")
	out := run(t, "unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "bash", "-euc", `
		cd "$1"
		for port in eth0 eth1 eth9; do
			ip link add $port type veth peer name peer-$port
			ip link set peer-$port up
		done
		mount -t proc proc proc
		mount -t sysfs -o ro sysfs sys
		mount -t tmpfs tmpfs run
		mount --bind /dev dev
		mkdir -p run/dbus run/udev
		chroot . dbus-daemon --system --fork --nopidfile
		# Without udev nothing says of veth that it is a container engine's.
		chroot . NetworkManager --no-daemon >nm.log 2>&1 &
		for ((i = 0; i < 100; i++)); do
			if ip route show 172.16.0.0/12 | grep -q . && ip route show 10.8.0.0/16 | grep -q .; then break; fi
			sleep 0.2
		done
		sleep 1
		ip -brief -details address show | cat
		ip -o link show br0
		ip -o link show eth0
		ip route; ip -6 route
		grep -i -e 'warn' -e 'error' nm.log || true
	`, "run", l.root)
	for _, want := range []string{
		`(?m)^br0 .*192\.168\.200\.21/24.*fd00:1::21/64`,
		`(?m)^eth1.* 10\.9\.0\.21/24`,
		`(?m)^eth9\S* +\S+ *$`, // no address
		`(?m)br0: .* mtu 1400 `,
		`(?m)eth0.* master br0 `,
		`(?m)^default via 192\.168\.200\.1 dev br0 .*metric 50`,
		`(?m)^default via fd00:1::1 dev br0 .*metric 50`,
		`(?m)^172\.16\.0\.0/12 via 192\.168\.200\.7 dev br0 .*metric 70`,
		`(?m)^10\.8\.0\.0/16 via 10\.9\.0\.1 dev eth1 `,
	} {
		if !regexp.MustCompile(want).MatchString(out) {
			t.Errorf("not %s", want)
		}
	}
	if t.Failed() {
		log, _ := os.ReadFile(filepath.Join(l.root, "nm.log"))
		t.Logf("%s\n%s", out, strings.TrimSpace(string(log)))
	}
}
