//go:build oracle

package oracle

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/kubespore/kubespore/pkg/document"
	"github.com/kubespore/kubespore/pkg/topology"
)

// workspace is what all tests of the package share.
var workspace struct {
	dir, kubespore string
}

func TestMain(m *testing.M) {
	run := outside
	if dir := os.Getenv(insideOf); dir != "" {
		open(dir)
		run = inside
	}
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

func open(dir string) {
	workspace.dir, workspace.kubespore = dir, filepath.Join(dir, "kubespore")
}

// outside gets the programs, for which it may need the network, and then runs
// the tests: as root in namespaces of their own.
func outside(m *testing.M) (int, error) {
	dir, err := os.MkdirTemp("", "kubespore-oracle-")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir)
	open(dir)
	if out, err := exec.Command("go", "build", "-o", workspace.kubespore, "../../cmd/kubespore").CombinedOutput(); err != nil {
		return 1, fmt.Errorf("%w: %s", err, out)
	}
	if err := linkTools(); err != nil {
		return 1, err
	}
	if os.Geteuid() != 0 {
		return m.Run(), nil
	}
	return enclose()
}

// linkTools asks test/tools for all programs at once.
func linkTools() error {
	names := []string{"etcd", "etcdctl", "ignition"}
	for _, minor := range minors() {
		for _, program := range []string{"kubeadm", "kubectl", "kube-apiserver", "kube-controller-manager", "kube-scheduler"} {
			names = append(names, program+"@"+minor)
		}
	}
	c := exec.Command("../tools/tool", names...)
	c.Stderr = os.Stderr
	out, err := c.Output()
	if err != nil {
		return fmt.Errorf("test/tools/tool: %w", err)
	}
	if err := os.Mkdir(tool(""), 0o755); err != nil {
		return err
	}
	for i, path := range strings.Fields(string(out)) {
		if err := os.Symlink(path, tool(names[i])); err != nil {
			return err
		}
	}
	return nil
}

// tool gives the path of a real program.
func tool(name string) string { return filepath.Join(workspace.dir, "tools", name) }

// minors gives the Kubernetes minors that the oracle is asked for.
func minors() []string {
	if list := strings.Fields(os.Getenv("KUBESPORE_MINORS")); len(list) > 0 {
		return list
	}
	return []string{"1.37"}
}

// eachMinor runs a test for every minor.
func eachMinor(t *testing.T, test func(t *testing.T, minor string)) {
	for _, minor := range minors() {
		t.Run(minor, func(t *testing.T) { test(t, minor) })
	}
}

// cluster is an example, built for one minor.
type cluster struct {
	*topology.Topology
	hosts string // folder of the documents
}

// build compiles an example for a minor, once.
func build(t *testing.T, example, minor string) cluster {
	t.Helper()
	return buildText(t, example, minor, contents(t, filepath.Join("../../examples", example+".yaml")), nil)
}

// buildText compiles a topology that stands next to other files, once.
func buildText(t *testing.T, example, minor string, text []byte, beside tree) cluster {
	t.Helper()
	version := strings.TrimSpace(run(t, tool("kubeadm@"+minor), "version", "--output=short"))
	text = regexp.MustCompile(`version: v1\.\d+\.\d+`).ReplaceAll(text, []byte("version: "+version))
	dir := filepath.Join(workspace.dir, minor, example)
	file, out := filepath.Join(dir, example+".yaml"), filepath.Join(dir, "out")
	if _, err := os.Stat(out); err != nil {
		write(t, file, text)
		for name, content := range beside {
			write(t, filepath.Join(dir, name), content)
		}
		run(t, workspace.kubespore, "build", file, "--quiet", "-o", out, "--pki", filepath.Join(dir, "pki"))
	}
	top, problems := topology.Parse(file, text, topology.Known{Systems: map[string][]string{"debian": {"cloud-init", "ignition"}, "fedora-coreos": {"ignition"}}})
	if problems.HasErrors() || top.Kubernetes.Version != version {
		t.Fatalf("%s: %v", file, problems)
	}
	return cluster{top, filepath.Join(out, "hosts")}
}

// host gives a host of the topology.
func (c cluster) host(t *testing.T, name string) topology.Host {
	t.Helper()
	for _, h := range c.Hosts {
		if h.Name == name {
			return h
		}
	}
	t.Fatalf("no host %s", name)
	return topology.Host{}
}

// files gives what the document of a host writes.
func (c cluster) files(t *testing.T, host string) tree {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(c.hosts, host, "config.ign"))
	if err != nil {
		t.Fatal(err)
	}
	doc, err := document.Decode(host, raw, nil)
	if err != nil {
		t.Fatal(err)
	}
	entries, err := doc.Entries()
	if err != nil {
		t.Fatal(err)
	}
	files := tree{}
	for _, e := range entries {
		if e.Kind == document.KindFile || e.Kind == document.KindUnit {
			files[e.Path] = e.Content
		}
	}
	for _, e := range entries {
		if e.Kind == document.KindLink && files[e.Target] != nil {
			files[e.Path] = files[e.Target]
		}
	}
	return files
}

func contents(t *testing.T, file string) []byte {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	return output(t, exec.Command(name, args...))
}

// output gives what a command prints, which must succeed.
func output(t *testing.T, c *exec.Cmd) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	c.Stdout, c.Stderr = &stdout, &stderr
	if err := c.Run(); err != nil {
		t.Fatalf("%s: %v\n%s%s", strings.Join(c.Args, " "), err, tail(stdout.Bytes()), tail(stderr.Bytes()))
	}
	return stdout.String()
}

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}
