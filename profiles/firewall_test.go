package profiles_test

import (
	"os"
	"strings"
	"testing"
)

// TestFirewallFailsClosed: where nft refuses the table, the unit that stands in for it
// lets no one in except over the loopback interface; the table takes its place again.
func TestFirewallFailsClosed(t *testing.T) {
	m := newChroot(t, "../examples/single.yaml", "node1")
	unit, err := os.ReadFile(m.path("/etc/systemd/system/kubespore-firewall.service"))
	if err != nil || !strings.Contains(string(unit), "\nOnFailure=kubespore-firewall-shut.service\n") {
		t.Errorf("%v: nothing runs when the table is refused:\n%s", err, unit)
	}
	m.put(t, "/test", `
set -eu
unshare --net sleep 60 & neighbour=$!
sleep 0.3
ip link set lo up
ip link add lan type veth peer name lan netns $neighbour
ip address add 10.9.9.1/24 dev lan; ip link set lan up
nsenter --target $neighbour --net ip address add 10.9.9.2/24 dev lan
nsenter --target $neighbour --net ip link set lan up
# ask WHO HOST PORT: a port that nothing serves is refused at once; one that is shut
# says nothing.
ask() {
	local rc=0
	$1 timeout 2 bash -c "</dev/tcp/$2/$3" 2>/dev/null || rc=$?
	if [ $rc = 124 ]; then echo "$3 shut"; else echo "$3 open"; fi
}
near="nsenter --target $neighbour --net"
# command UNIT: what it starts.
command() { sed -n 's/^ExecStart=//p' "/etc/systemd/system/$1.service"; }
echo before: $(ask "$near" 10.9.9.1 22)
cp /etc/kubespore/firewall.nft /table
echo 'table inet kubespore { chain input { tcp dport 22 acept } }' >>/etc/kubespore/firewall.nft
if $(command kubespore-firewall) 2>/dev/null; then echo the table is taken; fi
$(command kubespore-firewall-shut)
echo refused: $(ask "$near" 10.9.9.1 22) $(ask "$near" 10.9.9.1 6443) itself $(ask "" 127.0.0.1 22)
cp /table /etc/kubespore/firewall.nft
$(command kubespore-firewall)
echo again: $(ask "$near" 10.9.9.1 22) $(ask "$near" 10.9.9.1 2379) $(nft list table inet kubespore | grep -c redirected || true)
kill $neighbour
`, 0o755)
	want := "before: 22 open\nrefused: 22 shut 6443 shut itself 22 open\nagain: 22 open 2379 shut 0\n"
	if out := m.run(t, "bash", "/test"); out != want {
		t.Errorf("it says\n%s\nwant\n%s", out, want)
	}
}
