package profiles_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDHCP: a machine says what DHCP gave it in place of the address that its document
// names, and goes on when that comes; a lease that ends later is a note.
func TestDHCP(t *testing.T) { eachMachine(t, testDHCP) }

func testDHCP(t *testing.T, m machine) {
	dir := t.TempDir()
	writeFile(t, dir, "etc/kubespore/leases", "192.168.200.21/22\nfd00::21/128\n")
	for n, addresses := range []string{
		"",
		"2: eth0    inet 192.168.200.99/22 metric 100 brd 192.168.203.255 scope global dynamic eth0",
		"2: eth0    inet 192.168.200.21/24 scope global eth0\n2: eth0    inet6 fd00::21/128 scope global dynamic",
		"2: bond0@if3    inet 192.168.200.21/22 scope global bond0\n2: bond0@if3    inet6 fd00::21/128 scope global",
		"2: bond0@if3    inet6 fd00::21/128 scope global\n3: cni0    inet 10.1.0.1/24 scope global cni0",
		"2: bond0@if3    inet 192.168.200.21/22 scope global bond0\n2: bond0@if3    inet6 fd00::21/128 scope global",
	} {
		writeFile(t, dir, "addresses."+string(rune('0'+n)), addresses+"\n")
	}
	writeFile(t, dir, "turn", "0")
	out := m.runScript(t, dir, "dhcp/files/kubespore-dhcp.raw", map[string]string{
		"ip":             "cat " + dir + "/addresses.$(cat " + dir + "/turn)\n",
		"systemd-notify": "echo notify >>" + dir + "/log\n",
		"sleep": `
echo "$(cat ` + dir + `/run/waiting/* 2>/dev/null)|$(cat ` + dir + `/run/notice/* 2>/dev/null)" >>` + dir + `/log
turn=$(cat ` + dir + `/turn)
if [ "$turn" = 5 ]; then kill $PPID; fi
echo $((turn + 1)) >` + dir + `/turn
`,
	})
	log, err := os.ReadFile(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	want := `DHCP has not given 192.168.200.21/22, fd00::21/128 yet: this machine has no other address|
DHCP has not given 192.168.200.21/22, fd00::21/128, which the document names: this machine has 192.168.200.99/22 on eth0|
DHCP has not given 192.168.200.21/22, which the document names: this machine has 192.168.200.21/24 on eth0|
notify
|
|DHCP gives 192.168.200.21/22 no longer
|
`
	if string(log) != want {
		t.Errorf("it says\n%s\nwant\n%s\nand prints\n%s", log, want, out)
	}
	if !strings.Contains(out, "192.168.200.99/22 on eth0") {
		t.Errorf("the journal does not say what the machine has:\n%s", out)
	}
}
