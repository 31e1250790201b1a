package hardware

import (
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// dnsmasq itself reads what it is to hand out.
func TestLeaseSettings(t *testing.T) {
	program, err := exec.LookPath("dnsmasq")
	if err != nil {
		t.Skip("dnsmasq is not installed (test/tools/prepare boot)")
	}
	settings := leaseSettings(netip.MustParsePrefix("192.168.200.254/22"), map[string]string{"w2": "192.168.200.32", "w1": "192.168.200.31"})
	const want = "port=0\ninterface=lan\nbind-interfaces\ndhcp-authoritative\ndhcp-range=192.168.200.0,static,255.255.252.0,2m\ndhcp-host=w1,192.168.200.31,2m\ndhcp-host=w2,192.168.200.32,2m\n"
	if settings != want {
		t.Errorf("%s, want %s", settings, want)
	}
	file := filepath.Join(t.TempDir(), "leases.conf")
	if err := os.WriteFile(file, []byte(settings), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(program, "--test", "--conf-file="+file).CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}
