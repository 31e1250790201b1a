package upkeep

import (
	"os"
	"strings"
	"testing"
)

// The lab types what the page says, for the version of the scenario.
func TestUpgradeCommands(t *testing.T) {
	page, err := os.ReadFile("../../../../docs/upgrade.md")
	if err != nil {
		t.Fatal(err)
	}
	script, err := upgradeCommands(string(page), "v1.37.0")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"images import", "kubeadm-v1.37.0 /opt/bin/kubeadm\n", "kubeadm upgrade apply --yes v1.37.0\n", "kubelet-v1.37.0 /opt/bin/kubelet\n", "systemctl restart kubelet\n"} {
		before, after, found := strings.Cut(script, line)
		if !found {
			t.Fatalf("%q is not typed, or too early:\n%s", line, before)
		}
		script = after
	}
	if _, err := upgradeCommands("```sh norun\nkubeadm upgrade plan\n```\n", "v1.37.0"); err == nil {
		t.Error("a page without the upgrade is taken")
	}
}
