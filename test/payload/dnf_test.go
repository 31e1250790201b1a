//go:build oracle

package payload

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A root with real dnf and rpm says that it is a Rocky 9: packages of Rocky's own cannot
// be had where the tests run, so rpmbuild makes some of these names, with the relations
// that matter. What Rocky's dnf has and Debian's does not have is where its database lies.
const (
	rockyRelease = "NAME=\"Rocky Linux\"\nID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\nVERSION_ID=\"9.6\"\n"
	rpmMacros    = "%_dbpath /var/lib/rpm\n"
	repository   = "[baseos]\nname=baseos\nbaseurl=file:///repository\ngpgcheck=0\n"
)

// rpms are the packages: name, version, what more the spec says, and the file that it
// brings besides many small ones.
var rpms = []struct{ name, version, more, file string }{
	{"bash", "5.1", "Provides: /bin/sh", ""},
	{"libnftables", "1.0.4", "", ""},
	{"libnftables", "1.0.9", "", ""},
	{"nftables", "1.0.9", "Requires: libnftables = 1.0.9", "/usr/sbin/nft"},
	{"isns-utils-libs", "0.101", "", ""},
	{"isns-utils-libs", "0.102", "", ""}, // which the repository does not have
	{"iscsi-initiator-utils", "6.2.1", "Requires: isns-utils-libs", "/usr/sbin/iscsiadm"},
}

// rpmSpec is one of them. Its script is the last that happens to a package, and takes
// long enough for power cuts to meet it.
const rpmSpec = `Name: %[1]s
Version: %[2]s
Release: 1
Summary: %[1]s
License: none
BuildArch: noarch
%[3]s
%%description
.
%%install
mkdir -p %%{buildroot}/usr/share/%[1]s-%[2]s
for i in $(seq 100); do head -c 20000 /dev/urandom >%%{buildroot}/usr/share/%[1]s-%[2]s/$i; done
file='%[4]s'
if [ -n "$file" ]; then mkdir -p "%%{buildroot}${file%%/*}"; printf '#!/bin/sh\necho %[1]s v%[2]s\n' >"%%{buildroot}$file"; chmod 755 "%%{buildroot}$file"; fi
%%files
/usr
%%post -p /bin/sh
sleep 0.2
mkdir -p /var/lib/set-up
echo >/var/lib/set-up/%[1]s-%[2]s
`

// rocky is a machine of that release.
func rocky(t *testing.T) *machine {
	t.Helper()
	m := overlayOf(t, "dnf")
	write(t, filepath.Join(m.root, "etc/rpm/macros"), []byte(rpmMacros))
	if err := os.Remove(filepath.Join(m.root, "etc/os-release")); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(m.root, "etc/os-release"), []byte(rockyRelease))
	return m
}

// rpmRepository makes the packages and a repository of them in a root.
func (m *machine) rpmRepository(t *testing.T) {
	t.Helper()
	for _, p := range rpms {
		write(t, filepath.Join(m.root, "specs", p.name+"-"+p.version+".spec"), fmt.Appendf(nil, rpmSpec, p.name, p.version, p.more, p.file))
	}
	m.must(t, `for spec in /specs/*; do rpmbuild --quiet -bb --define "_topdir /build" --define "_rpmdir /repository" --define "_binary_payload w1.gzdio" $spec; done; mv /repository/noarch/isns-utils-libs-0.102-1.noarch.rpm /; createrepo_c --quiet /repository`)
	write(t, filepath.Join(m.root, "etc/yum.repos.d/baseos.repo"), []byte(repository))
}

// TestPackagesByDNF: the same on a system of Red Hat's family, by real dnf and rpm: the
// script fetches with dnf what the release lacks, and the machine installs it without a
// network and without its repositories, one library in place of an older one and none in
// place of a newer one, and no package is left half set up by a power cut.
func TestPackagesByDNF(t *testing.T) {
	builder := rocky(t)
	builder.rpmRepository(t)
	const had = "rpm --install --nodeps /repository/noarch/bash-5.1-1.noarch.rpm /repository/noarch/libnftables-1.0.4-1.noarch.rpm"
	builder.must(t, had)

	topology := topology(t, "  flannel: {}\n  packages: {install: [iscsi-initiator-utils]}\n")
	w := newWorldFromWith(t, withSystem(topology, "rocky"), func(w *world) {
		script := string(w.kubespore(t, "payload", "list", "--script", "single.yaml"))
		if line := packagesLine.FindString(script); line != "packages 'rocky' 'amd64' 'dnf' 'iscsi-initiator-utils' 'nftables'" {
			t.Fatalf("the script says %q", line)
		}
		write(t, filepath.Join(builder.root, "download.sh"), []byte(otherParts.ReplaceAllString(script, "")))
		builder.must(t, "bash /download.sh /parts")
		if out, err := exec.Command("cp", "-r", filepath.Join(builder.root, "parts"), filepath.Join(w.dir, "parts")).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	})

	m := rocky(t)
	if out, err := exec.Command("cp", "-r", filepath.Join(builder.root, "repository"), m.root).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	shell(t, "cp "+builder.root+"/isns-utils-libs-0.102-1.noarch.rpm "+m.root+"/newer.rpm")
	m.must(t, had+" /newer.rpm; rm -r /repository")
	t.Run("media bake", func(t *testing.T) { w.bakeByDNF(t, builder) })
	w.apply(t, m)
	w.installs(t, m, "/opt/kubespore/bin/kubespore-packages 2>&1 || echo it failed", "iscsi-initiator-utils-6.2.1", func() string {
		return m.must(t, `nft; iscsiadm; rpm --query --all | LC_ALL=C sort; dnf --quiet --disablerepo='*' check && echo "no problem"; rpm --verify --all && echo "as packed"; ls /var/lib/set-up; ls /var/lib/kubespore/packages 2>&1 || true`)
	}, "nftables v1.0.9\n", "iscsi-initiator-utils v6.2.1\n",
		"bash-5.1-1.noarch\niscsi-initiator-utils-6.2.1-1.noarch\nisns-utils-libs-0.102-1.noarch\nlibnftables-1.0.9-1.noarch\nnftables-1.0.9-1.noarch\n",
		"no problem\n", "as packed\n", "iscsi-initiator-utils-6.2.1\nisns-utils-libs-0.102\nlibnftables-1.0.4\nlibnftables-1.0.9\nnftables-1.0.9\n", "'/var/lib/kubespore/packages': No such")
}

// bakeByDNF has the script of media bake put the packages into an image, where a
// library is newer than that of the payload: it stays.
func (w *world) bakeByDNF(t *testing.T, builder *machine) {
	m := rocky(t)
	shell(t, "cp "+builder.root+"/repository/noarch/*.rpm "+builder.root+"/isns-utils-libs-0.102-1.noarch.rpm "+m.root+"/srv/")
	write(t, filepath.Join(m.root, "srv/bake.sh"), w.kubespore(t, "media", "bake"))
	if err := os.CopyFS(filepath.Join(m.root, "srv/bundle"), os.DirFS(w.bundle)); err != nil {
		t.Fatal(err)
	}
	// This root is a Debian below, whose apt-get is not Rocky's.
	out := m.must(t, `rm /usr/bin/apt-get
rpm --install --nodeps /srv/bash-*.rpm /srv/libnftables-1.0.4-*.rpm /srv/isns-utils-libs-0.102-*.rpm
sh /srv/bake.sh /srv/bundle
nft; iscsiadm; rpm --query --all`)
	for _, want := range []string{"nftables v1.0.9\n", "iscsi-initiator-utils v6.2.1\n", "libnftables-1.0.9-1.noarch\n", "isns-utils-libs-0.102-1.noarch\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q\n%s", want, out)
		}
	}
}
