package compile_test

import (
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/kubespore/kubespore/pkg/document"
)

// TestReset lays out the files of machines below a folder, with what a cluster
// leaves beside them, runs kubespore-reset there and reads what is left: nothing
// that holds a key, and no state. systemd and the kernel are asked by name only.
func TestReset(t *testing.T) {
	for _, c := range []struct{ example, host string }{
		{"ha", "cp1"}, {"ha", "w1"}, {"seeds/000", "master"}, {"seeds/002", "node3"}, {"seeds/003", "nfsserver"}, {"seeds/004", "k8s-master"}, {"ha-debian", "w1"},
	} {
		t.Run(strings.ReplaceAll(c.example, "/", "-")+"-"+c.host, func(t *testing.T) {
			t.Parallel()
			root := machineFolder(t, c.example, c.host)
			state := []string{"var/lib/kubelet/pods/1/volumes/x", "var/lib/cni/networks/kubespore/10.0.0.2",
				"var/lib/kubespore/cleaned", "var/lib/kubespore/selftest", "root/.kube/config", "run/kubespore/notice/x", "run/containerd/io.containerd.runtime.v2.task/k8s.io/1/config.json", "var/lib/cloud/instances/i/user-data.txt"}
			if _, err := os.Stat(filepath.Join(root, "etc/kubernetes/pki/etcd/peer.crt")); err == nil {
				state = append(state, "var/lib/etcd/member/snap/db")
			}
			kept := []string{"etc/hostname", "etc/kubespore/firewall.nft", "etc/ssh/ssh_host_ed25519_key", "var/lib/containerd/io.containerd.content", "opt/bin/kubelet",
				"srv/share/file", "var/lib/kubespore/installed", "opt/kubespore/bin/kubespore-reset"}
			for _, name := range append(slices.Clone(state), kept[2:]...) {
				if _, err := os.Stat(filepath.Join(root, name)); err != nil {
					put(t, root, name, "here\n", 0o600)
				}
			}

			if out, err := reset(t, root, "another"); err == nil || !strings.Contains(out, "kubectl delete node "+c.host) {
				t.Errorf("another name: %v\n%s", err, out)
			}
			if _, err := os.Stat(filepath.Join(root, state[0])); err != nil {
				t.Error("another name removed something")
			}
			for range 2 { // the second finds nothing to do
				if out, err := reset(t, root, c.host); err != nil {
					t.Fatalf("%v\n%s", err, out)
				}
			}
			for _, name := range state {
				if _, err := os.Lstat(filepath.Join(root, name)); err == nil {
					t.Errorf("%s is left", name)
				}
			}
			for _, name := range kept {
				if _, err := os.Stat(filepath.Join(root, name)); err != nil {
					t.Errorf("%s is gone", name)
				}
			}
			noKeys(t, root)
			if out, err := reset(t, root, "--all", c.host); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			for _, name := range []string{"var/lib/containerd", "opt/bin/kubelet", "var/lib/kubespore"} {
				if _, err := os.Lstat(filepath.Join(root, name)); err == nil && c.host != "nfsserver" {
					t.Errorf("--all leaves %s", name)
				}
			}
		})
	}
}

// TestResetOfInterfaces: those of pods and of what connects them go, the ports of
// a bridge before it, and nobody else's.
func TestResetOfInterfaces(t *testing.T) {
	root := machineFolder(t, "ha", "w1")
	deleted := filepath.Join(root, "deleted")
	ip := `case "$*" in
"-oneline link show") cat <<END
1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN mode DEFAULT group default qlen 1000
2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc mq state UP mode DEFAULT group default qlen 1000
3: cni0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1450 qdisc noqueue state UP mode DEFAULT group default
4: vethbad851af@if2: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1450 qdisc noqueue master cni0 state UP mode DEFAULT group default
5: veth0@if2: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue master br0 state UP mode DEFAULT group default
6: flannel.1: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1450 qdisc noqueue state UNKNOWN mode DEFAULT group default
7: kube-pods: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP mode DEFAULT group default
8: br0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP mode DEFAULT group default
9: tunl0@NONE: <NOARP> mtu 1480 qdisc noop state DOWN mode DEFAULT group default qlen 1000
10: tun-0a1b2c3d4e5@NONE: <POINTOPOINT,NOARP,UP,LOWER_UP> mtu 1480 qdisc noqueue state UNKNOWN mode DEFAULT group default qlen 1000
11: tun-cafe: <POINTOPOINT,NOARP,UP,LOWER_UP> mtu 1480 qdisc noqueue state UNKNOWN mode DEFAULT group default qlen 1000
END
;;
"link delete "*) echo "$3" >>` + deleted + ` ;;
esac`
	if out, err := resetWith(t, root, map[string]string{"ip": ip}, "w1"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if text, err := os.ReadFile(deleted); err != nil || string(text) != "vethbad851af\ncni0\nflannel.1\nkube-pods\ntun-0a1b2c3d4e5\n" {
		t.Errorf("%v: these were deleted:\n%s", err, text)
	}
}

// TestResetUnderSudo: the machine's programs are found though sudo's path, or that
// of a unit, does not lead to them.
func TestResetUnderSudo(t *testing.T) {
	root := machineFolder(t, "ha", "w1")
	asked := filepath.Join(root, "asked")
	put(t, root, "opt/bin/ctr", `#!/bin/sh
case "$*" in
*" list "*) echo 1 ;;
*) echo "$*" >>`+asked+` ;;
esac
`, 0o755)
	if out, err := reset(t, root, "w1"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	want := "--namespace k8s.io tasks kill --signal SIGKILL --all 1\n--namespace k8s.io tasks delete --force 1\n--namespace k8s.io containers delete 1\n"
	if text, err := os.ReadFile(asked); err != nil || string(text) != want {
		t.Errorf("%v: ctr was asked for\n%s", err, text)
	}
}

// TestResetOfRoutes: what leads to the pods of other nodes goes, as does what has
// kube-router's own tables looked up, once for each rule.
func TestResetOfRoutes(t *testing.T) {
	root := machineFolder(t, "seeds/002", "node3")
	asked := filepath.Join(root, "asked")
	ip := `case "$*" in
"-4 rule show table 77") printf '%s\n' '32765: from 10.244.1.0/24 lookup 77' '32764: from 10.244.2.0/24 lookup 77' ;;
"-4 rule show table 79") printf '%s\n' '32763: from all lookup 79' ;;
*" delete "* | *" flush "*) echo "$*" >>` + asked + ` ;;
esac`
	if out, err := resetWith(t, root, map[string]string{"ip": ip}, "node3"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	want := "-4 route flush root 10.244.0.0/16\n-4 rule delete table 77\n-4 rule delete table 77\n-4 rule delete table 79\n"
	if text, err := os.ReadFile(asked); err != nil || string(text) != want {
		t.Errorf("%v: asked was\n%s", err, text)
	}
}

// TestResetOfRules lets iptables know rules of the cluster and of somebody else:
// these stay, and a failure to write them back is not lost.
func TestResetOfRules(t *testing.T) {
	root := machineFolder(t, "ha", "w1")
	written := filepath.Join(root, "written")
	programs := map[string]string{
		"iptables-save":    "printf '%s\n' '*nat' ':KUBE-SERVICES - [0:0]' '-A PREROUTING -j KUBE-SERVICES' '-A PREROUTING -p tcp --dport 81 -j REDIRECT' '-A FORWARD -o kube-bridge -j ACCEPT' COMMIT",
		"iptables-restore": "cat >" + written,
	}
	if out, err := resetWith(t, root, programs, "w1"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if text, err := os.ReadFile(written); err != nil || string(text) != "*nat\n-A PREROUTING -p tcp --dport 81 -j REDIRECT\nCOMMIT\n" {
		t.Errorf("%v: iptables-restore got\n%s", err, text)
	}
	for _, fails := range []string{"iptables-restore", "iptables-save"} {
		broken := maps.Clone(programs)
		broken[fails] += "\ncat >/dev/null\nexit 1"
		if out, err := resetWith(t, root, broken, "w1"); err == nil || !strings.Contains(out, "could not do everything") || !strings.Contains(out, "iptables") {
			t.Errorf("%s fails: %v\n%s", fails, err, out)
		}
	}
}

// reset runs the script of the machine with its folders below root and programs
// that do nothing.
func reset(t *testing.T, root string, args ...string) (string, error) {
	t.Helper()
	return resetWith(t, root, nil, args...)
}

// resetWith has programs that do something.
func resetWith(t *testing.T, root string, doing map[string]string, args ...string) (string, error) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "opt/kubespore/bin/kubespore-reset"))
	if err != nil {
		t.Fatal(err)
	}
	programs := t.TempDir()
	for _, name := range []string{"ip", "nft", "iptables-save", "ip6tables-save", "ipvsadm", "ipset", "umount", "docker", "ctr", "sync"} {
		put(t, programs, name, "#!/bin/sh\n", 0o755)
	}
	// A unit that is not there cannot be stopped, as with the real one.
	put(t, programs, "systemctl", `#!/bin/sh
if [ "$1" = stop ]; then
	case $2 in *.service) [ -e "`+root+`/etc/systemd/system/$2" ] || exit 5 ;; esac
fi
`, 0o755)
	for name, does := range doing {
		put(t, programs, name, "#!/bin/sh\n"+does+"\n", 0o755)
	}
	script := regexp.MustCompile(`(^|[\s<=(])(/(?:etc|var|opt|root|run)/)`).ReplaceAllString(string(text), "${1}"+root+"$2")
	script = strings.ReplaceAll(script, `"/etc/systemd`, `"`+root+`/etc/systemd`)
	// What parameters say, and the patterns of documents.
	for _, name := range []string{"etc/kubespore/reset", "etc/kubespore/cleanup"} {
		if text, err := os.ReadFile(filepath.Join(root, name)); err == nil && !strings.Contains(string(text), root) {
			put(t, root, name, regexp.MustCompile(`(?m)(^|[" ])/`).ReplaceAllString(string(text), "${1}"+root+"/"), 0o644)
		}
	}
	put(t, programs, "script", script, 0o755)
	c := exec.Command("bash", append([]string{filepath.Join(programs, "script")}, args...)...)
	c.Env = []string{"PATH=" + programs + ":/usr/bin:/bin"}
	out, err := c.CombinedOutput()
	return string(out), err
}

func put(t *testing.T, root, name, text string, mode os.FileMode) {
	t.Helper()
	path := filepath.Join(root, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

// machineFolder lays out a host of an example.
func machineFolder(t *testing.T, example, host string) string {
	t.Helper()
	docs, _ := goldenDocuments(t, example, goldenMinors[0])
	i := slices.IndexFunc(docs, func(d *document.Document) bool { return d.Host == host })
	if i < 0 {
		t.Fatalf("no host %s", host)
	}
	root := t.TempDir()
	layOut(t, root, docs[i])
	return root
}

// layOut writes what a document makes.
func layOut(t *testing.T, root string, doc *document.Document) {
	t.Helper()
	entries, err := doc.Entries()
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		switch e.Kind {
		case document.KindFile, document.KindUnit:
			put(t, root, e.Path, string(e.Content), 0o600)
		case document.KindLink:
			path := filepath.Join(root, e.Path)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(e.Target, path); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// noKeys reads every file below root for stand-ins of keys and secrets.
func noKeys(t *testing.T, root string) {
	t.Helper()
	key := regexp.MustCompile(`<<(?:[^>]*\.key|(?:cluster|hosts)/[^>.]*)>>|LS0tLS1CRUdJTi|PDxob3N0cy`)
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		if found := key.Find(text); found != nil {
			t.Errorf("%s holds %s", strings.TrimPrefix(path, root), found)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
