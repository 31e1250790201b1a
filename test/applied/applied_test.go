//go:build real

package applied

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kubespore/kubespore/pkg/document"
)

// workspace is what all tests of the package share: the programs, and the
// examples built once.
var workspace struct {
	dir, kubespore, ignition, validate string
}

func TestMain(m *testing.M) {
	code, err := func() (int, error) {
		dir, err := os.MkdirTemp("", "kubespore-applied-")
		if err != nil {
			return 1, err
		}
		defer os.RemoveAll(dir)
		workspace.dir = dir
		workspace.kubespore = filepath.Join(dir, "kubespore")
		if out, err := exec.Command("go", "build", "-o", workspace.kubespore, "../../cmd/kubespore").CombinedOutput(); err != nil {
			return 1, fmt.Errorf("%w: %s", err, out)
		}
		tools := exec.Command("../tools/tool", "ignition", "ignition-validate")
		tools.Stderr = os.Stderr
		out, err := tools.Output()
		if err != nil {
			return 1, fmt.Errorf("test/tools/tool: %w", err)
		}
		paths := strings.Fields(string(out))
		workspace.ignition, workspace.validate = paths[0], paths[1]
		return m.Run(), nil
	}()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

// examples gives the topologies that a user starts from, and the design's.
func examples(t *testing.T) []string {
	t.Helper()
	list, err := filepath.Glob("../../examples/*.yaml")
	if err != nil || len(list) == 0 {
		t.Fatal("no examples", err)
	}
	seeds, err := filepath.Glob("../../examples/seeds/*.yaml")
	if err != nil || len(seeds) == 0 {
		t.Fatal("no seeds", err)
	}
	list = append(list, seeds...)
	return append(list, "../../testdata/topologies/design.yaml")
}

// built is a topology that was compiled, and where its hosts and keys are.
type built struct{ topology, hosts, pki string }

// build compiles a topology to Ignition, also one that names cloud-init.
func build(t *testing.T, topology string) built {
	t.Helper()
	dir := filepath.Join(workspace.dir, strings.TrimSuffix(filepath.Base(topology), ".yaml"))
	b := built{topology, filepath.Join(dir, "out", "hosts"), filepath.Join(dir, "pki")}
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		run(t, workspace.kubespore, "build", topology, "-q", "-o", filepath.Join(dir, "out"), "--pki", b.pki)
	}
	if len(representatives(t, b.hosts)) > 0 {
		return b
	}
	asked := system(t, topology)
	dir = bothDir(topology, asked)
	hosts, _ := both(t, topology, asked)
	return built{filepath.Join(dir, "ignition.yaml"), hosts, filepath.Join(dir, "pki")}
}

func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", filepath.Base(name), strings.Join(args, " "), err, out)
	}
	return string(out)
}

// representatives gives the hosts of a build that differ from each other: all of a small
// cluster, the first and last of each kind of a fleet.
func representatives(t *testing.T, hosts string) []string {
	t.Helper()
	entries, err := os.ReadDir(hosts)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		if _, err := os.Stat(filepath.Join(hosts, e.Name(), "config.ign")); err == nil {
			names = append(names, e.Name())
		}
	}
	if len(names) > 12 {
		names = append(slices.Clone(names[:6]), names[len(names)-2:]...)
	}
	return names
}

// TestIgnitionApplies runs Ignition's own fetch and files stages for a host of each kind
// of every example and holds the tree that they leave against the document.
func TestIgnitionApplies(t *testing.T) {
	needRoot(t)
	for _, topology := range examples(t) {
		b := build(t, topology)
		bill := b.bill(t)
		for _, host := range kinds(t, b.hosts) {
			t.Run(filepath.Base(topology)+"/"+host, func(t *testing.T) {
				config := filepath.Join(b.hosts, host, "config.ign")
				run(t, workspace.validate, config)
				raw, err := os.ReadFile(config)
				if err != nil {
					t.Fatal(err)
				}
				doc, err := document.Decode(host, raw, nil)
				if err != nil {
					t.Fatal(err)
				}
				root := emptyRoot(t)
				apply(t, root, config)
				sameTree(t, root, doc)
				b.explained(t, root, host)
				listed := programs(t, root)
				asBilled(t, root, listed, bill[host])
				readBySystemd(t, root, doc, listed)
				run(t, "nft", "--check", "--file", filepath.Join(root, "etc/kubespore/firewall.nft"))
			})
		}
	}
}

// needRoot skips where owners cannot be set; CI runs as root.
func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("Ignition sets owners: this needs root")
	}
}

// emptyRoot gives a folder with nothing in it but the account databases,
// without which no system can look up an owner by name.
func emptyRoot(t *testing.T) string {
	t.Helper()
	// Ignition writes a user's keys as that user, who must be able to get here.
	root, err := os.MkdirTemp("", "kubespore-root-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(root) })
	if err := os.Chmod(root, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		"passwd": "root:x:0:0:root:/root:/bin/bash\n",
		"group":  "root:x:0:\nadm:x:4:\nsudo:x:27:\nwheel:x:10:\nsystemd-journal:x:101:\ndocker:x:998:\n",
		"shadow": "root:*:19000:0:99999:7:::\n", "gshadow": "root:*::\n", "login.defs": "UID_MIN 1000\nGID_MIN 1000\n",
	} {
		if err := os.MkdirAll(filepath.Join(root, "etc"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, "etc", name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// apply runs the stages that write files and units.
func apply(t *testing.T, root, config string) {
	t.Helper()
	state := t.TempDir()
	for _, stage := range []string{"fetch", "files"} {
		c := exec.Command(workspace.ignition, "--root="+root, "--platform=file", "--stage="+stage, "--log-to-stdout",
			"--config-cache="+filepath.Join(state, "ignition.json"), "--state-file="+filepath.Join(state, "state"), "--neednet="+filepath.Join(state, "neednet"))
		c.Env = append(os.Environ(), "IGNITION_CONFIG_FILE="+config)
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("ignition %s: %v\n%s", stage, err, tail(out))
		}
	}
}

func tail(out []byte) []byte {
	lines := bytes.Split(out, []byte("\n"))
	return bytes.Join(lines[max(0, len(lines)-30):], []byte("\n"))
}

func presetsOf(t *testing.T, root string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "etc/systemd/system-preset/20-ignition.preset"))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" {
			out = append(out, line)
		}
	}
	slices.Sort(out)
	return out
}
