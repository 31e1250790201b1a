//go:build real

package applied

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// stickOf makes a stick of the hosts of both formats, with the real age, and
// gives its folder; hosts are the folders of both builds.
func stickOf(t *testing.T) (media, ignition, cloudInit string) {
	t.Helper()
	const topology = "../../examples/pair.yaml"
	ignition, cloudInit = both(t, topology, "debian")
	age, err := exec.Command("../tools/tool", "age").Output()
	if err != nil {
		t.Fatal(err)
	}
	dir := bothDir(topology, "debian")
	media = filepath.Join(dir, "media")
	for _, format := range []string{"ignition", "cloud-init"} {
		run(t, workspace.kubespore, "media", "stick", "-q", "--age", strings.TrimSpace(string(age)), "--build", filepath.Join(dir, format), "--pki", filepath.Join(dir, "pki"),
			"-o", filepath.Join(media, format), filepath.Join(dir, format+".yaml"))
	}
	return media, ignition, cloudInit
}

// beMachine gives a layer what a machine knows itself by.
func beMachine(t *testing.T, l layer, mac string) {
	t.Helper()
	port := filepath.Join(l.root, "sys/class/net/enp1s0")
	if err := os.MkdirAll(filepath.Join(port, "device"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(port, "address"), []byte(mac+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
}

// give copies a file into a layer.
func give(t *testing.T, l layer, from, to string) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(filepath.Join(l.root, to)), 0o755)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(l.root, to), data, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// volumes brings functions of the shell: attach LABEL FOLDER makes a volume of a
// folder, as if a medium was put in, which this kernel can mount.
const volumes = `
attach() {
  rm -f "/$1.img"
  truncate -s 24M "/$1.img"
  mkfs.ext4 -q -L "$1" -d "$2" "/$1.img"
  loop=$(losetup --find)
  [ -b "$loop" ] || mknod "$loop" b 7 "${loop#/dev/loop}"
  losetup --read-only "$loop" "/$1.img"
  echo "$loop" >>/loops
  mkdir -p /dev/disk/by-label
  ln -sf "$loop" "/dev/disk/by-label/$1"
}
export -f attach
detach() { while read -r loop; do losetup --detach "$loop"; done </loops; }
trap detach EXIT
: >/loops
`

// person sits before a console: waits for what it shows, then types or does
// what comes next. Arguments are pairs; what begins with ! is done by the shell.
const person = `
import os, pty, select, subprocess, sys, time
os.makedirs('/dev/pts', exist_ok=True)
subprocess.check_call(['mount', '-t', 'devpts', 'devpts', '/dev/pts'])
os.symlink('pts/ptmx', '/dev/ptmx')
screen, line = pty.openpty()
if os.path.lexists('/dev/console'):
    os.unlink('/dev/console')
os.symlink(os.ttyname(line), '/dev/console')
p = subprocess.Popen(['bash', '/usr/lib/kubespore/unseal', 'ignition'], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
shown, at, end = '', 0, time.time() + 120
def look(seconds):
    global shown
    if select.select([screen], [], [], seconds)[0]:
        shown += os.read(screen, 65536).decode()
steps = sys.argv[1:]
while steps and time.time() < end:
    look(0.2)
    found = shown.find(steps[0], at)
    if found >= 0:
        at = found + len(steps[0])
        if steps[1].startswith('!'):
            subprocess.check_call(['bash', '-c', steps[1][1:]])
        else:
            os.write(screen, (steps[1] + '\n').encode())
        steps = steps[2:]
while p.poll() is None and time.time() < end:
    look(0.2)
look(0.2)
print(shown)
if steps or p.poll() is None:
    p.kill()
    sys.exit('it never said: ' + str(steps[:1]) if steps else 'it did not end')
sys.exit(p.returncode)
`

// TestStickUnseals runs the script of a stick as an initramfs does, with the
// real age: every wrong key is named on the console, none is shown, and the
// right one gives Ignition the machine's own document.
func TestStickUnseals(t *testing.T) {
	needRoot(t)
	media, ignition, documents := stickOf(t)
	l := newLayer(t)
	seed(t, l, filepath.Join(documents, "w1")) // which disks it wants stands there
	beMachine(t, l, "52:54:00:00:02:31")
	out, err := exec.Command("sh", "-c", `gzip -dc "$1" | cpio --quiet -idu -D "$2" --no-absolute-filenames`, "sh", filepath.Join(media, "ignition/stick.initrd"), l.root).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	give(t, l, filepath.Join(media, "ignition/keys/cp1.key"), "other/cp1.key")
	give(t, l, filepath.Join(media, "ignition/keys/w1.key"), "own/w1.key")
	if err := os.WriteFile(filepath.Join(l.root, "person.py"), []byte(person), 0o644); err != nil {
		t.Fatal(err)
	}
	key := func(host string) string {
		text, err := os.ReadFile(filepath.Join(media, "ignition/keys", host+".key"))
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSpace(string(text)), "\n")
		return lines[len(lines)-1]
	}
	stranger := "AGE-SECRET-KEY-1" + strings.Repeat("Q", 58)
	own := strings.ToLower(strings.TrimPrefix(key("w1"), "AGE-SECRET-KEY-1"))
	steps := []string{
		"wrong key: the key in the kernel argument kubespore.key opens nothing on this stick", "hello",
		"there is no key in what was typed", stranger,
		"wrong key: the key in what was typed opens nothing on this stick", key("cp1"),
		"wrong key: the key in what was typed is another machine's", "!echo 52:54:00:00:02:99 >/sys/class/net/enp1s0/address",
		"wrong key", key("w1"), // the kernel's, once more after something was typed
		"this stick has no part for this machine\r\n  it has: mac 52:54:00:00:02:99", "!echo 52:54:00:00:02:31 >/sys/class/net/enp1s0/address",
		"wrong key", own[:20] + " " + own[20:],
	}
	command := volumes + "echo root=x kubespore.key=" + stranger + " >/cmdline; mount --bind /cmdline /proc/cmdline; python3 /person.py"
	for _, s := range steps {
		command += fmt.Sprintf(" %q", s)
	}
	out, err = l.enter(t, strings.ReplaceAll(command, `\r\n`, "\r\n"))
	if err != nil || !bytes.Contains(out, []byte("opened this machine's part")) {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, shown := range []string{key("w1"), key("cp1"), own[:20], own[20:]} {
		if bytes.Contains(out, []byte(shown)) {
			t.Error("the console shows a key that was typed")
		}
	}
	unsealed(t, l, filepath.Join(ignition, "w1/config.ign"))

	// The other machine, with a key that is put in while it waits.
	beMachine(t, l, "52:54:00:00:02:21")
	out, err = l.enter(t, volumes+`
echo root=x >/cmdline; mount --bind /cmdline /proc/cmdline
attach SPORE-KEY /own
python3 /person.py "is another machine's" "!rm /SPORE-KEY.img; attach SPORE-KEY /other"`)
	if err != nil || !bytes.Contains(out, []byte("wrong key: the key on the volume SPORE-KEY is another machine's")) || !bytes.Contains(out, []byte("this machine waits for the key")) {
		t.Fatalf("%v\n%s", err, out)
	}
	unsealed(t, l, filepath.Join(ignition, "cp1/config.ign"))
}

// unsealed holds what lies where Ignition looks against a document.
func unsealed(t *testing.T, l layer, document string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(l.root, "usr/lib/ignition/user.ign"))
	if err != nil {
		t.Fatal(err)
	}
	var pointer struct {
		Ignition struct {
			Config struct{ Replace struct{ Source string } }
		}
	}
	if err := json.Unmarshal(text, &pointer); err != nil {
		t.Fatal(err)
	}
	packed, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(pointer.Ignition.Config.Replace.Source, "data:;base64,"))
	if err != nil {
		t.Fatal(err)
	}
	unzip := exec.Command("gzip", "-dc")
	unzip.Stdin = bytes.NewReader(packed)
	got, err := unzip.Output()
	want, other := os.ReadFile(document)
	if err != nil || other != nil || !bytes.Equal(got, want) {
		t.Errorf("Ignition finds another document than %s: %v", document, err)
	}
}

// TestStickCloudInit has the real cloud-init start from a stick. It must leave
// the tree that the machine's own seed leaves, and go on without the stick.
func TestStickCloudInit(t *testing.T) {
	needRoot(t)
	media, _, documents := stickOf(t)
	one, two := newLayer(t), newLayer(t)
	seed(t, one, filepath.Join(documents, "w1"))
	assemble(t, one, "true")

	beMachine(t, two, "52:54:00:00:02:31")
	files := filepath.Join(two.dir, "stick")
	run(t, "xorriso", "-report_about", "FAILURE", "-indev", filepath.Join(media, "cloud-init/stick.iso"), "-osirrox", "on", "-extract", "/", files)
	run(t, "chmod", "-R", "u+w", files)
	// This kernel has no ISO 9660: the seed lies on the disk, the rest on a volume
	// of another kind.
	seed(t, two, files)
	run(t, "cp", "-a", files, filepath.Join(two.root, "stick"))
	give(t, two, filepath.Join(media, "cloud-init/keys/w1.key"), "key/w1.key")
	assemble(t, two, "true; "+volumes+"attach CIDATA /stick; attach SPORE-KEY /key; true")
	out, err := two.enter(t, volumes+"attach CIDATA /stick; rm -rf /var/lib/kubespore; cloud-init init --local")
	if err != nil {
		t.Fatalf("%v\n%s", err, tail(out))
	}
	for _, made := range []string{"stick", "key", "CIDATA.img", "SPORE-KEY.img", "loops", "sys/class", "etc/cloud/cloud.cfg.d/90-kubespore-stick.cfg"} {
		if err := os.RemoveAll(filepath.Join(two.root, made)); err != nil {
			t.Fatal(err)
		}
	}
	compare(t, "w1", one, two)
	for _, name := range []string{"user-data", "meta-data", "network-config"} {
		got, _ := os.ReadFile(filepath.Join(two.root, "var/lib/cloud/seed/nocloud", name))
		want, _ := os.ReadFile(filepath.Join(documents, "w1", name))
		if len(got) == 0 || !bytes.Equal(got, want) {
			t.Errorf("the seed has another %s", name)
		}
	}
}
