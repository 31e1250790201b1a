package profiles_test

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/kubespore/kubespore/pkg/document"
	"github.com/kubespore/kubespore/pkg/profile"
)

const resetProgram = "/opt/kubespore/bin/kubespore-reset"

// TestReset lays out machines with what a cluster leaves on them, runs
// kubespore-reset in them and reads what is left: nothing that holds a key, no
// state, and no file, link, unit or program of a profile that does not remain.
func TestReset(t *testing.T) {
	for _, c := range []struct{ example, host string }{
		{"ha", "cp1"}, {"ha", "w1"}, {"seeds/000", "master"}, {"seeds/002", "node3"}, {"seeds/003", "nfsserver"}, {"seeds/004", "k8s-master"}, {"ha-debian", "w1"},
	} {
		t.Run(strings.ReplaceAll(c.example, "/", "-")+"-"+c.host, func(t *testing.T) {
			t.Parallel()
			m := newChroot(t, "../examples/"+c.example+".yaml", c.host)
			state := []string{"/var/lib/kubespore/cleaned", "/run/kubespore/notice/x", "/var/lib/cloud/instances/i/user-data.txt"}
			if m.exists("/var/lib/kubelet/config.yaml") {
				state = append(state, "/var/lib/kubelet/pods/1/volumes/x", "/root/.kube/config", "/var/lib/kubespore/selftest",
					"/var/lib/cni/networks/kubespore/10.0.0.2", "/run/containerd/io.containerd.runtime.v2.task/k8s.io/1/config.json")
			}
			if m.exists("/etc/kubernetes/pki/etcd/peer.crt") {
				state = append(state, "/var/lib/etcd/member/snap/db")
			}
			kept := []string{"/etc/hostname", "/etc/kubespore/firewall.nft", resetProgram}
			programs := append([]string{"/var/lib/kubespore/installed"}, resetList(t, m, "program", "image")...)
			others := []string{"/etc/ssh/ssh_host_ed25519_key", "/srv/share/file", "/etc/systemd/system/others.service"}
			for _, name := range slices.Concat(state, programs, others) {
				m.put(t, name, "here\n", 0o600)
			}
			m.link(t, "/etc/systemd/system/timers.target.wants/others.timer", "/etc/systemd/system/others.timer")

			if out, err := m.try(t, resetProgram, "another"); err == nil || !strings.Contains(out, "kubectl delete node "+c.host) {
				t.Errorf("another name: %v\n%s", err, out)
			}
			if !m.exists(state[0]) {
				t.Error("another name removed something")
			}
			for range 2 { // the second finds nothing to do
				if out := m.run(t, resetProgram, c.host); !strings.Contains(out, "done.") {
					t.Fatal(out)
				}
			}
			for _, name := range state {
				if m.exists(name) {
					t.Errorf("%s is left", name)
				}
			}
			for _, name := range slices.Concat(kept, others, programs) {
				if !m.exists(name) {
					t.Errorf("%s is gone", name)
				}
			}
			nothingOfUs(t, m)
			noKeys(t, m.root)
			m.run(t, resetProgram, "--all", c.host)
			for _, name := range append(programs, "/var/lib/kubespore") {
				if m.exists(name) {
					t.Errorf("--all leaves %s", name)
				}
			}
		})
	}
}

// TestResetOfTutorial: a profile that a user wrote by following the page is
// removed as the built-in ones are, without having said how.
func TestResetOfTutorial(t *testing.T) {
	folder := t.TempDir()
	page, err := os.ReadFile("../docs/write-a-profile.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range regexp.MustCompile("(?ms)^```[a-z]+ file=profiles/(\\S+)\n(.*?)^```").FindAllStringSubmatch(string(page), -1) {
		name := filepath.Join(folder, block[1])
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(block[2]), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile("../examples/single.yaml")
	if err != nil {
		t.Fatal(err)
	}
	topology := filepath.Join(folder, "single.yaml")
	if err := os.WriteFile(topology, regexp.MustCompile(`(?m)^profiles:`).ReplaceAll(text, []byte("profiles:\n  node-exporter: {collectors: [systemd]}")), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(folder, "layer"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(folder, "node-exporter"), filepath.Join(folder, "layer/node-exporter")); err != nil {
		t.Fatal(err)
	}
	m := newChroot(t, topology, "node1", profile.Source{Name: "layer", FS: os.DirFS(filepath.Join(folder, "layer"))})
	m.put(t, "/opt/bin/node_exporter", "a program\n", 0o755)
	ours := []string{"/etc/systemd/system/node-exporter.service", "/etc/systemd/system/multi-user.target.wants/node-exporter.service", "/opt/bin/node_exporter",
		"/etc/systemd/system/kubespore-labels.timer", "/etc/systemd/system/timers.target.wants/kubespore-labels.timer"}
	for _, name := range ours {
		if !m.exists(name) {
			t.Fatalf("%s was never there", name)
		}
	}
	m.run(t, resetProgram, "--all", "node1")
	for _, name := range ours {
		if m.exists(name) {
			t.Errorf("%s is left", name)
		}
	}
	nothingOfUs(t, m)
}

// nothingOfUs holds what is left to the document: of a profile that does not
// the folder has no file, link, unit or way to enable one.
func nothingOfUs(t *testing.T, m *chroot) {
	t.Helper()
	entries, err := m.doc.Entries()
	if err != nil {
		t.Fatal(err)
	}
	remains := regexp.MustCompile(`(?m)^remains: true$`)
	for _, e := range entries {
		source, err := os.ReadFile(filepath.Join(m.doc.Origins[e.Item].Profile, "profile.yaml"))
		if e.Kind == document.KindDirectory || e.Kind == document.KindUnit && len(e.Content) == 0 || err == nil && remains.Match(source) {
			continue
		}
		if m.exists(e.Path) {
			t.Errorf("%s of %s is left", e.Path, m.doc.Origins[e.Item].Profile)
		}
	}
	links, err := filepath.Glob(m.path("/etc/systemd/system/*.*/*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, link := range links {
		unit := m.path("/etc/systemd/system/" + filepath.Base(link))
		if _, err := os.Lstat(unit); os.IsNotExist(err) && filepath.Base(link) != "others.timer" && !strings.HasSuffix(filepath.Dir(link), ".d") {
			t.Errorf("%s points at a unit that is gone", strings.TrimPrefix(link, m.root))
		}
	}
}

// resetList gives what the machine's list says of some kinds.
func resetList(t *testing.T, m *chroot, kinds ...string) []string {
	t.Helper()
	text, err := os.ReadFile(m.path("/etc/kubespore/reset"))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for line := range strings.Lines(string(text)) {
		if kind, value, _ := strings.Cut(strings.TrimSpace(line), " "); slices.Contains(kinds, kind) {
			out = append(out, value)
		}
	}
	return out
}

// TestResetOfKernel: interfaces of pods and of what connects them go, the ports of
// a bridge before it, as do tables of nft, routes to the pods of other nodes, and
// rules that look up kube-router's tables; no others do.
func TestResetOfKernel(t *testing.T) {
	m := newChroot(t, "../examples/seeds/002.yaml", "node3")
	m.put(t, "/test", `
set -e
for bridge in eth0 br0 kube-bridge cni0 tun-0a1b2c3d4e5 tun-cafe; do ip link add $bridge type bridge; done
ip link add vethbad851af type veth peer name pod1; ip link set vethbad851af master cni0
ip link add veth0 type veth peer name other; ip link set veth0 master br0
ip link set eth0 up
ip route add 10.244.7.0/24 dev eth0
ip route add 192.0.2.0/24 dev eth0
ip rule add from 10.244.1.0/24 lookup 77
ip rule add from 10.244.2.0/24 lookup 77
ip rule add from 10.244.2.0/24 lookup 76
nft add table ip kube-router-x
nft add table inet kubespore
`+resetProgram+` node3
ip -oneline link show | awk '{sub(/[@:].*/, "", $2); print "link", $2}'
ip route show | awk '{print "route", $1}'
ip rule show | awk '/lookup 7/ {print "rule", $NF}'
nft list tables
`, 0o755)
	out := m.run(t, "bash", "/test")
	_, out, _ = strings.Cut(out, "forgets the rest.\n")
	if want := "link lo\nlink eth0\nlink br0\nlink tun-cafe\nlink other\nlink veth0\nroute 192.0.2.0/24\nrule 76\ntable inet kubespore\n"; out != want {
		t.Errorf("this is left:\n%s\nwant:\n%s", out, want)
	}
}

// TestResetOfContainers: they go while their runtime still answers, whose programs
// are found though sudo's path, or that of a unit, does not lead to them.
func TestResetOfContainers(t *testing.T) {
	m := newChroot(t, "../examples/ha.yaml", "w1")
	m.put(t, "/opt/bin/ctr", "#!/bin/sh\ncase \"$*\" in *' list '*) echo 1 ;; *) echo \"$*\" >>/asked ;; esac\n", 0o755)
	// There is no systemd to ask.
	m.put(t, "/opt/bin/systemctl", "#!/bin/sh\n", 0o755)
	m.run(t, resetProgram, "w1")
	want := "--namespace k8s.io tasks kill --signal SIGKILL --all 1\n--namespace k8s.io tasks delete --force 1\n--namespace k8s.io containers delete 1\n"
	if text, err := os.ReadFile(m.path("/asked")); err != nil || string(text) != want {
		t.Errorf("%v: ctr was asked for\n%s", err, text)
	}
}

// TestResetOfRules lets iptables know rules of the cluster and of another program:
// these stay, and a failure to write them back is not lost.
func TestResetOfRules(t *testing.T) {
	programs := map[string]string{
		"iptables-save":     "printf '%s\\n' '*nat' ':KUBE-SERVICES - [0:0]' '-A PREROUTING -j KUBE-SERVICES' '-A PREROUTING -p tcp --dport 81 -j REDIRECT' '-A FORWARD -j FLANNEL-FWD' COMMIT",
		"iptables-restore":  "cat >/written",
		"ip6tables-save":    "",
		"ip6tables-restore": "",
	}
	m := newChroot(t, "../examples/ha.yaml", "w1")
	reset := func(programs map[string]string) (string, error) {
		for name, text := range programs {
			m.put(t, "/opt/bin/"+name, "#!/bin/sh\n"+text+"\n", 0o755)
		}
		return m.try(t, resetProgram, "w1")
	}
	if out, err := reset(programs); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if text, err := os.ReadFile(m.path("/written")); err != nil || string(text) != "*nat\n-A PREROUTING -p tcp --dport 81 -j REDIRECT\nCOMMIT\n" {
		t.Errorf("%v: iptables-restore got\n%s", err, text)
	}
	for _, fails := range []string{"iptables-restore", "iptables-save"} {
		broken := maps.Clone(programs)
		broken[fails] += "\ncat >/dev/null\nexit 1"
		if out, err := reset(broken); err == nil || !strings.Contains(out, "could not do everything") || !strings.Contains(out, "iptables") {
			t.Errorf("%s fails: %v\n%s", fails, err, out)
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
