package inspect

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/coreos/ignition/v2/config/v3_4/types"
	"github.com/google/go-cmp/cmp"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/document"
	"github.com/kubespore/kubespore/pkg/plan"
)

func ptr[T any](v T) *T { return &v }

// file adds a file to a document.
func file(d *document.Document, path string, mode int, content string) {
	f := types.File{Node: types.Node{Path: path}, FileEmbedded1: types.FileEmbedded1{Mode: ptr(mode),
		Contents: types.Resource{Source: ptr("data:;base64," + base64.StdEncoding.EncodeToString([]byte(content)))}}}
	d.Config.Storage.Files = append(d.Config.Storage.Files, f)
	d.Origins["file:"+path] = document.Origin{Profile: "base", Position: diag.Position{File: "profiles/base/host.bu", Line: 7, Column: 5}}
}

func unit(d *document.Document, name, content string) {
	d.Config.Systemd.Units = append(d.Config.Systemd.Units, types.Unit{Name: name, Enabled: ptr(true), Contents: &content})
	d.Origins["unit:"+name] = document.Origin{Profile: "base", Position: diag.Position{File: "profiles/base/host.bu", Line: 9, Column: 5}}
}

// machine is a small control plane with a secret.
func machine(host string) *document.Document {
	d := &document.Document{Host: host, Origins: map[string]document.Origin{}, Secret: map[string]bool{}, Keys: map[string][]string{}}
	file(d, "/etc/kubernetes/manifests/kube-apiserver.yaml", 0o600, "- --etcd-servers=a\n- --tls-cert-file=/etc/kubernetes/pki/apiserver.crt\n")
	file(d, "/etc/kubernetes/pki/apiserver.crt", 0o644, "<<apiserver.crt "+host+">>\n")
	file(d, "/etc/kubernetes/pki/apiserver.key", 0o600, "<<apiserver.key "+host+">>\n")
	file(d, "/etc/kubespore/firewall.nft", 0o644, "accept 22\n")
	file(d, "/etc/sysctl.d/10-k8s.conf", 0o644, "a = 1\n")
	file(d, "/opt/kubespore/bin/firewall", 0o755, "nft -f /etc/kubespore/firewall.nft\n")
	file(d, "/var/notes", 0o644, "nobody reads this\n")
	unit(d, "kubespore-firewall.service", "[Service]\nExecStart=/opt/kubespore/bin/firewall\n")
	d.Config.Passwd.Users = []types.PasswdUser{{Name: "core", PasswordHash: ptr("<<hash>>")}}
	d.Origins["user:core"] = document.Origin{Profile: "access", Position: diag.Position{File: "profiles/access/host.bu", Line: 3, Column: 5}}
	d.Secret["file:/etc/kubernetes/pki/apiserver.key"] = true
	d.Keys["file:/etc/kubernetes/pki/apiserver.key"] = []string{"hosts/" + host + "/apiserver"}
	return d
}

// lastBuild is a document as it comes back from a file, which does not remember
// where its parts came from.
func lastBuild(d *document.Document) *document.Document {
	d.Origins, d.Keys = nil, nil
	return d
}

func setFile(d *document.Document, path, content string) {
	for i, f := range d.Config.Storage.Files {
		if f.Path == path {
			d.Config.Storage.Files[i].Contents.Source = ptr("data:;base64," + base64.StdEncoding.EncodeToString([]byte(content)))
			return
		}
	}
	panic("no file " + path)
}

func TestDiff(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*document.Document)
		want   string
	}{
		"nothing": {func(*document.Document) {}, "nothing changes\n"},
		"static pod": {func(d *document.Document) {
			setFile(d, "/etc/kubernetes/manifests/kube-apiserver.yaml", "- --etcd-servers=b\n- --tls-cert-file=/etc/kubernetes/pki/apiserver.crt\n")
		}, `cp1: 1 changed
  needs: nothing
  ~ /etc/kubernetes/manifests/kube-apiserver.yaml: nothing
      --- last build
      +++ this build
      @@ -1,2 +1,2 @@
      -- --etcd-servers=a
      +- --etcd-servers=b
       - --tls-cert-file=/etc/kubernetes/pki/apiserver.crt
`},
		"certificate of a static pod": {func(d *document.Document) {
			setFile(d, "/etc/kubernetes/pki/apiserver.crt", "<<other.crt>>\n")
		}, `cp1: 1 changed
  needs: restart the static pods kube-apiserver
  ~ /etc/kubernetes/pki/apiserver.crt: restart the static pods kube-apiserver
      --- last build
      +++ this build
      @@ -1 +1 @@
      -<<apiserver.crt cp1>>
      +<<other.crt>>
`},
		"secret": {func(d *document.Document) {
			setFile(d, "/etc/kubernetes/pki/apiserver.key", "<<other.key>>\n")
		}, `cp1: 1 changed
  needs: nothing
  ~ /etc/kubernetes/pki/apiserver.key (secret content): nothing
`},
		"read by a script of a unit": {func(d *document.Document) {
			setFile(d, "/etc/kubespore/firewall.nft", "accept 23\n")
			setFile(d, "/etc/sysctl.d/10-k8s.conf", "a = 2\n")
			setFile(d, "/var/notes", "nobody\n")
		}, `cp1: 3 changed
  needs: restart kubespore-firewall.service, systemd-sysctl.service
  ~ /etc/kubespore/firewall.nft: restart kubespore-firewall.service
      --- last build
      +++ this build
      @@ -1 +1 @@
      -accept 22
      +accept 23
  ~ /etc/sysctl.d/10-k8s.conf: restart systemd-sysctl.service
      --- last build
      +++ this build
      @@ -1 +1 @@
      -a = 1
      +a = 2
  ~ /var/notes: nothing
      --- last build
      +++ this build
      @@ -1 +1 @@
      -nobody reads this
      +nobody
`},
		"unit": {func(d *document.Document) { d.Config.Systemd.Units[0].Enabled = ptr(false) }, `cp1: 1 changed
  needs: restart kubespore-firewall.service
  ~ /etc/systemd/system/kubespore-firewall.service (state disabled, was enabled): restart kubespore-firewall.service
`},
		"mode and owner": {func(d *document.Document) {
			d.Config.Storage.Files[6].Mode, d.Config.Storage.Files[6].User.Name = ptr(0o600), ptr("core")
		}, `cp1: 1 changed
  needs: nothing
  ~ /var/notes (mode 0600, was 0644; owner core:root, was root:root): nothing
`},
		"password": {func(d *document.Document) { d.Config.Passwd.Users[0].PasswordHash = ptr("<<new hash>>") }, `cp1: 1 changed
  needs: re-image
  ~ user:core: re-image
`},
		"kernel argument": {func(d *document.Document) { d.Config.KernelArguments.ShouldExist = []types.KernelArgument{"quiet"} }, `cp1: 1 changed
  needs: re-image
  + kernel arguments: re-image
`},
		"file comes, file goes": {func(d *document.Document) {
			d.Config.Storage.Files[6].Path = "/var/remarks"
		}, `cp1: 2 changed
  needs: nothing
  - /var/notes: nothing
  + /var/remarks: nothing
`},
	} {
		t.Run(name, func(t *testing.T) {
			changed := machine("cp1")
			c.change(changed)
			d, err := Diff(lastBuild(machine("cp1")), changed)
			if err != nil {
				t.Fatal(err)
			}
			var b strings.Builder
			PrintDiffs(&b, []HostDiff{d}, true)
			if diff := cmp.Diff(c.want, b.String()); diff != "" {
				t.Errorf("%s\n%s", diff, b.String())
			}
			if text := fmt.Sprintf("%+v", d); strings.Contains(text, ".key") && strings.Contains(text, "<<") || strings.Contains(text, "hash") {
				t.Errorf("a secret is shown: %s", text)
			}
		})
	}
}

func TestDiffHosts(t *testing.T) {
	var diffs []HostDiff
	for _, c := range []struct{ old, new *document.Document }{
		{nil, machine("w1")}, {nil, machine("w2")}, {machine("w3"), nil}, {lastBuild(machine("w4")), machine("w4")},
	} {
		d, err := Diff(c.old, c.new)
		if err != nil {
			t.Fatal(err)
		}
		diffs = append(diffs, d)
	}
	want := `w1 w2: new
  needs: a first boot with its document
w3: gone
  needs:
    on w3: kubespore-reset w3, or erase its disks: nothing revokes the keys on them
nothing changes on 1 of 4 hosts
`
	var b strings.Builder
	PrintDiffs(&b, diffs, true)
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Error(diff)
	}
}

func TestExplain(t *testing.T) {
	d := machine("cp1")
	o := d.Origins["unit:kubespore-firewall.service"]
	o.Source = "profiles/base/files/firewall.service"
	o.Earlier = []document.Origin{{Profile: "firewall", Position: diag.Position{File: "profiles/firewall/host.bu", Line: 2}}}
	d.Origins["unit:kubespore-firewall.service"] = o
	for what, want := range map[string]string{
		"/etc/kubernetes/pki/apiserver.key": `/etc/kubernetes/pki/apiserver.key
  kind          file
  mode          0600
  owner         root:root
  size          22
  secret        holds hosts/cp1/apiserver
  written by    base
  at            profiles/base/host.bu:7:5
`,
		"kubespore-firewall.service": `/etc/systemd/system/kubespore-firewall.service
  kind          unit enabled
  mode          0644
  owner         root:root
  size          48
  written by    base
  at            profiles/base/host.bu:9:5
  content from  profiles/base/files/firewall.service
  changes what  firewall at profiles/firewall/host.bu:2
`,
		"user:core": `user:core
  kind          user
  size          0
  written by    access
  at            profiles/access/host.bu:3:5
`,
		"/var/note": "cp1 has no /var/note: did you mean /var/notes?",
		"zebra":     "cp1 has no zebra",
		"": `PATH                                            KIND  MODE  OWNER      SIZE  WRITTEN BY  AT
/etc/kubernetes/manifests/kube-apiserver.yaml   file  0600  root:root  71    base        profiles/base/host.bu:7:5
/etc/kubernetes/pki/apiserver.crt               file  0644  root:root  22    base        profiles/base/host.bu:7:5
/etc/kubernetes/pki/apiserver.key               file  0600  root:root  22    base        profiles/base/host.bu:7:5
/etc/kubespore/firewall.nft                     file  0644  root:root  10    base        profiles/base/host.bu:7:5
/etc/sysctl.d/10-k8s.conf                       file  0644  root:root  6     base        profiles/base/host.bu:7:5
/etc/systemd/system/kubespore-firewall.service  unit  0644  root:root  48    base        profiles/base/host.bu:9:5
/opt/kubespore/bin/firewall                     file  0755  root:root  35    base        profiles/base/host.bu:7:5
/var/notes                                      file  0644  root:root  18    base        profiles/base/host.bu:7:5
user:core                                       user                   0     access      profiles/access/host.bu:3:5
`,
	} {
		var b strings.Builder
		list, err := Explain(d, what)
		if err != nil {
			b.WriteString(err.Error())
		} else {
			PrintExplanations(&b, list)
		}
		if diff := cmp.Diff(want, b.String()); diff != "" {
			t.Errorf("%q: %s", what, diff)
		}
	}
}

func TestKeys(t *testing.T) {
	c := NewKeyCollector(&plan.Plan{
		Authorities: []plan.AuthoritySpec{{Name: "etcd"}, {Name: "kubernetes"}},
		Certs:       []plan.CertSpec{{ID: "hosts/cp1/apiserver", Host: "cp1"}, {ID: "cluster/admin"}},
		Secrets:     []plan.SecretSpec{{ID: "cluster/token"}},
	})
	cp1, cp2, w1 := machine("cp1"), machine("cp2"), machine("w1")
	w1.Keys = map[string][]string{"file:/a": {"cluster/token"}, "file:/b": {"hosts/cp1/apiserver"}} // as no build does
	cp2.Keys["file:/ca.key"] = []string{"ca/kubernetes"}
	cp1.Keys["file:/ca.key"] = []string{"ca/kubernetes"}
	for _, d := range []*document.Document{w1, cp2, cp1} {
		c.Add(d)
	}
	var b strings.Builder
	c.Table().Print(&b)
	want := `A  cp1 cp2
B  w1

KEY                    A  B
ca/etcd                .  .  on no host
ca/kubernetes          x  .
cluster/admin          .  .  on no host
cluster/token          .  x
hosts/<own>/apiserver  x  .
hosts/cp1/apiserver    .  x
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Error(diff)
	}
}

// What a host leaves behind when it goes is undone in an order: pods, the vote
// in etcd, the Node, the keys.
func TestDiffRemoval(t *testing.T) {
	gone := machine("cp3")
	file(gone, "/var/lib/kubelet/config.yaml", 0o600, "")
	file(gone, "/etc/kubernetes/pki/etcd/peer.crt", 0o644, "")
	d, err := Diff(lastBuild(gone), nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"kubectl drain cp3 --ignore-daemonsets --delete-emptydir-data",
		"on another member of etcd: etcdctl member remove $(etcdctl member list | sed -n 's/, started, cp3, .*//p')",
		"kubectl delete node cp3",
		"on cp3: kubespore-reset cp3, or erase its disks: nothing revokes the keys on them",
	}
	if diff := cmp.Diff(want, d.Asks); diff != "" {
		t.Error(diff)
	}
}
