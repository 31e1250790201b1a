//go:build real

package payload

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// poorDebian is the image of a Debian 12 that lacks what the topology below needs.
func poorDebian(t *testing.T) *machine {
	t.Helper()
	m := overlayOf(t, "cloud-init")
	if _, out := m.inside(t, time.Minute, "dpkg --purge nftables libnftables1 libjansson4 2>&1"); !strings.Contains(out, "Purging configuration files for nftables") {
		t.Fatal(out)
	}
	return m
}

// TestPackagesOfTheSystem: the download script fetches with the distribution's own apt
// what a Debian lacks, pack locks it, and the machine installs it from the payload
// without a network, however often its power goes meanwhile.
func TestPackagesOfTheSystem(t *testing.T) {
	if text, err := os.ReadFile("/etc/os-release"); err != nil || !strings.Contains(string(text), "\nID=debian\n") || !strings.Contains(string(text), `VERSION_ID="12"`) {
		t.Skip("apt of Debian 12 fetches what Debian 12 lacks; CI runs on it")
	}
	topology := topology(t, "  flannel: {}\n  packages: {install: [conntrack]}\n")
	w := newWorldFromWith(t, withSystem(topology, "debian"), func(w *world) {
		script := string(w.kubespore(t, "payload", "list", "--script", "single.yaml"))
		line := packagesLine.FindString(script)
		if line != "packages 'debian' 'amd64' 'apt-get' 'conntrack' 'nftables'" {
			t.Fatalf("the script says %q", line)
		}
		write(t, filepath.Join(w.dir, "download.sh"), []byte(otherParts.ReplaceAllString(script, "")))
		c := exec.Command("bash", "download.sh", "parts")
		c.Dir = w.dir
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	})

	t.Run("media bake", func(t *testing.T) { w.bakePackages(t) })
	m := poorDebian(t)
	w.apply(t, m)
	w.installs(t, m, "/opt/kubespore/bin/kubespore-packages 2>&1", "conntrack_", func() string {
		_, state := m.inside(t, time.Minute, `nft --version && conntrack --version && dpkg --audit && echo "audit: $?"; ls /usr/sbin/policy-rc.d /var/lib/kubespore/packages 2>&1; dpkg-query --show --showformat='${Package} ${db:Status-Status}\n' nftables conntrack`)
		return state
	}, "nftables v", "conntrack v", "audit: 0", "nftables installed", "conntrack installed", "'/usr/sbin/policy-rc.d': No such", "'/var/lib/kubespore/packages': No such")
}

// bakePackages has the script of media bake put the packages into the image, where a
// library is newer than that of the payload: it stays.
func (w *world) bakePackages(t *testing.T) {
	m := poorDebian(t)
	write(t, filepath.Join(m.root, "srv/bake.sh"), w.kubespore(t, "media", "bake"))
	if err := os.CopyFS(filepath.Join(m.root, "srv/bundle"), os.DirFS(w.bundle)); err != nil {
		t.Fatal(err)
	}
	out := m.must(t, `sed -i '/^Package: libc6$/,/^$/s/^Version: .*/Version: 2.36-9+deb12u999/' /var/lib/dpkg/status
sh /srv/bake.sh /srv/bundle
nft --version; conntrack --version; dpkg --audit
dpkg-query --show --showformat='${Package} ${Version}\n' libc6; ls /var/lib/kubespore/payload/packages/debian-12-amd64`)
	for _, want := range []string{"nftables v", "conntrack v", "libc6 2.36-9+deb12u999\n", "nftables_"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q\n%s", want, out)
		}
	}
}
