//go:build real

package applied

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// What docs/systems.md says is decided, as the real Ignition leaves it on a machine: "masked"
// and "unmasked" are said of units, all else is looked for in a file.
var decisions = []struct{ system, path, want string }{
	{"flatcar", "update-engine.service", "unmasked"},
	{"flatcar", "locksmithd.service", "unmasked"},
	{"flatcar", "etc/flatcar/update.conf", "SERVER=disabled\nREBOOT_STRATEGY=off\n"},
	{"flatcar", "etc/systemd/network/07-kubespore-others.network", "Unmanaged=yes"},
	{"debian", "etc/systemd/network/07-kubespore-others.network", "Unmanaged=yes"},
	{"ubuntu", "etc/systemd/network/07-kubespore-others.network", "Unmanaged=yes"},
	{"debian", "etc/systemd/system/systemd-networkd-wait-online.service.d/zz-kubespore.conf", "--any --timeout=30"},
	{"fedora-coreos", "etc/NetworkManager/conf.d/10-kubespore.conf", "no-auto-default=*"},
	{"rocky", "etc/NetworkManager/conf.d/10-kubespore.conf", "plugins=keyfile"},
	{"fedora-coreos", "nm-cloud-setup.service", "masked"},
	{"fedora-coreos", "nm-cloud-setup.timer", "masked"},
	{"rocky", "nm-cloud-setup.service", "masked"},
	{"rocky", "nm-cloud-setup.timer", "masked"},
	{"rocky", "firewalld.service", "masked"},
	{"fedora-coreos", "etc/selinux/targeted/contexts/files/file_contexts.subs", "/var/opt /opt\n"},
	{"rocky", "etc/systemd/system/kubelet.service.d/10-kubeadm.conf", "EnvironmentFile=-/etc/sysconfig/kubelet"},
	{"ubuntu", "etc/multipath/conf.d/kubespore.conf", "find_multipaths yes"},
	{"ubuntu", "etc/apparmor.d/abstractions/base.d/kubespore", "signal"},
	{"ubuntu", "ufw.service", "masked"},
}

func TestDecisions(t *testing.T) {
	needRoot(t)
	t.Parallel()
	single, err := os.ReadFile("../../examples/single.yaml")
	if err != nil {
		t.Fatal(err)
	}
	osLine, roots := regexp.MustCompile(`(?m)^os: .*`), map[string]string{}
	for _, d := range decisions {
		root := roots[d.system]
		if root == "" {
			topology := filepath.Join(t.TempDir(), d.system+".yaml")
			if err := os.WriteFile(topology, osLine.ReplaceAll(single, []byte("os: "+d.system)), 0o644); err != nil {
				t.Fatal(err)
			}
			l := newLayerOf(t, "debian-13")
			apply(t, l.root, filepath.Join(build(t, topology).hosts, "node1", "config.ign"))
			root, roots[d.system] = l.root, l.root
		}
		if strings.HasSuffix(d.want, "masked") {
			target, err := os.Readlink(filepath.Join(root, "etc/systemd/system", d.path))
			if masked := err == nil && target == "/dev/null"; masked != (d.want == "masked") {
				t.Errorf("%s: %s is not %s", d.system, d.path, d.want)
			}
			continue
		}
		text, err := os.ReadFile(filepath.Join(root, d.path))
		if err != nil || !strings.Contains(string(text), d.want) {
			t.Errorf("%s: %s does not say %q: %v\n%s", d.system, d.path, d.want, err, text)
		}
	}
}
