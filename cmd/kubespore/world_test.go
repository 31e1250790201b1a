package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// epoch is the clock of builds in tests.
const epoch = "1767225600" // 2026-01-01

// world is a folder as a user has one: a topology, its store, its build.
type world struct {
	t   testing.TB
	dir string
}

// header is a topology without hosts.
const header = `apiVersion: kubespore/v1alpha1
kind: Topology
cluster: {name: prod, endpoint: 192.168.200.240:6443}
kubernetes: {version: v1.37.2}
network:
  pods: [10.240.0.0/12]
  services: [10.96.0.0/16]
os: flatcar
access:
  users: [{name: core, sshAuthorizedKeys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMmlbKyk8RGLq4y5xqGGRVlXYcW0Y7T1U8Fz2sJpYqmS core]}]
profiles:
  keepalived: {}
hosts:
`

// newWorld has three control planes and two workers.
func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t, t.TempDir()}
	w.hosts("cp1", "cp2", "cp3", "w1", "w2")
	return w
}

// hosts writes the topology. Names that begin with cp are control planes; a
// host's address follows from its name alone.
func (w *world) hosts(names ...string) {
	w.t.Helper()
	var b strings.Builder
	b.WriteString(header)
	for _, name := range names {
		role := "worker"
		if strings.HasPrefix(name, "cp") {
			role = "control-plane"
		}
		sum := fnv.New32a()
		sum.Write([]byte(name))
		n := sum.Sum32()%64000 + 300
		fmt.Fprintf(&b, "  - {name: %s, roles: [%s], address: 192.168.%d.%d/16}\n", name, role, n>>8, n&0xff)
	}
	w.write("prod.yaml", b.String())
}

// twin is a copy of a world as it stands now, modes included.
func (w *world) twin(t testing.TB) *world {
	t.Helper()
	dir := t.TempDir()
	if err := copyTree(w.dir, dir); err != nil {
		t.Fatal(err)
	}
	return &world{t, dir}
}

// copyTree copies what is in a folder, with modes and times.
func copyTree(from, to string) error {
	return exec.Command("cp", "-a", from+"/.", to).Run()
}

func (w *world) path(name string) string { return filepath.Join(w.dir, name) }

func (w *world) write(name, text string) {
	w.t.Helper()
	if err := os.WriteFile(w.path(name), []byte(text), 0o644); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) read(name string) string {
	w.t.Helper()
	text, err := os.ReadFile(w.path(name))
	if err != nil {
		w.t.Fatal(err)
	}
	return string(text)
}

// store is the folder of keys.
func (w *world) store() string { return w.path("prod.pki") }

// kubespore runs the program in this process.
func (w *world) kubespore(args ...string) (code int, stdout, stderr string) {
	w.t.Helper()
	var out, problems bytes.Buffer
	env := map[string]string{"SOURCE_DATE_EPOCH": epoch}
	code = run(context.Background(), &sync.WaitGroup{}, args, strings.NewReader(""), &out, &problems, func(name string) string { return env[name] })
	return code, out.String(), problems.String()
}

// buildArgs are the arguments of a build of this world.
func (w *world) buildArgs() []string {
	return []string{"build", "-o", w.path("out"), w.path("prod.yaml")}
}

func (w *world) mustBuild() {
	w.t.Helper()
	if code, _, stderr := w.kubespore(w.buildArgs()...); code != exitFine {
		w.t.Fatalf("build: exit code %d\n%s", code, stderr)
	}
}

// tree gives every file below a folder with the digest of its bytes.
func (w *world) tree(dir string) map[string]string {
	w.t.Helper()
	out := map[string]string{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(filepath.Join(dir, path))
		sum := sha256.Sum256(text)
		out[path] = hex.EncodeToString(sum[:])
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

// manifest is what the tests need of manifest.json.
type manifest struct {
	Files []struct {
		Path   string `json:"path"`
		SHA256 string `json:"sha256"`
		Host   string `json:"host"`
	} `json:"files"`
}

// checkOut fails unless out/ is absent or exactly what its manifest says.
func (w *world) checkOut() {
	w.t.Helper()
	out := w.path("out")
	if _, err := os.Stat(out); os.IsNotExist(err) {
		return
	}
	tree := w.tree(out)
	var m manifest
	if err := json.Unmarshal([]byte(w.read("out/manifest.json")), &m); err != nil {
		w.t.Fatal(err)
	}
	if len(m.Files) == 0 {
		w.t.Fatal("the manifest lists no file")
	}
	delete(tree, "manifest.json")
	for _, f := range m.Files {
		if tree[f.Path] != f.SHA256 {
			w.t.Errorf("out/%s is not what the manifest says", f.Path)
		}
		delete(tree, f.Path)
	}
	for path := range tree {
		w.t.Errorf("out/%s is in no manifest", path)
	}
}

// checkStore fails unless every earlier file of the store is as it was and the
// whole is sound.
func (w *world) checkStore(before map[string]string) {
	w.t.Helper()
	if _, err := os.Stat(w.store()); os.IsNotExist(err) && len(before) == 0 {
		return
	}
	after := w.tree(w.store())
	for name, sum := range before {
		if strings.HasSuffix(name, ".key") && after[name] != sum {
			w.t.Errorf("the store lost %s or has another", name)
		}
	}
	if code, _, stderr := w.kubespore("pki", "verify", "--pki", w.store()); code != exitFine {
		w.t.Errorf("pki verify: exit code %d\n%s", code, stderr)
	}
}
