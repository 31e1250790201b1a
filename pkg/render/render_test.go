package render

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/document"
	"github.com/kubespore/kubespore/pkg/plan"
	"github.com/kubespore/kubespore/pkg/profile"
	"github.com/kubespore/kubespore/pkg/topology"
)

// archived turns an archive into a file system.
func archived(archive string) fstest.MapFS {
	out := fstest.MapFS{}
	for _, f := range txtar.Parse([]byte(archive)).Files {
		out[f.Name] = &fstest.MapFile{Data: slices.Clip(f.Data), Mode: 0o644}
	}
	return out
}

// planOf plans hosts that all have the profiles of an archive. Vars of the
// first profile may be given; a secret named token is declared.
func planOf(t testing.TB, archive string, vars map[string]string, hosts ...string) planned {
	t.Helper()
	files := archived(archive)
	files["versions.yaml"] = &fstest.MapFile{Data: []byte("1.36: {newest: v1.36.3, etcd: 3.6.8-0}\n")}
	for name, f := range files {
		if strings.HasSuffix(name, "/profile.yaml") {
			f.Data = append(f.Data, "default: true\n"...)
		}
	}
	for name, value := range vars {
		f := files["alpha/profile.yaml"]
		f.Data = append(f.Data, fmt.Sprintf("vars: {%s: %q}\n", name, value)...)
		f.Data = append(f.Data, "secrets: [{name: token, kind: random, size: 16, doc: a token}]\n"...)
	}
	catalog, problems := profile.Load(profile.Source{Name: "profiles", FS: files}, profile.Source{Name: "reader", FS: reader})
	if problems.HasErrors() {
		t.Fatal(printed(problems))
	}
	text := "apiVersion: kubespore/v1alpha1\nkind: Topology\ncluster: {name: prod, endpoint: '192.0.2.1:6443'}\nkubernetes: {version: v1.36.3}\n" +
		"network: {pods: [10.240.0.0/12], services: [10.96.0.0/16]}\nos: debian\nhosts:\n"
	for i, name := range hosts {
		text += fmt.Sprintf("  - {name: %s, roles: [control-plane], format: ignition, address: 192.0.2.%d/24}\n", name, i+1)
	}
	parsed, problems := topology.Parse("cluster.yaml", []byte(text), topology.Known{})
	if problems.HasErrors() {
		t.Fatal(printed(problems))
	}
	p, evaluator, problems := plan.Build(plan.Inputs{Topology: parsed, Catalog: catalog})
	if problems.HasErrors() {
		t.Fatal(printed(problems))
	}
	return planned{p, evaluator}
}

// planned is a plan with what its templates look into.
type planned struct {
	*plan.Plan
	evaluator *plan.Evaluator
}

// printed gives diagnostics as users see them, excerpts of the given lines
// included.
func printed(list diag.List) string {
	var b strings.Builder
	diag.Printer{}.Print(&b, list)
	return b.String()
}

func noOverlays(string) ([]byte, fs.FS, error) { return nil, nil, fs.ErrNotExist }

// fakeKeys holds key material that no one can mistake for real material.
func fakeKeys() *plan.Keys {
	return &plan.Keys{
		Authorities: map[string]plan.Pair{"kubernetes": {Certificate: []byte("<<kubernetes.crt>>\n"), Key: []byte("<<kubernetes.key>>\n")}},
		Certs: map[string]plan.Pair{"hosts/cp1/kubelet-client": {Certificate: []byte("<<kubelet-client.crt cp1>>\n"), Key: []byte("<<kubelet-client.key cp1>>\n"),
			NotBefore: time.Date(2026, 11, 20, 8, 30, 0, 0, time.UTC)}},
		Secrets: map[string]plan.Secret{"cluster/token": {Value: []byte("<<token>>")}},
	}
}

// host renders one host and fails on any diagnostic.
func host(t testing.TB, p planned) *document.Document {
	t.Helper()
	r, problems := New(p.Plan, p.evaluator, noOverlays)
	if len(problems) > 0 {
		t.Fatal(printed(problems))
	}
	r.SetGeneration(7)
	d, problems := r.Host(p.Hosts[0], fakeKeys())
	if len(problems) > 0 {
		t.Fatal(printed(problems))
	}
	return d
}

// listing shows a document as a tree, one line for each path and its content
// below.
func listing(t testing.TB, d *document.Document) string {
	t.Helper()
	entries, err := d.Entries()
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, e := range entries {
		o := d.Origins[e.Item]
		fmt.Fprintf(&b, "%s %s %04o %s:%s <- %s %s", e.Kind, e.Path, e.Mode, e.User, e.Group, o.Profile, o.Position)
		if o.Source != "" {
			fmt.Fprintf(&b, " %s", o.Source)
		}
		for _, before := range o.Earlier {
			fmt.Fprintf(&b, " (was %s %s)", before.Profile, before.Position)
		}
		if e.Target != "" {
			fmt.Fprintf(&b, " -> %s", e.Target)
		}
		if e.Secret {
			b.WriteString(" secret")
		}
		b.WriteByte('\n')
		for line := range strings.Lines(string(e.Content)) {
			b.WriteString("    " + strings.TrimSuffix(line, "\n") + "\n")
		}
	}
	return b.String()
}

const small = `
-- alpha/profile.yaml --
name: alpha
summary: a profile
-- alpha/host.bu --
storage:
  directories:
    - {path: /opt/alpha, mode: 0755}
  files:
    - path: /etc/alpha.conf
      mode: 0644
      overwrite: true
      contents: {local: alpha.conf}
    - path: /etc/hostname
      mode: 0644
      overwrite: true
      contents: {inline: "{{ .Host.Name }}\n"}
    - path: /etc/secret
      mode: 0600
      overwrite: true
      contents: {local: secret}
  trees:
    - {local: scripts, path: /opt/alpha}
systemd:
  units:
    - name: alpha.service
      enabled: true
      contents_local: alpha.service
-- alpha/files/alpha.conf --
cluster={{ .Cluster.Name }}
-- alpha/files/secret --
token={{ .Var.token }}
-- alpha/files/scripts/run.raw --
echo {{ not a template }}
-- alpha/files/alpha.service --
[Service]
ExecStart=/opt/alpha/run

[Install]
WantedBy=multi-user.target
-- beta/profile.yaml --
name: beta
summary: another profile
-- beta/host.bu --
storage:
  directories:
    - {path: /opt/alpha, mode: 0755}
systemd:
  units:
    - name: alpha.service
      dropins:
        - {name: 10-beta.conf, contents: "[Service]\nRestart=always\n"}
`

func TestHost(t *testing.T) {
	p := planOf(t, small, map[string]string{"token": `{{ .Secret "token" }}`}, "cp1")
	want := strings.TrimPrefix(`
file /etc/alpha.conf 0644 root:root <- alpha profiles/alpha/host.bu:5:7 profiles/alpha/files/alpha.conf
    cluster=prod
file /etc/hostname 0644 root:root <- alpha profiles/alpha/host.bu:9:7
    cp1
file /etc/secret 0600 root:root <- alpha profiles/alpha/host.bu:13:7 profiles/alpha/files/secret secret
    token=<<token>>
unit /etc/systemd/system/alpha.service 0644 root:root <- alpha profiles/alpha/host.bu:21:7 profiles/alpha/files/alpha.service
    [Service]
    ExecStart=/opt/alpha/run
    
    [Install]
    WantedBy=multi-user.target
dropin /etc/systemd/system/alpha.service.d/10-beta.conf 0644 root:root <- beta profiles/beta/host.bu:8:11
    [Service]
    Restart=always
directory /opt/alpha 0755 root:root <- alpha profiles/alpha/host.bu:3:7
file /opt/alpha/run 0644 root:root <- alpha profiles/alpha/host.bu:18:7 profiles/alpha/files/scripts/run.raw
    echo {{ not a template }}
`, "\n")
	if diff := cmp.Diff(want, listing(t, host(t, p))); diff != "" {
		t.Error(diff)
	}
}

// TestFileDefaults: a file of a profile replaces what the image has, unless it says
// something else; one that only adds to the image's says nothing of it.
func TestFileDefaults(t *testing.T) {
	p := planOf(t, `
-- a/profile.yaml --
name: a
summary: x
-- a/host.bu --
storage:
  files:
    - {path: /a, contents: {inline: a}}
    - {path: /b, mode: 0600, overwrite: false, contents: {inline: b}}
    - {path: /c, append: [{inline: c}]}
`, nil, "cp1")
	var got []string
	for _, f := range host(t, p).Config.Storage.Files {
		text, err := json.Marshal([]any{f.Path, f.Overwrite, f.Mode})
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, string(text))
	}
	if diff := cmp.Diff([]string{`["/a",true,420]`, `["/b",false,384]`, `["/c",null,null]`}, got); diff != "" {
		t.Error(diff)
	}
}

// reader is a profile that no host selects. It may read whatever others declare,
// so that tests need not use all of it.
var reader = fstest.MapFS{
	"reads-all/profile.yaml":  {Data: []byte("name: reads-all\nsummary: x\n")},
	"reads-all/manifests/all": {Data: []byte(`{{ .VarOf (print) (print) }}{{ .ParamOf (print) (print) }}{{ .Secret (print) }}{{ .Image (print) }}`)},
}
