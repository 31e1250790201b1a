//go:build real

package applied

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
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

// build compiles a topology to Ignition, also one that asks for cloud-init.
func build(t *testing.T, topology string) built {
	t.Helper()
	dir := filepath.Join(workspace.dir, strings.TrimSuffix(filepath.Base(topology), ".yaml"))
	b := built{topology, filepath.Join(dir, "out", "hosts"), filepath.Join(dir, "pki")}
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		run(t, workspace.kubespore, "build", topology, "-q", "-o", filepath.Join(dir, "out"), "--pki", b.pki)
	}
	if len(some(t, b.hosts)) > 0 {
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

// some gives the hosts of a build that differ from each other: all of a small
// cluster, the first and last of each kind of a fleet.
func some(t *testing.T, hosts string) []string {
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

// TestIgnitionApplies runs Ignition's own fetch and files stages for the hosts
// of every example and holds the tree that they leave against the document.
func TestIgnitionApplies(t *testing.T) {
	needRoot(t)
	for _, topology := range examples(t) {
		b := build(t, topology)
		bill := b.bill(t)
		hosts := some(t, b.hosts)
		if strings.Contains(topology, "/seeds/") { // one host of each kind: TestTwoTreesOneTruth applies them too
			hosts = kinds(t, b.hosts)
		}
		for _, host := range hosts {
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

// sameTree holds a root against a document: every path that the document says,
// with its bytes, mode and owner, and none besides.
func sameTree(t *testing.T, root string, doc *document.Document) {
	t.Helper()
	entries, err := doc.Entries()
	if err != nil {
		t.Fatal(err)
	}
	said := map[string]bool{}
	var presets []string
	for _, e := range entries {
		said[e.Path] = true
		if e.Enabled != nil && *e.Enabled {
			presets = append(presets, "enable "+e.Unit)
		}
		switch {
		case e.Kind == document.KindUnit && e.Masked:
			e.Kind, e.Target = document.KindLink, "/dev/null"
		case e.Kind == document.KindUnit && len(e.Content) == 0:
			continue // only enabled: the image has the unit
		}
		same(t, root, e)
	}
	slices.Sort(presets)
	if got := presetsOf(t, root); !slices.Equal(got, presets) {
		t.Errorf("units enabled by preset:\n%v\nwant\n%v", got, presets)
	}
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		rel := strings.TrimPrefix(path, root)
		if err == nil && !d.IsDir() && !said[rel] && !ofIgnition(rel) {
			t.Errorf("%s is in the root, but not in the document", rel)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// explained holds the tree against what `explain` says of it to a user.
func (b built) explained(t *testing.T, root, host string) {
	t.Helper()
	out, err := exec.Command(workspace.kubespore, "explain", b.topology, host, "--pki", b.pki, "--format=json").Output()
	if err != nil {
		t.Fatalf("explain: %v\n%s", err, out)
	}
	var said struct {
		Result []struct {
			Path, Kind, Mode string
			Size             int64
			Writer           struct{ Profile string }
		}
	}
	if err := json.Unmarshal(out, &said); err != nil || len(said.Result) == 0 {
		t.Fatalf("explain: %v\n%s", err, out)
	}
	for _, e := range said.Result {
		info, err := os.Lstat(filepath.Join(root, e.Path))
		switch {
		case e.Writer.Profile == "":
			t.Errorf("explain does not say who wrote %s", e.Path)
		case e.Path == "":
			// An account or a disk.
		case e.Kind == document.KindUnit && e.Size == 0:
			// Enabled or masked: a unit of the image.
		case err != nil:
			t.Errorf("explain names %s: %v", e.Path, err)
		case e.Kind == document.KindLink:
		case fmt.Sprintf("%04o", info.Mode().Perm()) != e.Mode || info.Mode().IsRegular() && info.Size() != e.Size:
			t.Errorf("explain says %s of %d bytes of %s; it has %04o and %d", e.Mode, e.Size, e.Path, info.Mode().Perm(), info.Size())
		}
	}
}

// ofIgnition are the files that Ignition writes for itself, and those of
// accounts, which it makes with the system's own programs.
func ofIgnition(path string) bool {
	switch path {
	case "/etc/.ignition-result.json", "/etc/systemd/system-preset/20-ignition.preset":
		return true
	}
	for _, name := range []string{"passwd", "group", "shadow", "gshadow", "login.defs", "subuid", "subgid", ".pwd.lock"} {
		if path == "/etc/"+name || path == "/etc/"+name+"-" {
			return true
		}
	}
	return strings.Contains(path, "/.ssh/authorized_keys") || strings.HasPrefix(path, "/var/mail/") || strings.HasPrefix(path, "/home/")
}

// same compares one path.
func same(t *testing.T, root string, e document.Entry) {
	t.Helper()
	path := filepath.Join(root, e.Path)
	info, err := os.Lstat(path)
	if err != nil {
		t.Errorf("%s: %v", e.Path, err)
		return
	}
	stat := info.Sys().(*syscall.Stat_t)
	if uid, gid := ids(t, root, e); stat.Uid != uid || stat.Gid != gid {
		t.Errorf("%s: owner %d:%d, want %d:%d", e.Path, stat.Uid, stat.Gid, uid, gid)
	}
	if e.Kind == document.KindLink {
		if target, err := os.Readlink(path); err != nil || target != e.Target {
			t.Errorf("%s: points at %q (%v), want %q", e.Path, target, err, e.Target)
		}
		return
	}
	if int(info.Mode().Perm()) != e.Mode {
		t.Errorf("%s: mode %04o, want %04o", e.Path, info.Mode().Perm(), e.Mode)
	}
	if e.Kind == document.KindDirectory {
		return
	}
	content, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(content, e.Content) {
		t.Errorf("%s: %d bytes (%v), want %d", e.Path, len(content), err, len(e.Content))
	}
}

// ids looks an owner up in the root's own account databases.
func ids(t *testing.T, root string, e document.Entry) (uid, gid uint32) {
	t.Helper()
	return lookup(t, root, "passwd", e.User), lookup(t, root, "group", e.Group)
}

func lookup(t *testing.T, root, database, name string) uint32 {
	t.Helper()
	if n, err := strconv.Atoi(name); err == nil {
		return uint32(n)
	}
	text, err := os.ReadFile(filepath.Join(root, "etc", database))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if f := strings.Split(line, ":"); f[0] == name {
			n, err := strconv.Atoi(f[2])
			if err != nil {
				t.Fatal(err)
			}
			return uint32(n)
		}
	}
	t.Errorf("%s is not in %s", name, database)
	return 0
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

// readBySystemd lets systemd-analyze verify every unit in a file system that
// is this machine's with the document's tree over it. The programs of the bill
// of materials stand in as empty executables at exactly their paths.
func readBySystemd(t *testing.T, root string, doc *document.Document, programs []string) {
	t.Helper()
	for _, path := range programs {
		inside := filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(inside), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(inside, nil, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	merged := overlay(t, root)
	entries, err := doc.Entries()
	if err != nil {
		t.Fatal(err)
	}
	var units []string
	for _, e := range entries {
		if e.Kind == document.KindUnit && len(e.Content) > 0 && !strings.Contains(e.Unit, "@.") {
			units = append(units, e.Path)
		}
	}
	c := exec.Command("systemd-analyze", append([]string{"verify", "--man=no", "--generators=no"}, units...)...)
	c.SysProcAttr = &syscall.SysProcAttr{Chroot: merged}
	c.Dir = "/"
	if out, err := c.CombinedOutput(); err != nil || len(bytes.TrimSpace(out)) > 0 {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
}

// overlay mounts this machine's root with another over it.
func overlay(t *testing.T, upper string) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "kubespore-overlay-")
	if err != nil {
		t.Fatal(err)
	}
	merged, work := filepath.Join(dir, "merged"), filepath.Join(dir, "work")
	up := filepath.Join(dir, "upper")
	for _, d := range []string{merged, work, up} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	run(t, "cp", "-a", upper+"/.", up)
	// /dev is a mount of its own, which an overlay does not look into; masked
	// units are links to its null.
	if err := os.MkdirAll(filepath.Join(up, "dev"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mknod(filepath.Join(up, "dev/null"), syscall.S_IFCHR|0o666, 1<<8|3); err != nil {
		t.Fatal(err)
	}
	options := fmt.Sprintf("lowerdir=/,upperdir=%s,workdir=%s", up, work)
	if err := syscall.Mount("overlay", merged, "overlay", 0, options); err != nil {
		t.Fatalf("an overlay on the root of this machine: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(merged, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return merged
}
