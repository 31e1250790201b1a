package compile_test

import (
	"bytes"
	"context"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coreos/ignition/v2/config/util"
	"github.com/coreos/ignition/v2/config/v3_4/types"
	"github.com/vincent-petithory/dataurl"

	"github.com/kubespore/kubespore/pkg/compile"
	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/document"
	"github.com/kubespore/kubespore/pkg/emit"
	"github.com/kubespore/kubespore/pkg/pki"
	"github.com/kubespore/kubespore/pkg/plan"
	"github.com/kubespore/kubespore/pkg/profile"
	"github.com/kubespore/kubespore/pkg/verify"
	"github.com/kubespore/kubespore/profiles"
)

// cluster is a whole build in memory, to be tampered with.
type cluster struct {
	plan *plan.Plan
	docs map[string]*document.Document
}

func ha(t *testing.T) cluster {
	t.Helper()
	text, err := os.ReadFile("../../examples/ha.yaml")
	if err != nil {
		t.Fatal(err)
	}
	project, problems := compile.Load("ha.yaml", text, profile.Source{Name: "profiles", FS: profiles.FS})
	if problems.HasErrors() {
		t.Fatal(problems)
	}
	c := cluster{docs: map[string]*document.Document{}}
	result, problems := compile.Run(context.Background(), compile.Input{Project: project, Store: pki.Memory(), Now: time.Unix(1.8e9, 0),
		Each: func(h *plan.Host, d *document.Document) { c.docs[h.Name] = d }})
	if problems.HasErrors() {
		t.Fatal(problems)
	}
	c.plan = result.Plan
	return c
}

// file gives a file of a document; it must be there.
func (c cluster) file(t *testing.T, host, path string) *types.File {
	t.Helper()
	files := c.docs[host].Config.Storage.Files
	i := slices.IndexFunc(files, func(f types.File) bool { return f.Path == path })
	if i < 0 {
		t.Fatalf("%s has no %s", host, path)
	}
	return &files[i]
}

func (c cluster) read(t *testing.T, host, path string) []byte {
	t.Helper()
	content, err := document.Content(c.file(t, host, path).Contents)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func (c cluster) write(t *testing.T, host, path string, content []byte) {
	t.Helper()
	c.file(t, host, path).Contents.Source = util.StrToPtr(dataurl.EncodeBytes(content))
}

// copy puts a file of one host in the place of one of another.
func (c cluster) copy(t *testing.T, from, path, to, as string) {
	t.Helper()
	c.write(t, to, as, c.read(t, from, path))
}

// replace edits a file.
func (c cluster) replace(t *testing.T, host, path, old, new string) {
	t.Helper()
	text := c.read(t, host, path)
	if !bytes.Contains(text, []byte(old)) {
		t.Fatalf("%s:%s does not hold %q", host, path, old)
	}
	c.write(t, host, path, bytes.ReplaceAll(text, []byte(old), []byte(new)))
}

// add puts a new file on a host.
func (c cluster) add(host, path string, content []byte) {
	d := c.docs[host]
	mode := 0o600
	f := types.File{Node: types.Node{Path: path, Overwrite: util.BoolToPtr(true)}}
	f.Mode, f.Contents.Source = &mode, util.StrToPtr(dataurl.EncodeBytes(content))
	d.Config.Storage.Files = append(d.Config.Storage.Files, f)
}

func (c cluster) prove(t *testing.T) diag.List {
	t.Helper()
	v, err := verify.New(c.plan)
	if err != nil {
		t.Fatal(err)
	}
	var out diag.List
	for _, h := range c.plan.Hosts {
		raw, err := emit.Ignition(c.docs[h.Name])
		if err != nil {
			t.Fatal(err)
		}
		out.Append(v.Host(h, c.docs[h.Name], raw))
	}
	out.Append(v.Cluster())
	return out
}

// TestTampered changes one thing in a finished build and expects that a proof
// sees it.
func TestTampered(t *testing.T) {
	const pki = "/etc/kubernetes/pki/"
	for _, test := range []struct {
		name string
		do   func(*testing.T, cluster)
		want []string // codes, each at least once, and no others
		says string
	}{
		{"nothing", func(*testing.T, cluster) {}, nil, ""},
		{"certificate of another control plane", func(t *testing.T, c cluster) { c.copy(t, "cp2", pki+"apiserver.crt", "cp1", pki+"apiserver.crt") },
			[]string{"V050"}, "not a pair"},
		{"whole pair of another host", func(t *testing.T, c cluster) {
			c.copy(t, "w2", "/var/lib/kubelet/pki/kubelet.crt", "w1", "/var/lib/kubelet/pki/kubelet.crt")
			c.copy(t, "w2", "/var/lib/kubelet/pki/kubelet.key", "w1", "/var/lib/kubelet/pki/kubelet.key")
		}, []string{"V042", "V054"}, "the same private key"},
		{"authority's key on a worker", func(t *testing.T, c cluster) { c.add("w1", "/root/ca.key", c.read(t, "cp1", pki+"ca.key")) },
			[]string{"V040", "V041"}, "is not a control plane"},
		{"client of another authority", func(t *testing.T, c cluster) {
			c.copy(t, "cp1", pki+"etcd/healthcheck-client.crt", "cp1", pki+"apiserver-kubelet-client.crt")
			c.copy(t, "cp1", pki+"etcd/healthcheck-client.key", "cp1", pki+"apiserver-kubelet-client.key")
		}, []string{"V056"}, "the kubelet on"},
		{"authority swapped", func(t *testing.T, c cluster) { c.copy(t, "cp1", pki+"front-proxy-ca.crt", "cp1", pki+"etcd/ca.crt") },
			[]string{"V043", "V054", "V056"}, "not of that authority"},
		{"server of no name", func(t *testing.T, c cluster) {
			c.replace(t, "w1", "/etc/kubernetes/kubelet.conf", "https://127.0.0.1:7443", "https://elsewhere:6443")
		},
			[]string{"V054"}, "elsewhere"},
		{"firewall shut", func(t *testing.T, c cluster) { c.replace(t, "w1", "/etc/kubespore/firewall.nft", "10250", "10251") },
			[]string{"V060"}, "port 10250"},
		{"image of no bill", func(t *testing.T, c cluster) {
			c.replace(t, "cp1", "/etc/kubernetes/manifests/etcd.yaml", "image: registry.k8s.io", "image: example.com")
		},
			[]string{"V012"}, "example.com/etcd"},
		{"flag of 2018", func(t *testing.T, c cluster) {
			c.replace(t, "cp1", "/etc/kubernetes/manifests/kube-apiserver.yaml", "--secure-port=6443", "--insecure-port=8080")
		},
			[]string{"V025"}, "--insecure-port"},
		{"key for all to read", func(t *testing.T, c cluster) { mode := 0o644; c.file(t, "cp1", pki+"apiserver.key").Mode = &mode },
			[]string{"V040"}, "mode 0644"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := ha(t)
			test.do(t, c)
			var codes, said []string
			for _, d := range c.prove(t) {
				codes, said = append(codes, d.Code), append(said, d.Path+": "+d.Message)
			}
			slices.Sort(codes)
			if !slices.Equal(slices.Compact(codes), test.want) {
				t.Errorf("codes %v, want %v\n%s", codes, test.want, strings.Join(said, "\n"))
			}
			if !strings.Contains(strings.Join(said, "\n"), test.says) {
				t.Errorf("nothing says %q:\n%s", test.says, strings.Join(said, "\n"))
			}
		})
	}
}
