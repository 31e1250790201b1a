//go:build oracle

package services

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestExports lets exportfs and nfsconf read what an NFS server gets. The
// kernel's server itself is not available here.
func TestExports(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("exportfs needs root")
	}
	w := build(t, "storage.yaml")
	exportfs, nfsconf := deb(t, "nfs-kernel-server", "usr/sbin/exportfs"), deb(t, "nfs-common", "usr/sbin/nfsconf")
	for _, folder := range []string{"/srv/share", "/srv/mysql", "/srv/install"} {
		if e := w.files["nfs1"][folder]; e.Kind != "directory" || e.Mode != 0o770 {
			t.Errorf("%s: %+v", folder, e)
		}
		if err := os.MkdirAll(filepath.Join(w.dir, folder), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	out := exported(t, w, "nfs1", exportfs)
	if other := exported(t, w, "nfs2", exportfs); strings.Count(other, "\n") != 1 || !strings.Contains(other, w.dir+"/srv/share\t192.168.200.0/24(ro,") {
		t.Errorf("the second server exports what is not its own:\n%s", other)
	}
	for _, want := range []struct {
		folder, client string
		options        []string
	}{
		{"/srv/share", "192.168.200.0/24", []string{"rw", "sync", "root_squash", "no_all_squash", "sec=sys"}},
		{"/srv/mysql", "192.168.200.0/25", []string{"rw", "root_squash"}},
		{"/srv/mysql", "192.168.201.0/24", []string{"rw", "root_squash"}},
		{"/srv/install", "192.168.200.0/24", []string{"ro", "no_root_squash"}},
	} {
		line := ""
		for l := range strings.Lines(out) {
			if strings.HasPrefix(l, w.dir+want.folder+"\t"+want.client+"(") {
				line = l
			}
		}
		_, options, _ := strings.Cut(strings.TrimSuffix(strings.TrimSpace(line), ")"), "(")
		for _, o := range want.options {
			if !strings.Contains(","+options+",", ","+o+",") {
				t.Errorf("%s for %s lacks %s: %q", want.folder, want.client, o, line)
			}
		}
	}
	if strings.Contains(out, "\t*(") {
		t.Errorf("somebody exports to everybody:\n%s", out)
	}
	w.write(t, "nfs.conf", w.file(t, "nfs1", "/etc/nfs.conf.d/50-kubespore.conf"))
	for key, want := range map[string]string{"vers3": "n", "vers4": "y", "vers4.0": "n", "threads": "8"} {
		if got := strings.TrimSpace(run(t, nfsconf, "--file", filepath.Join(w.dir, "nfs.conf"), "--get", "nfsd", key)); got != want {
			t.Errorf("nfsconf says %s=%s", key, got)
		}
	}
	if images := w.file(t, "cp1", "/etc/kubespore/images"); !strings.Contains(images, "docker.io/library/nginx:1.29.1\n") {
		t.Errorf("the user's image is not in the bill of materials:\n%s", images)
	}
}

// exported gives what exportfs makes of the exports of a server.
func exported(t *testing.T, w *world, host, exportfs string) string {
	t.Helper()
	w.write(t, "exports.d/kubespore.exports", strings.ReplaceAll(w.file(t, host, "/etc/exports.d/kubespore.exports"), "/srv/", w.dir+"/srv/"))
	w.write(t, "run.sh", `set -e
mkdir -p /etc/exports.d /var/lib/nfs
touch /etc/exports
mount --bind "$1/exports.d" /etc/exports.d
mount --bind /dev/null /etc/exports
mount -t tmpfs tmpfs /var/lib/nfs
touch /var/lib/nfs/etab
"$2" -ra
cat /var/lib/nfs/etab
`)
	out, err := exec.Command("unshare", "--mount", "bash", filepath.Join(w.dir, "run.sh"), w.dir, exportfs).CombinedOutput()
	if err != nil {
		t.Fatalf("exportfs: %v\n%s", err, out)
	}
	return string(out)
}

// deb gives a file of a Debian package that is not installed.
func deb(t *testing.T, name, file string) string {
	t.Helper()
	c := exec.Command("../tools/deb", name, file)
	c.Stderr = os.Stderr
	out, err := c.Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// TestPagesOnNFS: what root of a client writes into the folder of seed 003's web
// server, nginx's own user reads; no one else looks into the folder of its database.
func TestPagesOnNFS(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("makes folders of other users")
	}
	w := buildFile(t, "../../examples/seeds/003.yaml")
	if err := os.Chmod(filepath.Dir(w.dir), 0o755); err != nil {
		t.Fatal(err)
	}
	as := func(user string, args ...string) error {
		return exec.Command("setpriv", append([]string{"--reuid=" + user, "--regid=" + user, "--clear-groups", "sh", "-c"}, args...)...).Run()
	}
	for folder, served := range map[string]bool{"/share": true, "/mysql": false} {
		e, there := w.files["nfsserver"][folder], filepath.Join(w.dir, folder)
		uid, err := strconv.Atoi(e.User)
		if err != nil {
			t.Fatalf("%s: %+v", folder, e)
		}
		if err := errors.Join(os.Mkdir(there, 0o700), os.Chmod(there, fs.FileMode(e.Mode)), os.Chown(there, uid, uid)); err != nil {
			t.Fatal(err)
		}
		// root_squash makes root 65534, and a database writes as who it is.
		if err := as(e.User, `echo page >"$0"`, filepath.Join(there, "index.html")); err != nil {
			t.Errorf("%s: its owner cannot write there: %v", folder, err)
		}
		if err := as("101", `cat "$0"`, filepath.Join(there, "index.html")); (err == nil) != served {
			t.Errorf("%s: a web server reads it: %v, want %v", folder, err == nil, served)
		}
	}
}
