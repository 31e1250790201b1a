//go:build real || oracle

package payload

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/kubespore/kubespore/pkg/document"
)

const host = "node1"

// world is a topology with its bundle, lock and documents.
type world struct {
	dir, bundle string
	programs    map[string]string // path on the host -> sha256
	files       map[string]string // path on the host -> file of the bundle
	images      []string          // references
}

// newWorld packs a payload of small stand-ins with the product's own command
// and builds the documents that lock it.
func newWorld(t *testing.T, profiles string) *world {
	t.Helper()
	return newWorldOf(t, profiles, "")
}

// newWorldOf has more hosts, lines of the topology.
func newWorldOf(t *testing.T, profiles, hosts string) *world {
	t.Helper()
	return newWorldFrom(t, topology(t, "  flannel: {}\n"+profiles)+hosts)
}

// topology is the example of one host, with profiles in place of its own.
func topology(t *testing.T, profiles string) string {
	t.Helper()
	text, err := os.ReadFile("../../examples/single.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimRight(strings.Replace(string(text), "  flannel: {}\n", profiles, 1), "\n") + "\n"
}

// newWorldFrom takes the whole topology.
func newWorldFrom(t *testing.T, topology string) *world {
	t.Helper()
	return newWorldFromWith(t, topology, func(*world) {})
}

// newWorldFromWith puts more among the parts before they are packed.
func newWorldFromWith(t *testing.T, topology string, more func(*world)) *world {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("a root of its own needs root")
	}
	w := &world{dir: t.TempDir(), programs: map[string]string{}, files: map[string]string{}}
	w.bundle = filepath.Join(w.dir, "payload")
	write(t, filepath.Join(w.dir, "single.yaml"), []byte(topology))
	more(w)
	w.sources(t)
	w.kubespore(t, "payload", "pack", "--from", "parts", "single.yaml")
	w.kubespore(t, "build", "single.yaml")
	w.kubespore(t, "payload", "verify", "single.yaml", "payload")
	for _, line := range w.list(t, "binaries") {
		w.programs[line[0]], w.files[line[0]] = line[2], line[3]
	}
	for _, line := range w.list(t, "images") {
		w.images = append(w.images, line[0])
	}
	return w
}

// kubespore runs the program as it stands in this tree.
func (w *world) kubespore(t *testing.T, args ...string) []byte {
	t.Helper()
	c := exec.Command(program(t), args...)
	c.Dir = w.dir
	out, err := c.Output()
	if err != nil {
		t.Fatalf("kubespore %s: %v\n%s%s", strings.Join(args, " "), err, out, err.(*exec.ExitError).Stderr)
	}
	return out
}

// sources makes a stand-in for each part of the bill: scripts that say their
// name, and images of random bytes.
func (w *world) sources(t *testing.T) {
	t.Helper()
	for _, line := range strings.Split(string(w.kubespore(t, "payload", "list", "--script", "single.yaml")), "\n") {
		words := strings.Split(strings.ReplaceAll(line, "'", ""), " ")
		switch words[0] {
		case "program":
			if len(words) == 6 {
				write(t, filepath.Join(w.dir, "parts", words[1]), []byte("#!/bin/sh\necho "+words[1]+"\n"+strings.Repeat("#", 200_000)))
			}
		case "image":
			if len(words) == 5 && !strings.Contains(words[2], "@") {
				saveImage(t, filepath.Join(w.dir, "parts", words[1]), words[2], words[3])
			}
		}
	}
}

// imageBytes is the size of the one file in an image.
const imageBytes = 50_000

func saveImage(t *testing.T, file, ref, arch string) {
	t.Helper()
	i, err := random.Image(imageBytes, 1)
	if err != nil {
		t.Fatal(err)
	}
	config, err := i.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config.OS, config.Architecture = "linux", arch
	var image v1.Image
	if image, err = mutate.ConfigFile(i, config); err != nil {
		t.Fatal(err)
	}
	tag, err := name.NewTag(ref)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := tarball.WriteToFile(file, tag, image); err != nil {
		t.Fatal(err)
	}
}

// document reads the host's document.
func (w *world) document(t *testing.T) *document.Document {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(w.dir, "out/hosts", host, "config.ign"))
	if err != nil {
		t.Fatal(err)
	}
	doc, err := document.Decode(host, raw, nil)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// list gives the words of the lines of a list in the document.
func (w *world) list(t *testing.T, which string) [][]string {
	t.Helper()
	entries, err := w.document(t).Entries()
	if err != nil {
		t.Fatal(err)
	}
	var out [][]string
	for _, e := range entries {
		if e.Path != "/etc/kubespore/"+which {
			continue
		}
		for line := range strings.Lines(string(e.Content)) {
			words := strings.Fields(line)
			if len(words) != 4 {
				t.Fatalf("%s is not locked: %s", which, line)
			}
			out = append(out, words)
		}
	}
	return out
}

// machine is a root with the files of the document that concern the payload.
type machine struct{ root string }

func (w *world) machine(t *testing.T) *machine {
	t.Helper()
	m := &machine{t.TempDir()}
	entries, err := w.document(t).Entries()
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Kind == document.KindFile && (strings.HasPrefix(e.Path, "/opt/kubespore/") || strings.HasPrefix(e.Path, "/etc/kubespore/") || e.Path == "/etc/containerd/config.toml") {
			write(t, filepath.Join(m.root, e.Path), e.Content)
			if err := os.Chmod(filepath.Join(m.root, e.Path), os.FileMode(e.Mode)); err != nil {
				t.Fatal(err)
			}
		}
	}
	return m
}

// command runs a script of the machine in its root, in a mount namespace that
// ends with it, as PrivateMounts= gives it.
func (m *machine) command(ctx context.Context, script string) *exec.Cmd {
	const enter = `
root=$1 script=$2
mount --rbind "$root" "$root" # a root is a mount of its own, with the disks below it
for d in usr dev proc sys; do mkdir -p "$root/$d"; mount --rbind "/$d" "$root/$d"; done
for d in bin sbin lib lib64; do [ -e "$root/$d" ] || ln -s "usr/$d" "$root/$d"; done
mkdir -p "$root"/{run,tmp,etc,var/lib}
exec chroot "$root" /usr/bin/env PATH=/opt/bin:/usr/sbin:/usr/bin:/sbin:/bin "$script"`
	c := exec.CommandContext(ctx, "unshare", "--mount", "--uts", "--propagation", "private", "bash", "-euc", enter, "enter", m.root, script)
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	c.Cancel = func() error { return syscall.Kill(-c.Process.Pid, syscall.SIGKILL) }
	return c
}

// run gives a script some time, then cuts the power. It says whether it ended by
// itself, and what it said.
func (m *machine) run(t *testing.T, script string, power time.Duration) (bool, string) {
	t.Helper()
	ctx, cut := context.WithTimeout(context.Background(), power)
	defer cut()
	out, err := m.command(ctx, script).CombinedOutput()
	if ctx.Err() == nil && err != nil {
		t.Fatalf("%s: %v\n%s", script, err, out)
	}
	return ctx.Err() == nil, string(out)
}

// runUntil gives a script power until the console is told that it waits for
// something, however long that takes, and gives what it said.
func (m *machine) runUntil(t *testing.T, script, something string) string {
	t.Helper()
	waiting := filepath.Join(m.root, "run/kubespore/waiting")
	if err := os.RemoveAll(waiting); err != nil {
		t.Fatal(err)
	}
	ctx, cut := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cut()
	c := m.command(ctx, script)
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	for told := ""; !strings.Contains(told, something) && ctx.Err() == nil; time.Sleep(50 * time.Millisecond) {
		// One of the units tells it.
		for _, unit := range []string{"kubespore-binaries", "kubespore-images"} {
			text, _ := os.ReadFile(filepath.Join(waiting, unit+".service"))
			told += string(text)
		}
	}
	late := ctx.Err()
	cut()
	_ = c.Wait()
	if late != nil {
		t.Fatalf("%s does not wait for %s:\n%s", script, something, out.String())
	}
	return out.String()
}

const installer = "/opt/kubespore/bin/kubespore-binaries"

// check compares the programs with the lock. Until all are there some may be
// missing, and none may ever be anything else.
func (m *machine) check(t *testing.T, w *world, all bool) {
	t.Helper()
	for path, want := range w.programs {
		text, err := os.ReadFile(filepath.Join(m.root, path))
		if err != nil && !all {
			continue
		}
		if err != nil || sum(text) != want {
			t.Errorf("%s is not the program that was locked: %v", path, err)
		}
	}
}

func sum(text []byte) string {
	s := sha256.Sum256(text)
	return hex.EncodeToString(s[:])
}

func write(t *testing.T, name string, text []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, text, 0o755); err != nil {
		t.Fatal(err)
	}
}

// bake puts the bundle into the machine's image.
func (m *machine) bake(t *testing.T, w *world) string {
	t.Helper()
	dir := filepath.Join(m.root, "var/lib/kubespore/payload")
	if err := os.CopyFS(dir, os.DirFS(w.bundle)); err != nil {
		t.Fatal(err)
	}
	return dir
}

// flip changes one bit in the middle of a file, and changes it back.
func flip(t *testing.T, file string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text[len(text)/2] ^= 1
	write(t, file, text)
}

// fileOf is a file of the document.
func (w *world) fileOf(t *testing.T, path string) string {
	t.Helper()
	entries, err := w.document(t).Entries()
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Path == path {
			return string(e.Content)
		}
	}
	t.Fatalf("the document has no %s", path)
	return ""
}
