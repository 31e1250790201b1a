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
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// image gives the root of an image, by its name in test/tools/root.
func image(name string) (string, error) {
	c := exec.Command("../tools/root", name)
	c.Stderr = os.Stderr
	out, err := c.Output()
	return strings.TrimSpace(string(out)), err
}

// system is what a topology names where that reads both forms, else Debian.
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
	copyInputs(t, dir, filepath.Dir(topology))
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

// copyInputs gives a folder what stands in another: files that a topology names.
func copyInputs(t *testing.T, dir, other string) {
	t.Helper()
	entries, err := os.ReadDir(other)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		from, to := filepath.Join(other, e.Name()), filepath.Join(dir, e.Name())
		if _, err := os.Lstat(to); err == nil {
			continue
		}
		// Copies: a link must not lead out of the folder of a topology.
		if e.IsDir() {
			err = os.CopyFS(to, os.DirFS(from))
		} else {
			var text []byte
			if text, err = os.ReadFile(from); err == nil {
				err = os.WriteFile(to, text, 0o644)
			}
		}
		if err != nil && !errors.Is(err, fs.ErrExist) {
			t.Fatal(err)
		}
	}
}

// layer is a copy of an image: only what is written to it is in upper.
type layer struct{ dir, root, upper string }

// newLayer is one of Debian 12.
func newLayer(t *testing.T) layer {
	t.Helper()
	return newLayerOf(t, "cloud-init")
}

func newLayerOf(t *testing.T, name string) layer {
	t.Helper()
	base, err := image(name)
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

// mountDevices gives the layer at $root processes, and the devices that programs take for granted.
const mountDevices = `mount -t proc proc "$root/proc"
mount -t tmpfs none "$root/dev"
for name in null zero full random urandom loop-control; do
  touch "$root/dev/$name"; mount --bind "/dev/$name" "$root/dev/$name"
done
ln -s /proc/self/fd "$root/dev/fd"
touch "$root/dev/console"
`

// enter runs a command in a layer with mounts and devices of its own. Disks
// that the document names stand in /dev as loop devices; at the end what is on
// them moves into the tree.
const enter = `
set -eu
root=$1; shift
` + mountDevices + `loops=
seed=$root/var/lib/cloud/seed/nocloud/user-data
if [ ! -e "$seed" ]; then seed=/dev/null; fi
awk '$1 == "filesystem" { print $2 }' "$seed" >"$root/dev/disks"
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
				run(t, "chroot", root, "systemctl", "--root=/", "--quiet", action, unit) // of the image
				break
			}
		}
	}
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
	takes, undone := time.Since(start), 0
	for i := range 6 {
		l := newLayer(t)
		seed(t, l, documents)
		cut := takes * time.Duration(3+i) / 10
		if _, err := l.enter(t, fmt.Sprintf("timeout --signal=KILL %.2f cloud-init init --local", cut.Seconds())); err == nil && i == 0 {
			t.Errorf("cut after %s, and it was through", cut)
		}
		// The locks of useradd outlive it, and name a process that runs, by chance.
		if _, err := os.Stat(filepath.Join(l.root, "var/lib/kubespore/assembled")); err != nil {
			undone++
			for _, file := range []string{"passwd", "group", "shadow", "gshadow", "subuid", "subgid"} {
				if err := os.WriteFile(filepath.Join(l.root, "etc", file+".lock"), []byte("1\x00"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
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
	if undone == 0 {
		t.Error("no cut came before the end")
	}
}

// TestAccountCutOff leaves of an account what a useradd leaves whose machine loses
// its power: the account without a home, a home that is root's, a home without what
// new homes have. The next boot makes the account anew, and leaves alone one that
// the image had.
func TestAccountCutOff(t *testing.T) {
	needRoot(t)
	_, hosts := both(t, "../../examples/ha.yaml", "debian")
	documents := filepath.Join(hosts, "cp1")
	whole := newLayer(t)
	seed(t, whole, documents)
	assemble(t, whole, "true")
	instance, err := os.ReadFile(filepath.Join(whole.root, "var/lib/kubespore/assembled"))
	if err != nil {
		t.Fatal(err)
	}
	for name, cut := range map[string]string{
		"no home":          "useradd --no-create-home core",
		"a home of root's": "useradd --no-create-home core && mkdir /home/core",
		"half of a home":   "useradd --create-home core && rm /home/core/.profile",
		"a file of root's": "useradd --create-home core && chown root:root /home/core/.bashrc",
	} {
		l := newLayer(t)
		seed(t, l, documents)
		note := filepath.Join(l.root, "var/lib/kubespore/accounts") // of the image: none of the document's
		if err := os.MkdirAll(filepath.Dir(note), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(note, instance, 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := l.enter(t, cut); err != nil {
			t.Fatalf("%s: %v\n%s", name, err, out)
		}
		assemble(t, l, "true")
		compare(t, name, whole, l)
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
