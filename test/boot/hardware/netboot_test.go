package hardware

import (
	"os"
	"strings"
	"testing"
)

// The settings of the page are for the lab's network then, and nothing of the
// page's own is left.
func TestDnsmasqSettings(t *testing.T) {
	page, err := os.ReadFile("../../../docs/media.md")
	if err != nil {
		t.Fatal(err)
	}
	got, err := dnsmasqSettings(string(page), "192.168.200.254")
	if err != nil || strings.Contains(got, "10.0.0.") || !strings.Contains(got, "\ndhcp-boot=tag:ipxe,http://192.168.200.254:8080/boot.ipxe\n") {
		t.Errorf("%s%v", got, err)
	}
	if _, err := dnsmasqSettings("# Boot media\n", "192.168.200.254"); err == nil {
		t.Error("settings that are not there were found")
	}
}
