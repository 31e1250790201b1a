package media

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The script takes the images of systems that read cloud-init, and names why it takes
// no others.
func TestBakeKnowsSystems(t *testing.T) {
	for id, want := range map[string]string{
		"rhel": "a stock image", "almalinux": "a stock image", "debian": "a stock image",
		"fedora": "untouched image only", "opensuse-leap-micro": "untouched image only", "haiku": "not a system that kubespore knows",
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "os-release"), []byte("ID="+id+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		// It ends before it changes anything: this machine is one of a cluster to it.
		script := strings.NewReplacer("/etc/os-release", dir+"/os-release", "/etc/kubespore", dir, `[ "$(id -u)" = 0 ]`, "true").Replace(Bake(catalog().Systems()))
		c := exec.Command("sh", "-s")
		c.Stdin = strings.NewReader(script)
		out, err := c.CombinedOutput()
		if err == nil || !strings.Contains(string(out), want) {
			t.Errorf("%s: %v, %s", id, err, out)
		}
	}
}

// What an installer leaves for the one machine that it installed goes, by name; a file
// of another name that does the same stops the script before it changes anything.
func TestBakeAfterInstaller(t *testing.T) {
	const (
		installer = "etc/cloud/cloud.cfg.d/99-installer.cfg"
		own       = "etc/cloud/cloud.cfg.d/99-own.cfg"
		netplan   = "etc/netplan/00-installer-config.yaml"
		none      = "datasource:\n  None:\n    userdata_raw: x\ndatasource_list: [None]\n"
		static    = "network:\n  version: 2\n  ethernets: {ens18: {dhcp4: false, addresses: [10.9.9.9/24]}}\n"
	)
	for _, c := range []struct {
		files   map[string]string
		refused string
		removed []string
	}{
		{map[string]string{installer: none, netplan: static, "etc/cloud/ds-identify.cfg": "policy: enabled\n"}, "", []string{installer, netplan, "etc/cloud/ds-identify.cfg"}},
		{map[string]string{"etc/cloud/cloud.cfg.d/90_dpkg.cfg": "datasource_list: [ NoCloud, None ]\n"}, "", nil},
		{map[string]string{own: none}, own, nil},
		{map[string]string{own: "datasource_list:\n  - Ec2\n"}, own, nil},
		{map[string]string{own: "network: {config: disabled}\n"}, own, nil},
		{map[string]string{"etc/netplan/99-static.yaml": static, installer: none}, "etc/netplan/99-static.yaml", nil},
	} {
		dir := t.TempDir()
		c.files["etc/os-release"] = "ID=ubuntu\nVERSION_ID=24.04\n"
		for name, text := range c.files {
			if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		// Every path of the machine lies in the folder, and nothing of this machine is called.
		script := strings.NewReplacer("/etc/", dir+"/etc/", "/var/", dir+"/var/", "/tmp/", dir+"/tmp/", "/root", dir+"/root", "/home/", dir+"/home/",
			`[ "$(id -u)" = 0 ]`, "true", "command -v cloud-init", "false").Replace(Bake(catalog().Systems()))
		for _, d := range []string{"var/log", "var/lib/systemd", "var/tmp", "tmp"} {
			if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		run := exec.Command("sh", "-s")
		run.Stdin = strings.NewReader(script)
		out, err := run.CombinedOutput()
		if (err == nil) != (c.refused == "") || !strings.Contains(string(out), c.refused) {
			t.Errorf("%v: %v\n%s", c.files, err, out)
		}
		for name := range c.files {
			_, err := os.Stat(filepath.Join(dir, name))
			if gone := slices.Contains(c.removed, name); gone != os.IsNotExist(err) || gone && !strings.Contains(string(out), fmt.Sprintf("removed %s", filepath.Join(dir, name))) {
				t.Errorf("%s: gone %v\n%s", name, os.IsNotExist(err), out)
			}
		}
	}
}
