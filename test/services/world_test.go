//go:build oracle

package services

import (
	"bytes"
	"context"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kubespore/kubespore/pkg/compile"
	"github.com/kubespore/kubespore/pkg/document"
	"github.com/kubespore/kubespore/pkg/pki"
	"github.com/kubespore/kubespore/pkg/plan"
	"github.com/kubespore/kubespore/pkg/profile"
	"github.com/kubespore/kubespore/profiles"
)

// world is a build in memory and a network of its own.
type world struct {
	dir   string
	files map[string]map[string]document.Entry // by host and path
	space string                               // network namespace
}

// build compiles a topology of testdata.
func build(t *testing.T, name string) *world {
	t.Helper()
	return buildFile(t, filepath.Join("testdata", name))
}

func buildFile(t *testing.T, file string) *world {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	project, problems := compile.Load(file, text, profile.Source{Name: "profiles", FS: profiles.FS})
	if problems.HasErrors() {
		t.Fatal(problems)
	}
	project.ReadFiles(func(name string) ([]byte, error) { return os.ReadFile(filepath.Join(filepath.Dir(file), name)) })
	w := &world{dir: t.TempDir(), files: map[string]map[string]document.Entry{}}
	overlays := func(name string) ([]byte, fs.FS, error) {
		text, err := os.ReadFile(filepath.Join(filepath.Dir(file), name))
		return text, os.DirFS(filepath.Dir(filepath.Join(filepath.Dir(file), name))), err
	}
	_, problems = compile.Run(context.Background(), compile.Input{Project: project, Overlays: overlays, Store: pki.Memory(), Now: time.Now(),
		Each: func(h *plan.Host, d *document.Document) {
			entries, err := d.Entries()
			if err != nil {
				t.Error(err)
			}
			w.files[h.Name] = map[string]document.Entry{}
			for _, e := range entries {
				w.files[h.Name][e.Path] = e
			}
		}})
	if problems.HasErrors() {
		t.Fatal(problems)
	}
	return w
}

// file gives what a host has at a path.
func (w *world) file(t *testing.T, host, path string) string {
	t.Helper()
	e, ok := w.files[host][path]
	if !ok {
		t.Fatalf("%s has no %s", host, path)
	}
	return string(e.Content)
}

// put writes the files of a host below a prefix into the world's folder; paths
// in them then lead there.
func (w *world) put(t *testing.T, host string, prefixes ...string) {
	t.Helper()
	for path, e := range w.files[host] {
		for _, prefix := range prefixes {
			if strings.HasPrefix(path, prefix) && e.Kind == document.KindFile {
				w.write(t, path, w.moved(string(e.Content), prefixes))
			}
		}
	}
}

func (w *world) moved(text string, prefixes []string) string {
	for _, prefix := range prefixes {
		text = strings.ReplaceAll(text, prefix, w.dir+prefix)
	}
	return text
}

func (w *world) write(t *testing.T, path, text string) {
	t.Helper()
	inside := filepath.Join(w.dir, path)
	if err := os.MkdirAll(filepath.Dir(inside), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(inside, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// network makes a network namespace that has the addresses, with a hosts file.
func (w *world) network(t *testing.T, name, hosts string, addresses ...string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("a network of its own needs root")
	}
	w.space = "kubespore-" + name
	etc := "/etc/netns/" + w.space
	_ = exec.Command("ip", "netns", "delete", w.space).Run() // of a test that was killed
	run(t, "ip", "netns", "add", w.space)
	t.Cleanup(func() {
		run(t, "ip", "netns", "delete", w.space)
		_ = os.RemoveAll(etc)
	})
	if err := os.MkdirAll(etc, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(etc+"/hosts", []byte(hosts), 0o644); err != nil {
		t.Fatal(err)
	}
	run(t, "ip", "-n", w.space, "link", "set", "lo", "up")
	for _, a := range addresses {
		run(t, "ip", "-n", w.space, "address", "add", a, "dev", "lo")
	}
}

// inside gives a command in the network.
func (w *world) inside(name string, args ...string) *exec.Cmd {
	return exec.Command("ip", append([]string{"netns", "exec", w.space, name}, args...)...)
}

// start runs a daemon in the network until the test ends.
func (w *world) start(t *testing.T, c *exec.Cmd) *bytes.Buffer {
	t.Helper()
	log := &bytes.Buffer{}
	c.Stdout, c.Stderr = log, log
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Process.Kill()
		_ = c.Wait()
		if t.Failed() {
			t.Logf("%s:\n%s", strings.Join(c.Args, " "), log)
		}
	})
	return log
}

// until waits for a command in the network to succeed.
func (w *world) until(t *testing.T, what string, args ...string) string {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		out, err := w.inside(args[0], args[1:]...).CombinedOutput()
		if err == nil {
			return string(out)
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: %v\n%s", what, err, out)
		}
	}
}

func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// tools gives the paths of real programs.
func tools(t *testing.T, names ...string) []string {
	t.Helper()
	c := exec.Command("../tools/tool", names...)
	c.Stderr = os.Stderr
	out, err := c.Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(out))
}

// freePort gives a port of this machine that is free.
func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}
