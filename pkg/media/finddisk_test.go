package media

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// lsblkOf stands for lsblk on a machine whose disks a table lists, with the columns that
// find-disk asks for.
const lsblkOf = `#!/usr/bin/env bash
while (($#)); do
	case $1 in
	--output) columns=$2; shift ;;
	--*) ;;
	*) disk=$1 ;;
	esac
	shift
done
IFS=, read -ra wanted <<<"$columns"
while IFS='|' read -r NAME SIZE MODEL SERIAL WWN TRAN ROTA TYPE RO MOUNTPOINT; do
	[[ -z ${disk-} || $disk == "$NAME" ]] || continue
	line=
	for column in "${wanted[@]}"; do line+="${!column} "; done
	echo "  $line"
done <"$DISKS"
`

const disksOfMachine = `/dev/sda|480103981056|SAMSUNG MZ7LH480|S45PNA0M1|0x5002538e40ba1a22|sata|0|disk|0|
/dev/sdb|480103981056|SAMSUNG MZ7LH480|S45PNA0M2|0x5002538E40BA1A23|sata|0|disk|0|
/dev/sdc|4000787030016|ST4000NM0035|ZC11|0x5000c500a1b2c3d4|sas|1|disk|0|
/dev/nvme0n1|960197124096|Micron_7300_MTFDHBE960TDF|2014|eui.000000000000000100a0|nvme|0|disk|0|
/dev/sdd|15518924800|Live Stick|1|-|usb|1|disk|0|/run/media/iso
/dev/sde|0|Card Reader|2|-|usb|1|disk|1|
/dev/sr0|1073741312|Virtual CD|3|-|usb|1|rom|0|
`

// TestFindDisk gives the machine conditions and looks which disk it takes, or why none.
func TestFindDisk(t *testing.T) {
	for name, c := range map[string]struct {
		conditions []string
		disk       string
		says       string
	}{
		"size":                 {[]string{"min-size 1000000000000"}, "/dev/sdc", ""},
		"range of sizes":       {[]string{"min-size 500000000000", "max-size 1000000000000"}, "/dev/nvme0n1", ""},
		"bus":                  {[]string{"bus nvme"}, "/dev/nvme0n1", ""},
		"turns":                {[]string{"rotational 1"}, "/dev/sdc", ""},
		"model and serial":     {[]string{"model SAMSUNG MZ7*", "serial S45PNA0M2"}, "/dev/sdb", ""},
		"wwn in another case":  {[]string{"wwn 0x5002538e40ba1a23"}, "/dev/sdb", ""},
		"model without a star": {[]string{"model ST4000NM0035"}, "/dev/sdc", ""},
		"several":              {[]string{"bus sata"}, "", "2 disks fit, and it must be one: /dev/sda /dev/sdb"},
		"none":                 {[]string{"bus virtio"}, "", "0 disks fit"},
		"in use":               {[]string{"model Live*"}, "", "0 disks fit"},
		"cannot be written":    {[]string{"model Card*"}, "", "0 disks fit"},
		"not a disk":           {[]string{"model Virtual*"}, "", "0 disks fit"},
		"part of a model":      {[]string{"model SAMSUNG"}, "", "0 disks fit"},
		"not a condition":      {[]string{"colour red"}, "", "0 disks fit"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for file, text := range map[string]string{
				"lsblk": lsblkOf, "udevadm": "#!/bin/sh\n", "disks": disksOfMachine, "find-disk": string(findDisk), "conditions": strings.Join(c.conditions, "\n") + "\n",
			} {
				if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			result := filepath.Join(dir, "new/result")
			run := exec.Command("bash", filepath.Join(dir, "find-disk"), filepath.Join(dir, "conditions"), result, "DISK=")
			run.Env = []string{"PATH=" + dir + ":" + os.Getenv("PATH"), "DISKS=" + filepath.Join(dir, "disks")}
			out, err := run.CombinedOutput()
			if (err == nil) != (c.disk != "") || !strings.Contains(string(out), c.says) {
				t.Fatalf("%v: %s", err, out)
			}
			text, err := os.ReadFile(result)
			if c.disk == "" {
				if err == nil {
					t.Errorf("it wrote %s", text)
				}
				for _, want := range append(c.conditions, "/dev/nvme0n1", "Micron_7300") {
					if !strings.Contains(string(out), want) {
						t.Errorf("it does not say %s: %s", want, out)
					}
				}
				return
			}
			if string(text) != "DISK="+c.disk+"\n" {
				t.Errorf("%v: %s; %s", err, text, out)
			}
		})
	}
}

// TestInstallsWhereItSays: each machine's system goes to its own disk; what a flag says
// counts for all.
func TestInstallsWhereItSays(t *testing.T) {
	coreos, flatcar := ignitionHost("a", "fedora-coreos"), ignitionHost("b", "flatcar")
	byPath, looks := Target{Device: "/dev/disk/by-id/x"}, Target{Conditions: []string{"bus nvme", "model A *"}}
	install := func(h Host, to Target, flag string) (script, served string) {
		h.Install = to
		dir := t.TempDir()
		write(t, dir, PXE(Netboot{URL: "http://10.0.0.5", Install: flag}), h)
		files := tree(t, dir)
		return files["pxe/mac-52-54-00-00-00-0a.ipxe"], files["pxe/hosts/"+token([]byte(document(t, h)))+"/config.ign"]
	}
	if script, served := install(coreos, byPath, ""); !strings.Contains(script, " coreos.inst.install_dev=/dev/disk/by-id/x ") || served != document(t, coreos) {
		t.Error(script)
	}
	if script, _ := install(coreos, looks, "/dev/vda"); !strings.Contains(script, " coreos.inst.install_dev=/dev/vda ") {
		t.Error(script)
	}
	script, served := install(coreos, looks, "")
	out, files := leadingOf(t, served)
	if strings.Contains(script, "install_dev") || files["/etc/coreos/kubespore-disk"] != "bus nvme\nmodel A *\n" || files["/etc/coreos/kubespore-find-disk"] != string(findDisk) {
		t.Errorf("%s %v", script, files)
	}
	if strings.Contains(files[installerConfig], "dest-device") || files[installedDocument] != document(t, coreos) {
		t.Errorf("%v", files)
	}
	if u := out.Systemd.Units[0]; !u.Enabled || u.Contents != findDiskUnit {
		t.Errorf("%+v", u)
	}
	_, served = install(flatcar, looks, "")
	out, files = leadingOf(t, served)
	if u := out.Systemd.Units[0].Contents; !strings.Contains(u, "flatcar-install -d ${DISK} -b") || files[flatcarFolder+"disk"] == "" {
		t.Errorf("%s %v", u, files)
	}
	deb := seedHost("deb", "1")
	deb.MACs, deb.Install = []string{"52:54:00:00:00:0A"}, byPath
	if d := fails(t, PXE(Netboot{URL: "http://10.0.0.5"}), deb); d.Code != "M008" {
		t.Error(d)
	}
}
