package render

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubespore/kubespore/pkg/plan"
)

// layered is a peer, an OS layer over it, and two overlays of the user.
const layered = `
-- alpha/profile.yaml --
name: alpha
summary: a peer
-- alpha/host.bu --
storage:
  directories:
    - {path: /etc/d, mode: 0755}
  files:
    - {path: /etc/a, mode: 0644, overwrite: true, contents: {inline: "peer\n"}}
    - {path: /etc/b, mode: 0644, overwrite: true, contents: {inline: "peer\n"}}
    - {path: /etc/key, mode: 0600, overwrite: true, contents: {inline: '{{ .Var.x }}'}}
systemd:
  units:
    - name: a.service
      contents: |
        [Service]
        ExecStart=/bin/true
kernel_arguments: {should_exist: [quiet]}
-- os-debian/profile.yaml --
name: os-debian
summary: a layer
layer: os
-- os-debian/host.bu --
storage:
  files:
    - {path: /etc/a, mode: 0600}
    - {path: /etc/os, mode: 0644, overwrite: true, contents: {inline: "layer\n"}}
kernel_arguments: {should_exist: [debian]}
`

const clusterOverlay = `variant: fcos
version: 1.4.0
storage:
  files:
    - path: /etc/a
      contents: {local: a.txt}
    - path: /etc/d
      mode: 0640
      contents: {inline: "a file now {{ no template }}\n"}
  trees:
    - {local: motd.d, path: /etc/motd.d}
systemd:
  units:
    - name: a.service
      enabled: false
      dropins:
        - {name: b.conf, contents_local: b.conf}
passwd:
  users:
    - {name: core, ssh_authorized_keys_local: [keys]}
`

const hostOverlay = `variant: flatcar
version: 1.0.0
storage:
  files:
    - path: /etc/a
      append: [{inline: "appended\n"}]
    - {path: /etc/key, contents: {inline: "mine\n"}}
`

func overlays(name string) ([]byte, fs.FS, error) {
	files := archived("-- a.txt --\noverlay\n-- b.conf --\n[Service]\nRestart=always\n-- motd.d/hello --\nhello\n-- keys --\n# mine\nssh-ed25519 AAAA me\n")
	switch name {
	case "overlays/cluster.bu":
		return []byte(clusterOverlay), files, nil
	case "host.bu":
		return []byte(hostOverlay), files, nil
	}
	return nil, nil, fs.ErrNotExist
}

func TestLayers(t *testing.T) {
	p := planOf(t, layered, map[string]string{"x": `{{ .Secret "token" }}`}, "cp1")
	p.Hosts[0].Overlays = []string{"overlays/cluster.bu", "host.bu"}
	r, problems := New(p.Plan, p.evaluator, overlays)
	if len(problems) > 0 {
		t.Fatal(printed(problems))
	}
	d, problems := r.Host(p.Hosts[0], fakeKeys())
	if len(problems) > 0 {
		t.Fatal(printed(problems))
	}
	want := strings.TrimPrefix(`
file /etc/a 0600 root:root <- host.bu host.bu:5:7 (was alpha profiles/alpha/host.bu:5:7) (was os-debian profiles/os-debian/host.bu:3:7) (was overlays/cluster.bu overlays/cluster.bu:5:7) secret
    overlay
    appended
file /etc/b 0644 root:root <- alpha profiles/alpha/host.bu:6:7
    peer
file /etc/d 0640 root:root <- overlays/cluster.bu overlays/cluster.bu:7:7 (was alpha profiles/alpha/host.bu:3:7) secret
    a file now {{ no template }}
file /etc/key 0600 root:root <- host.bu host.bu:7:7 (was alpha profiles/alpha/host.bu:7:7) secret
    mine
file /etc/motd.d/hello 0644 root:root <- overlays/cluster.bu overlays/cluster.bu:11:7 overlays/motd.d/hello
    hello
file /etc/os 0644 root:root <- os-debian profiles/os-debian/host.bu:4:7
    layer
unit /etc/systemd/system/a.service 0644 root:root <- overlays/cluster.bu overlays/cluster.bu:14:7 (was alpha profiles/alpha/host.bu:10:7)
    [Service]
    ExecStart=/bin/true
dropin /etc/systemd/system/a.service.d/b.conf 0644 root:root <- overlays/cluster.bu overlays/cluster.bu:17:11 overlays/b.conf
    [Service]
    Restart=always
`, "\n")
	if diff := cmp.Diff(want, listing(t, d)); diff != "" {
		t.Error(diff)
	}
	if got := fmt.Sprint(d.Config.KernelArguments.ShouldExist); got != "[quiet debian]" {
		t.Errorf("kernel arguments: %s", got)
	}
	if got := fmt.Sprint(d.Config.Passwd.Users[0].SSHAuthorizedKeys, d.Origins["user:core"].Position); got != "[ssh-ed25519 AAAA me] overlays/cluster.bu:20:7" {
		t.Errorf("user: %s", got)
	}
}

// What one host's overlay changes must not show on another, whose document
// shares the parts.
func TestLayersApart(t *testing.T) {
	p := planOf(t, layered, map[string]string{"x": `{{ .Secret "token" }}`}, "cp1", "cp2")
	r, _ := New(p.Plan, p.evaluator, overlays)
	render := func(h *plan.Host) string {
		d, problems := r.Host(h, fakeKeys())
		if len(problems) > 0 {
			t.Fatal(printed(problems))
		}
		return listing(t, d)
	}
	before := render(p.Hosts[1])
	p.Hosts[0].Overlays = []string{"overlays/cluster.bu", "host.bu"}
	r, _ = New(p.Plan, p.evaluator, overlays)
	first := render(p.Hosts[0])
	if diff := cmp.Diff(before, render(p.Hosts[1])); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(first, render(p.Hosts[0])); diff != "" {
		t.Error(diff)
	}
}
