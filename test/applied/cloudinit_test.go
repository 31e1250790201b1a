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
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/kubespore/kubespore/pkg/document"
)

// image gives the root of an image with cloud-init.
var image = sync.OnceValues(func() (string, error) {
	c := exec.Command("../tools/root", "cloud-init")
	c.Stderr = os.Stderr
	out, err := c.Output()
	return strings.TrimSpace(string(out)), err
})

// pairs are the topologies of which both forms are applied: every example and
// more.yaml on one system, and one example on each system that has both.
func pairs(t *testing.T) [][2]string {
	var out [][2]string
	for _, topology := range append(examples(t), "more.yaml") {
		out = append(out, [2]string{topology, system(t, topology)})
	}
	for _, system := range []string{"ubuntu", "rocky", "alma"} {
		out = append(out, [2]string{"../../examples/ha.yaml", system})
	}
	return out
}

// system is what a topology asks for where that reads both forms, else Debian.
func system(t *testing.T, topology string) string {
	t.Helper()
	text, err := os.ReadFile(topology)
	if err != nil {
		t.Fatal(err)
	}
	if asked := regexp.MustCompile(`(?m)^os: (debian|ubuntu|rocky|alma)\b`).FindSubmatch(text); asked != nil {
		return string(asked[1])
	}
	return "debian"
}

// both builds a topology for a system in both formats, with the same keys, and
// gives the folders of the hosts.
func both(t *testing.T, topology, system string) (ignition, cloudInit string) {
	t.Helper()
	text, err := os.ReadFile(topology)
	if err != nil {
		t.Fatal(err)
	}
	dir := bothDir(topology, system)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	beside(t, dir, filepath.Dir(topology))
	hosts := func(format string) string {
		file, out := filepath.Join(dir, format+".yaml"), filepath.Join(dir, format)
		if _, err := os.Stat(out); err == nil {
			return filepath.Join(out, "hosts")
		}
		lines := regexp.MustCompile(`(?m)^(os|format): .*\n`).ReplaceAll(text, nil)
		lines = fmt.Appendf(lines, "os: %s\nformat: %s\n", system, format)
		if err := os.WriteFile(file, lines, 0o644); err != nil {
			t.Fatal(err)
		}
		result, err := exec.Command(workspace.kubespore, "build", file, "--format=json", "-o", out, "--pki", filepath.Join(dir, "pki")).Output()
		if err != nil {
			t.Fatalf("%s: %v\n%s", file, err, result)
		}
		note(t, result)
		return filepath.Join(out, "hosts")
	}
	return hosts("ignition"), hosts("cloud-init")
}

// bothDir is where both builds.
func bothDir(topology, system string) string {
	return filepath.Join(workspace.dir, "both", strings.TrimSuffix(filepath.Base(topology), ".yaml")+"-"+system)
}

// beside gives a folder what stands in another: files that a topology names.
func beside(t *testing.T, dir, other string) {
	t.Helper()
	entries, err := os.ReadDir(other)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		target, err := filepath.Abs(filepath.Join(other, e.Name()))
		if err == nil {
			err = os.Symlink(target, filepath.Join(dir, e.Name()))
		}
		if err != nil && !errors.Is(err, fs.ErrExist) {
			t.Fatal(err)
		}
	}
}

// builtProfiles has every profile that some host of a pair has.
var builtProfiles sync.Map

func note(t *testing.T, result []byte) {
	t.Helper()
	var said struct {
		Result struct{ Hosts []struct{ Profiles []string } }
	}
	if err := json.Unmarshal(result, &said); err != nil {
		t.Fatal(err)
	}
	for _, h := range said.Result.Hosts {
		for _, name := range h.Profiles {
			builtProfiles.Store(name, true)
		}
	}
}

// everyProfile proves that no profile was left out: what is not in an example
// belongs into more.yaml.
func everyProfile(t *testing.T) {
	t.Helper()
	files, err := filepath.Glob("../../profiles/*/profile.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("no profiles", err)
	}
	for _, file := range files {
		name := filepath.Base(filepath.Dir(file))
		// Their systems read Ignition only.
		if name == "os-fedora-coreos" || name == "os-flatcar" {
			continue
		}
		if _, built := builtProfiles.Load(name); !built {
			t.Errorf("no document applied here has the profile %s: add it to test/applied/more.yaml", name)
		}
	}
}

// TestTwoTreesOneTruth applies both forms of every example, each by the real
// program, to copies of one image, and compares what they leave.
func TestTwoTreesOneTruth(t *testing.T) {
	needRoot(t)
	var applied atomic.Int32
	t.Cleanup(func() {
		if int(applied.Load()) < len(pairs(t)) {
			return // not all of them were asked for
		}
		everyProfile(t)
		for _, d := range differences(t) {
			if _, used := usedDifferences.Load(d.Path); !used && !t.Failed() {
				t.Errorf("formats.yaml: nothing differs at %s any more", d.Path)
			}
		}
	})
	for _, pair := range pairs(t) {
		t.Run(filepath.Base(pair[0])+"/"+pair[1], func(t *testing.T) {
			t.Parallel()
			applied.Add(1)
			ignition, cloudInit := both(t, pair[0], pair[1])
			for _, host := range kinds(t, ignition) {
				one, two := newLayer(t), newLayer(t)
				apply(t, one.root, filepath.Join(ignition, host, "config.ign"))
				preset(t, one.root)
				seed(t, two, filepath.Join(cloudInit, host))
				assemble(t, two, "cloud-init schema --config-file /var/lib/cloud/seed/nocloud/user-data")
				compare(t, host, one, two)
				nothingLeft(t, host, two)
			}
		})
	}
}

// kinds gives one host of each kind: documents with the same paths, modes,
// owners and units are lowered alike.
func kinds(t *testing.T, hosts string) []string {
	t.Helper()
	var out []string
	seen := map[string]bool{}
	for _, host := range some(t, hosts) {
		raw, err := os.ReadFile(filepath.Join(hosts, host, "config.ign"))
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
		rest, err := json.Marshal([]any{doc.Config.Passwd, doc.Config.Storage.Filesystems})
		if err != nil {
			t.Fatal(err)
		}
		kind := string(rest)
		for _, e := range entries {
			kind += fmt.Sprintf("\n%s %s %o %s %s %t %s", e.Path, e.Kind, e.Mode, e.User, e.Group, e.Masked, e.Target)
		}
		if !seen[kind] {
			seen[kind] = true
			out = append(out, host)
		}
	}
	return out
}

// layer is a copy of the image: only what is written to it is in upper.
type layer struct{ dir, root, upper string }

func newLayer(t *testing.T) layer {
	t.Helper()
	base, err := image()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("/dev/shm", "kubespore-layer-")
	if err != nil {
		t.Fatal(err)
	}
	// Ignition writes a user's keys as that user, who must get there.
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	l := layer{dir, filepath.Join(dir, "root"), filepath.Join(dir, "upper")}
	for _, d := range []string{l.root, l.upper, filepath.Join(dir, "work")} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mount("overlay", l.root, "overlay", 0, fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s/work", base, l.upper, dir)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(l.root, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return l
}

// seed puts a host's documents where cloud-init finds them without a medium.
func seed(t *testing.T, l layer, documents string) {
	t.Helper()
	to := filepath.Join(l.root, "var/lib/cloud/seed/nocloud")
	if err := os.MkdirAll(to, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"user-data", "meta-data", "network-config"} {
		text, err := os.ReadFile(filepath.Join(documents, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(to, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// enter runs a command in a layer with mounts and devices of its own. Disks
// that the document names stand in /dev as loop devices; at the end what is on
// them moves into the tree.
const enter = `
set -eu
root=$1; shift
mount -t proc proc "$root/proc"
mount -t tmpfs none "$root/dev"
for name in null zero full random urandom loop-control; do
  touch "$root/dev/$name"; mount --bind "/dev/$name" "$root/dev/$name"
done
ln -s /proc/self/fd "$root/dev/fd"
touch "$root/dev/console"
loops=
awk '$1 == "filesystem" { print $2 }' "$root/var/lib/cloud/seed/nocloud/user-data" >"$root/dev/disks"
while read -r disk; do
  truncate -s 400M "$root.disk"
  loop=$(losetup --find --show "$root.disk"); loops="$loops $loop"
  mkdir -p "$root${disk%/*}"; cp -a "$loop" "$root$disk"
done <"$root/dev/disks"
rm "$root/dev/disks"
status=0
chroot "$root" /bin/bash -c "$1" || status=$?
findmnt --noheadings --raw --output TARGET,SOURCE | while read -r target source; do
  case $source in
  /dev/loop*|/dev/disk/*)
    case $target in "$root"/*) ;; *) continue ;; esac
    cp -a "$target" "$root.copy"; umount "$target"; rmdir "$root.copy/lost+found"
    cp -a "$root.copy/." "$target/"; rm -rf "$root.copy" ;;
  esac
done
for loop in $loops; do losetup --detach "$loop"; done
exit $status
`

func (l layer) enter(t *testing.T, command string) ([]byte, error) {
	t.Helper()
	return exec.Command("unshare", "--mount", "--uts", "--propagation", "private", "bash", "-c", enter, "enter", l.root, command).CombinedOutput()
}

// assemble lets cloud-init do its first boot, after another command.
func assemble(t *testing.T, l layer, before string) {
	t.Helper()
	out, err := l.enter(t, before+" && cloud-init init --local")
	log, _ := os.ReadFile(filepath.Join(l.root, "var/log/cloud-init.log"))
	log = regexp.MustCompile(`(?m)^.*DEBUG.*\n`).ReplaceAll(log, nil)
	// The root here is an overlay, which nothing can make bigger.
	log = regexp.MustCompile(`(?m)^.*cc_resizefs.*\n`).ReplaceAll(log, nil)
	if err != nil || bytes.Contains(log, []byte("[WARNING]")) || bytes.Contains(log, []byte("[ERROR]")) {
		t.Fatalf("cloud-init: %v\n%s\n%s", err, tail(out), tail(log))
	}
	if _, err := os.Stat(filepath.Join(l.root, "var/lib/kubespore/assembled")); err != nil {
		t.Fatalf("the machine is not assembled: %v\n%s", err, tail(out))
	}
}

// preset does what systemd does at the first boot of a root that Ignition has
// written: it enables the units of Ignition's preset that the image has.
func preset(t *testing.T, root string) {
	t.Helper()
	for _, line := range presetsOf(t, root) {
		action, unit, _ := strings.Cut(line, " ")
		file := unit
		if name, instance, ok := strings.Cut(unit, "@"); ok {
			file = name + "@" + instance[strings.LastIndex(instance, "."):]
		}
		for _, folder := range []string{"etc", "usr/lib"} {
			// Another name of a unit is none of its own.
			if target, err := filepath.EvalSymlinks(filepath.Join(root, folder, "systemd/system", file)); err == nil && filepath.Base(target) == file {
				run(t, "systemctl", "--root="+root, "--quiet", action, unit)
				break
			}
		}
	}
}

// difference is something in which the two trees may differ, and why.
type difference struct{ Path, Reason string }

func differences(t *testing.T) []difference {
	t.Helper()
	text, err := os.ReadFile("formats.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var out []difference
	if err := yaml.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	for _, d := range out {
		if d.Reason == "" || !path.IsAbs(d.Path) {
			t.Fatalf("formats.yaml: %+v", d)
		}
	}
	return out
}

// usedDifferences notes which lines of formats.yaml were of use.
var usedDifferences sync.Map

// compare holds two layers against each other, path by path.
func compare(t *testing.T, host string, one, two layer) {
	t.Helper()
	allowed := differences(t)
	a, b := one.written(t), two.written(t)
	var paths []string
	for p := range a {
		paths = append(paths, p)
	}
	for p := range b {
		if _, both := a[p]; !both {
			paths = append(paths, p)
		}
	}
	slices.Sort(paths)
	for _, p := range paths {
		if p == "/" || strings.HasPrefix(a[p]+b[p], "folder of the image") {
			continue
		}
		x, y := one.look(t, p), two.look(t, p)
		if x == y {
			continue
		}
		i := slices.IndexFunc(allowed, func(d difference) bool { return covers(d.Path, p) })
		if i < 0 {
			t.Errorf("%s: %s\nignition   %.300s\ncloud-init %.300s", host, p, x, y)
			continue
		}
		usedDifferences.Store(allowed[i].Path, true)
	}
}

// covers says whether a pattern names a path, or a folder above it when it ends
// with a slash.
func covers(pattern, name string) bool {
	if strings.HasSuffix(pattern, "/") {
		return strings.HasPrefix(name+"/", pattern)
	}
	ok, err := path.Match(pattern, name)
	return ok && err == nil
}

// written gives every path that was written to a layer.
func (l layer) written(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(l.upper, func(name string, d fs.DirEntry, err error) error {
		out["/"+strings.TrimPrefix(strings.TrimPrefix(name, l.upper), "/")] = ""
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// look describes what is at a path: type, mode, owner, bytes.
func (l layer) look(t *testing.T, name string) string {
	t.Helper()
	full := filepath.Join(l.root, name)
	info, err := os.Lstat(full)
	if err != nil {
		return "nothing"
	}
	stat := info.Sys().(*syscall.Stat_t)
	out := fmt.Sprintf("%s %d:%d", info.Mode(), stat.Uid, stat.Gid)
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		target, err := os.Readlink(full)
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("link %d:%d %s", stat.Uid, stat.Gid, target)
	case info.Mode().IsRegular():
		content, err := os.ReadFile(full)
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("%s %q", out, neutral(name, content))
	}
	return out
}

// neutral takes out of account files what does not make another account.
func neutral(name string, content []byte) []byte {
	switch {
	case name == "/etc/shadow":
		// * and ! alike are passwords that nothing matches; * is what
		// Ignition gives an account without one, ! what useradd does.
		return regexp.MustCompile(`(?m)^([^:]+):[*!]:`).ReplaceAll(content, []byte("$1:none:"))
	case strings.HasSuffix(name, "/.ssh/authorized_keys"):
		lines := strings.Fields(strings.ReplaceAll(strings.ReplaceAll(string(content), " ", "_"), "\n", " "))
		slices.Sort(lines)
		return []byte(strings.Join(lines, "\n"))
	}
	return content
}

// kept is in a file of every document, and cloud-init has no reason to break or
// escape it. Not every host has a key; where this is kept, its key would be too.
const kept = "ConditionPathExists=!/var/lib/kubespore/cleaned"

// nothingLeft proves that the clean-up knows every file with the document or a
// key of it that cloud-init keeps for itself.
func nothingLeft(t *testing.T, host string, l layer) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(l.root, "etc/kubespore/cleanup"))
	if err != nil {
		t.Fatal(err)
	}
	patterns := strings.Fields(string(text))
	found := map[string]int{}
	for p := range l.written(t) {
		if !strings.HasPrefix(p, "/var/lib/cloud/") && !strings.HasPrefix(p, "/run/") && !strings.HasPrefix(p, "/var/log/") {
			continue
		}
		content, err := os.ReadFile(filepath.Join(l.root, p))
		if err != nil {
			continue
		}
		holds := false
		for _, what := range []string{kept, "PRIVATE KEY"} {
			if bytes.Contains(content, []byte(what)) {
				holds = true
				found[what]++
			}
		}
		if holds && !slices.ContainsFunc(patterns, func(pattern string) bool { return covers(pattern, p) }) {
			t.Errorf("%s: %s holds the document or a key of it, and the clean-up does not know it", host, p)
		}
	}
	if found[kept] < 2 { // the seed is one
		t.Errorf("%s: cloud-init kept no copy of the document", host)
	}
	if n := found["PRIVATE KEY"]; n > 0 && n != found[kept] {
		t.Errorf("%s: %d files hold the document, and %d a key of it: one does not stand for the other", host, found[kept], n)
	}
}

// TestCloudInitStartsOver cuts cloud-init off at moments all over its work. The
// next boot must end in the tree that an undisturbed one leaves.
func TestCloudInitStartsOver(t *testing.T) {
	needRoot(t)
	_, hosts := both(t, "../../examples/ha.yaml", "debian")
	documents := filepath.Join(hosts, "cp1")
	whole := newLayer(t)
	seed(t, whole, documents)
	start := time.Now()
	assemble(t, whole, "true")
	takes := time.Since(start)
	for i := range 6 {
		l := newLayer(t)
		seed(t, l, documents)
		cut := takes * time.Duration(4+i) / 10
		if _, err := l.enter(t, fmt.Sprintf("timeout --signal=KILL %.2f cloud-init init --local", cut.Seconds())); err == nil && i == 0 {
			t.Errorf("cut after %s, and it was through", cut)
		}
		// Memory does not outlive a power cut.
		memory := filepath.Join(l.root, "run")
		if err := os.RemoveAll(memory); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(memory, 0o755); err != nil {
			t.Fatal(err)
		}
		assemble(t, l, "true")
		compare(t, fmt.Sprintf("cut after %s", cut), whole, l)
	}
}

// TestCloudInitFails lets a step fail: nothing is switched on, and the console
// and the login prompt say what failed.
func TestCloudInitFails(t *testing.T) {
	needRoot(t)
	_, hosts := both(t, "../../examples/ha.yaml", "debian")
	const unchanged = "^"
	tests := []struct{ name, from, to, says string }{
		{"a file cannot be written", unchanged, "", "cloud-init could not write the files of the document"},
		{"a file is not whole", `(?m)^(      )[0-9a-f]{64}(  /etc/hosts)$`, "${1}" + strings.Repeat("0", 64) + "$2", "/etc/hosts: FAILED"},
		{"an owner is unknown", `(?m)^(      )mask swap.target$`, "${1}own 0600 nobody-here root /etc/hosts", "own 0600 nobody-here"},
		{"a step is unknown", `(?m)^(      )mask swap.target$`, "${1}unknown step", "does not know"},
	}
	for _, test := range tests {
		l := newLayer(t)
		seed(t, l, filepath.Join(hosts, "w1"))
		name := filepath.Join(l.root, "var/lib/cloud/seed/nocloud/user-data")
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		changed := regexp.MustCompile(test.from).ReplaceAll(text, []byte(test.to))
		if test.from == unchanged {
			// The image has a file where the document has a folder.
			if err := os.WriteFile(filepath.Join(l.root, "etc/kubespore"), nil, 0o644); err != nil {
				t.Fatal(err)
			}
		} else if bytes.Equal(text, changed) {
			t.Fatalf("%s: nothing to change", test.name)
		}
		if err := os.WriteFile(name, changed, 0o600); err != nil {
			t.Fatal(err)
		}
		out, _ := l.enter(t, "cloud-init init --local; cp /dev/console /console")
		for _, place := range []string{"console", "etc/issue.d/kubespore-assembly.issue"} {
			said, _ := os.ReadFile(filepath.Join(l.root, place))
			if !strings.Contains(string(said), test.says) || !strings.Contains(string(said), "not assembled") {
				t.Errorf("%s: %s says %q, want %q\n%s", test.name, place, said, test.says, tail(out))
			}
		}
		for _, absent := range []string{"var/lib/kubespore/assembled", "etc/systemd/system/multi-user.target.wants/kubelet.service", "etc/systemd/system/sysinit.target.wants/kubespore-clock.service"} {
			if _, err := os.Lstat(filepath.Join(l.root, absent)); err == nil {
				t.Errorf("%s: %s is there", test.name, absent)
			}
		}
	}
}
