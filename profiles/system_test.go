package profiles_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestSystemLacksPrograms: without the program that protects it a machine says what is
// missing, by the name of its package, and starts nothing; when it comes the machine
// starts the firewall and goes on. All else is a note, and goes away.
func TestSystemLacksPrograms(t *testing.T) { eachMachine(t, testSystemLacksPrograms) }

func testSystemLacksPrograms(t *testing.T, m machine) {
	dir := t.TempDir()
	writeFile(t, dir, "etc/kubespore/system", strings.Join([]string{
		"program nft-of-the-test kubespore-firewall.service nftables the firewall",
		"program mount.of-the-test - nfs-common volumes of NFS",
		"program bash - - what is there",
		"module br_of_the_test - kernel-modules-extra",
		"sysctl kernel.hostname - -",
		"sysctl net.ipv4.conf.*.accept_redirects - -",
		"sysctl net.of.the.test - -",
	}, "\n")+"\n")
	// The first pause ends when nft is there, the second when all else is; the
	// third would be one too many.
	out := m.runScript(t, dir, "system/files/kubespore-system.raw", map[string]string{
		"systemd-detect-virt": "exit 1\n",
		"systemd-notify":      "echo notify >>" + dir + "/log\n",
		"systemctl":           "echo systemctl $* >>" + dir + "/log\n[[ $* != *is-active* ]]\n",
		"modprobe":            "[[ -e " + dir + "/loaded ]]\n",
		"sleep": `
echo "sleep $1: $(cat ` + dir + `/run/waiting/* 2>/dev/null)|$(cat ` + dir + `/run/notice/* 2>/dev/null)" >>` + dir + `/log
case $1 in
5) printf '#!/bin/bash\n' >` + dir + `/bin/nft-of-the-test; chmod +x ` + dir + `/bin/nft-of-the-test ;;
60)
	if [[ -e ` + dir + `/loaded ]]; then kill $PPID; fi
	touch ` + dir + `/loaded; cp ` + dir + `/bin/nft-of-the-test ` + dir + `/bin/mount.of-the-test ;;
esac
`,
		"bin/other": "",
	})
	log, err := os.ReadFile(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	note := "the system lacks mount.of-the-test (package nfs-common): volumes of NFS; kernel module br_of_the_test (package kernel-modules-extra); kernel setting net.of.the.test"
	want := []string{
		"sleep 5: the system lacks nft-of-the-test (package nftables): the firewall|" + note,
		"systemctl --quiet is-active kubespore-firewall.service",
		"systemctl restart kubespore-firewall.service",
		"notify",
		"sleep 60: |" + note,
		"systemctl --quiet is-active kubespore-firewall.service",
		"systemctl restart kubespore-firewall.service",
		"systemctl restart systemd-sysctl.service",
		"sleep 60: |the system lacks kernel setting net.of.the.test",
	}
	if got := strings.Split(strings.TrimSpace(string(log)), "\n"); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("it does\n%s\nwant\n%s\nand prints\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"), out)
	}
	if !strings.Contains(out, "package nftables") {
		t.Errorf("the journal does not say what is missing:\n%s", out)
	}
}
