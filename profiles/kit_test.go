package profiles_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/kubespore/kubespore/pkg/compile/compiletest"
	"github.com/kubespore/kubespore/pkg/document"
	"github.com/kubespore/kubespore/pkg/inspect"
	"github.com/kubespore/kubespore/pkg/kit"
	"github.com/kubespore/kubespore/pkg/pki"
	"github.com/kubespore/kubespore/pkg/profile"
	"github.com/kubespore/kubespore/profiles"
)

const (
	kitProgram = "/opt/kubespore/bin/kubespore-kit"
	signingKey = "/etc/kubespore/signing.pub"
	archives   = "/var/lib/kubespore/images" // which a kit leaves there where no container runtime runs
)

// signer is a cluster's store that holds a signing key alone.
type signer struct {
	store  *pki.Store
	public string
}

func newSigner(t *testing.T) signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, text := range map[string][]byte{
		"store.json":          []byte(`{"version": 1, "cluster": "any"}`),
		"cluster/signing.key": pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: private}),
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	store, err := pki.OpenReadOnly(dir, pki.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return signer{store, string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}))}
}

// changed is a topology with some of its values set to others.
func changed(t *testing.T, file string, change func(map[string]any)) []byte {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var topology map[string]any
	if err := yaml.Unmarshal(text, &topology); err != nil {
		t.Fatal(err)
	}
	change(topology)
	if text, err = yaml.Marshal(topology); err != nil {
		t.Fatal(err)
	}
	return text
}

func compiled(t *testing.T, file string, text []byte, host string, when time.Time) *document.Document {
	t.Helper()
	doc, list := compiletest.Document(file, text, host, os.DirFS(filepath.Dir(file)).(fs.ReadFileFS).ReadFile, when, profile.Source{Name: "profiles", FS: profiles.FS})
	if list.HasErrors() {
		t.Fatalf("%s: %v", host, list)
	}
	return doc
}

// kitFor writes the kit that leads from some states to a document into a root.
func (m *chroot) kitFor(t *testing.T, s signer, to *document.Document, made time.Time, earlier ...document.State) *kit.Kit {
	t.Helper()
	readers, err := inspect.Readers(to)
	if err != nil {
		t.Fatal(err)
	}
	return m.putKit(t, s, kit.Input{Host: to.Host, Made: made, Document: to, Earlier: earlier,
		Restarts: func(path string) (units, pods []string) { n := readers(path); return n.Restart, n.Pods }})
}

// putKit writes a kit of this machine's cluster into a root.
func (m *chroot) putKit(t *testing.T, s signer, in kit.Input) *kit.Kit {
	t.Helper()
	in.Cluster = m.cluster(t)
	k, err := kit.Make(in)
	if err != nil {
		t.Fatal(err)
	}
	signature, err := s.store.Sign(kit.Purpose, k.Text)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(m.path("/media")); err != nil {
		t.Fatal(err)
	}
	m.put(t, "/media/kit", string(k.Text), 0o600)
	m.put(t, "/media/kit.sig", string(signature), 0o600)
	m.put(t, "/media/program", kit.Program(), 0o600)
	for sum, content := range k.Files {
		m.put(t, "/media/files/"+sum, string(content), 0o600)
	}
	return k
}

func (m *chroot) cluster(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(m.path("/etc/kubespore/kit"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if name, ok := strings.CutPrefix(line, "cluster="); ok {
			return strings.TrimSpace(name)
		}
	}
	t.Fatal("the machine does not know its cluster")
	return ""
}

// booted is a root after the first boot of a document: owners are all root, by
// other names.
func booted(t *testing.T, s signer, doc *document.Document) *chroot {
	t.Helper()
	m := layOut(t, doc)
	entries, err := doc.Entries()
	if err != nil {
		t.Fatal(err)
	}
	accounts, groups := map[string]bool{"root": true}, map[string]bool{"root": true}
	for _, e := range entries {
		accounts[e.User], groups[e.Group] = true, true
	}
	var passwd, group strings.Builder
	for name := range accounts {
		fmt.Fprintf(&passwd, "%s:x:0:0::/:/bin/sh\n", name)
	}
	for name := range groups {
		fmt.Fprintf(&group, "%s:x:0:\n", name)
	}
	m.put(t, "/etc/passwd", passwd.String(), 0o644)
	m.put(t, "/etc/group", group.String(), 0o644)
	m.put(t, signingKey, s.public, 0o644)
	// Nothing here outlives a power cut, and a busy disk takes minutes to sync.
	m.put(t, "/opt/bin/sync", "#!/bin/sh\n", 0o755)
	return m
}

// tree gives every file, link and folder of a root with its mode and content.
func (m *chroot) tree(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(m.root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(path, m.root)
		switch name {
		case "/usr", "/proc", "/dev", "/sys", "/tmp", "/run", "/media", "/var/lib/kubespore/kit", archives:
			return fs.SkipDir
		case "/etc/passwd", "/etc/group", "/bin", "/lib", "/lib64", "/sbin", "/lib32", "/etc/alternatives", "/etc/ld.so.cache", "/opt/bin/mv", "/opt/bin/sync":
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		switch {
		case info.Mode()&fs.ModeSymlink != 0:
			target, err := os.Readlink(path)
			out[name] = "link " + target
			return err
		case info.Mode().IsRegular():
			text, err := os.ReadFile(path)
			out[name] = fmt.Sprintf("%v %s", info.Mode(), text)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// unequal says in what two trees differ.
func unequal(a, b map[string]string) []string {
	var out []string
	for name, text := range a {
		if other, ok := b[name]; !ok {
			out = append(out, name+" is in one only")
		} else if other != text {
			out = append(out, name+" differs")
		}
	}
	for name := range b {
		if _, ok := a[name]; !ok {
			out = append(out, name+" is in the other only")
		}
	}
	slices.Sort(out)
	return out
}

// TestKitEqualsFirstBoot holds a machine that booted from one build and took the
// kit of another against one that booted from that: byte for byte the same.
// It does so for each kind of host of every example.
func TestKitEqualsFirstBoot(t *testing.T) {
	s := newSigner(t)
	for _, file := range kitExamples(t) {
		for _, host := range oneOfEachKind(t, file) {
			t.Run(strings.TrimSuffix(strings.TrimPrefix(file, "../examples/"), ".yaml")+"/"+host, func(t *testing.T) {
				t.Parallel()
				text, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				from, old := locked(t, compiled(t, file, text, host, now), "old")
				later := now.AddDate(0, 3, 0)
				to, new := locked(t, compiled(t, file, changed(t, file, flagAndHost), host, later), "new")
				state, err := from.State()
				if err != nil {
					t.Fatal(err)
				}
				m, other := booted(t, s, from), booted(t, s, to)
				m.install(t, old)
				other.install(t, new)
				want, before := other.tree(t), m.tree(t)
				k := m.kitFor(t, s, to, later, state)
				for _, part := range k.Payload() {
					m.put(t, "/media/_payload/"+part.File, new[part.Name], 0o644)
				}
				if len(k.From) == 1 && len(k.From[0].Programs) == 0 && len(old) > 0 {
					t.Error("the kit exchanges no program")
				}
				if len(k.From) != 1 || len(k.Not) > 0 {
					t.Fatalf("%d differences; not: %+v", len(k.From), k.Not)
				}
				m.run(t, kitProgram, "apply", "/media")
				if diff := unequal(m.tree(t), want); len(diff) > 0 {
					t.Errorf("after the kit the machine is not what a first boot makes:\n%s", strings.Join(diff, "\n"))
				}
				if out := m.run(t, kitProgram, "apply", "/media"); !strings.Contains(out, "nothing to do") {
					t.Errorf("the second time: %s", out)
				}
				m.run(t, kitProgram, "back")
				if diff := unequal(m.tree(t), before); len(diff) > 0 {
					t.Errorf("after back the machine is not what it was:\n%s", strings.Join(diff, "\n"))
				}
			})
		}
	}
}

// flagAndHost changes a setting of every node and adds a worker.
func flagAndHost(topology map[string]any) {
	p, _ := topology["profiles"].(map[string]any)
	if p == nil {
		p = map[string]any{}
		topology["profiles"] = p
	}
	kubelet, _ := p["kubelet"].(map[string]any)
	if kubelet == nil {
		kubelet = map[string]any{}
		p["kubelet"] = kubelet
	}
	kubelet["maxPods"] = 77
	if firewall, _ := p["firewall"].(map[string]any); firewall["nodes"] != nil {
		return // the list of who may come in would want the new host, too
	}
	hosts := topology["hosts"].([]any)
	for _, h := range hosts {
		// One more like a worker that is there, at an address that nothing has.
		h := h.(map[string]any)
		address, _ := h["address"].(string)
		if roles, _ := h["roles"].([]any); len(roles) != 1 || roles[0] != "worker" || address == "" {
			continue
		}
		more := map[string]any{}
		for key, value := range h {
			more[key] = value
		}
		delete(more, "mac")
		delete(more, "interfaces")
		host, bits, _ := strings.Cut(address, "/")
		i := strings.LastIndexAny(host, ".:")
		more["name"], more["address"] = "more", host[:i+1]+"97/"+bits
		topology["hosts"] = append(hosts, more)
		return
	}
}

func kitExamples(t *testing.T) []string {
	t.Helper()
	var out []string
	for _, pattern := range []string{"../examples/*.yaml", "../examples/seeds/*.yaml"} {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			t.Fatal(pattern, err)
		}
		out = append(out, found...)
	}
	return out
}

// oneOfEachKind names the first host of every set of roles.
func oneOfEachKind(t *testing.T, file string) []string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var topology struct {
		Hosts []struct {
			Name  string
			Roles []string
		}
	}
	if err := yaml.Unmarshal(text, &topology); err != nil {
		t.Fatal(err)
	}
	var out []string
	seen := map[string]bool{}
	for _, h := range topology.Hosts {
		if roles := strings.Join(h.Roles, " "); h.Name != "" && !seen[roles] {
			seen[roles] = true
			out = append(out, h.Name)
		}
	}
	return out
}
