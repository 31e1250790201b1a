//go:build real

package applied

import (
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// The disks of testdata/good/disks.yaml.
var disks = []string{"parts", "whole", "other", "spare"}

// bench is a machine with disks: a layer that is assembled by the scripts of its document
// alone, which is faster than by cloud-init, with sfdisk, cryptsetup, wipefs and mkfs of
// Debian.
type bench struct {
	layer
	images string // folder with what is on the disks
}

// imitated stands in the place of what this kernel does not have. Devices of udev are made of
// what blkid says. An opened volume is what is behind its header, not decrypted; the key must
// be right. An array is its first member behind the first MiB, which names it.
//
// Each program counts its calls; the one with the number in /cut ends the script that called
// it, when its work is done, or half of it.
const imitated = `
root=$1
cat >"$root/usr/local/sbin/udevadm" <<'EOF'
#!/bin/bash
mkdir -p /dev/disk/by-partlabel
rm -f /dev/disk/by-partlabel/*
for loop in $(cat /dev/ours); do
  for part in /sys/class/block/${loop##*/}/${loop##*/}p*; do
    [ -e "$part/dev" ] || continue
    IFS=: read -r major minor <"$part/dev"
    rm -f "/dev/${part##*/}"
    mknod "/dev/${part##*/}" b "$major" "$minor"
    ln -s "/dev/${part##*/}" "/dev/disk/by-partlabel/$(blkid -p -s PART_ENTRY_NAME -o value "/dev/${part##*/}")"
  done
done
EOF
cat >"$root/usr/local/sbin/calls" <<'EOF'
cut() {
  echo "${0##*/} $*" >>/calls
  [[ $(wc -l </calls) == "$(cat /cut 2>/dev/null)" ]] || return 0
  "half_${0##*/}" "$@" 2>/dev/null
  kill -KILL "$PPID"
  exit 1
}
half_sfdisk() { dd if=/dev/zero "of=${!#}" bs=512 seek=2 count=4 conv=notrunc status=none; }
behind() {
  local loop
  loop=$(losetup --find)
  [ -b "$loop" ] || mknod "$loop" b 7 "${loop#/dev/loop}"
  losetup --offset "$3" "$loop" "$(readlink -f "$1")"
  echo "$loop" >>/dev/ours
  mkdir -p "${2%/*}"
  cp -a "$loop" "$2"
}
EOF
for program in sfdisk wipefs mkfs.ext4; do
  cat >"$root/usr/local/sbin/$program" <<'EOF'
#!/bin/bash
. /usr/local/sbin/calls
PATH=/usr/sbin:/usr/bin:/sbin:/bin
"${0##*/}" "$@"
status=$?
cut "$@"
exit $status
EOF
done
cat >"$root/usr/local/sbin/cryptsetup" <<'EOF'
#!/bin/bash
. /usr/local/sbin/calls
half_cryptsetup() { dd if=/dev/zero "of=${!#}" bs=512 seek=8 count=16 conv=notrunc status=none; }
if [[ $1 != open || " $* " == *" --test-passphrase "* ]]; then
  /sbin/cryptsetup "$@"
  status=$?
else
  device=${*: -2:1}
  /sbin/cryptsetup open --test-passphrase --key-file "/etc/luks/${!#}" "$device" && behind "$device" "/dev/mapper/${!#}" 16M
  status=$?
fi
if [[ $1 == luksFormat ]]; then cut "$@"; fi
exit $status
EOF
cat >"$root/usr/local/sbin/mdadm" <<'EOF'
#!/bin/bash
. /usr/local/sbin/calls
half_mdadm() { :; }
name_of() { dd "if=$1" bs=64 count=1 skip=8 status=none | tr -d '\0' | grep -a '^any:'; }
name_it() { printf '%-63s\n' "$2" | tr ' ' '\0' | dd "of=$1" bs=64 seek=8 conv=notrunc status=none; }
case $1 in
--create)
  array=$2
  [[ "$*" == "--create $array --force --run --homehost any --level raid1 --raid-devices 2 --spare-devices 1 "* ]] || exit 2
  shift 12
  for member; do
    name_it "$member" "any:${array##*/}"
    cut "$@"
  done
  behind "$1" "$array" 1M
  cut whole
  ;;
--examine)
  name=$(name_of "$3") || exit 1
  echo "MD_NAME=$name"
  ;;
--assemble) behind "$4" "$3" 1M ;;
--quiet) name_it "$3" '' ;;
*) exit 2 ;;
esac
EOF
chmod +x "$root"/usr/local/sbin/*
`

// withDisks runs a command in a layer that has the disks.
const withDisks = `
set -eu
root=$1; images=$2; shift 2
` + mountDevices + `mount -t sysfs sysfs "$root/sys"
mkdir -p "$root/dev/disk/by-id"
for image in "$images"/*; do
  loop=$(losetup --find --show "$image")
  echo "$loop" >>"$root/dev/ours"
  cp -a "$loop" "$root/dev/"
  ln -s "$loop" "$root/dev/disk/by-id/virtio-${image##*/}"
  partx --add "$loop" 2>/dev/null || true
done
chroot "$root" udevadm
status=0
chroot "$root" /bin/bash -c "$1" || status=$?
cp "$root/dev/console" "$root/console"
findmnt --noheadings --raw --output TARGET,SOURCE | tac | while read -r target source; do
  case $source in /dev/loop*|/dev/md/*|/dev/mapper/*|/dev/disk/*)
    case $target in "$root"/*) umount "$target" ;; esac ;;
  esac
done
tac "$root/dev/ours" | while read -r loop; do
  partx --delete "$loop" 2>/dev/null || true
  losetup --detach "$loop"
done
exit $status
`

func newBench(t *testing.T, images string) bench {
	t.Helper()
	b := bench{newLayerOf(t, "disks"), images}
	if out, err := exec.Command("bash", "-c", imitated, "imitated", b.root).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return b
}

// newDisks gives empty disks.
func newDisks(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range disks {
		f, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Truncate(400 << 20); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// boot does what cloud-init would at a boot: it writes the files, and runs the command
// between two others.
func (b bench) boot(t *testing.T, userData, then string, before ...string) (out string, done bool) {
	t.Helper()
	var config struct {
		Files []struct{ Path, Permissions, Encoding, Content string } `yaml:"write_files"`
		Run   [][]string                                              `yaml:"runcmd"`
	}
	if err := yaml.Unmarshal([]byte(userData), &config); err != nil {
		t.Fatal(err)
	}
	put := func(name, text string, mode os.FileMode) {
		t.Helper()
		file := filepath.Join(b.root, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range config.Files {
		mode, err := strconv.ParseUint(f.Permissions, 8, 32)
		if err != nil {
			t.Fatal(err)
		}
		content := []byte(f.Content)
		if f.Encoding != "" {
			if content, err = base64.StdEncoding.DecodeString(f.Content); err != nil {
				t.Fatal(err)
			}
		}
		put(f.Path, string(content), os.FileMode(mode))
	}
	for i, text := range config.Run[0][2:] {
		put(fmt.Sprintf("document/%d", i), text, 0o600)
	}
	text, err := exec.Command("unshare", "--mount", "--uts", "--propagation", "private", "bash", "-c", withDisks, "boot", b.root, b.images,
		strings.Join(before, "\n")+"\nbash /document/0 \"$(cat /document/2)\" \"$(cat /document/3)\" && {\n"+then+"\n}").CombinedOutput()
	_, missing := os.Stat(filepath.Join(b.root, "var/lib/kubespore/assembled"))
	return string(text), err == nil && missing == nil
}

// disksDocument gives user-data of the topology with disks, changed.
func disksDocument(t *testing.T, from, to string) string {
	t.Helper()
	_, hosts := both(t, "../../testdata/good/disks.yaml", "debian")
	text, err := os.ReadFile(filepath.Join(hosts, "cp1/user-data"))
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.ReplaceAll(string(text), from, to)
	if from != to && changed == string(text) {
		t.Fatalf("the document has no %q", from)
	}
	return changed
}

// look prints what is on the disks, and what is on the file systems.
const look = `partx --raw --noheadings --output NR,START,SECTORS,UUID,NAME /dev/disk/by-id/virtio-parts
cryptsetup luksUUID /dev/disk/by-partlabel/vault
cryptsetup luksDump /dev/disk/by-partlabel/vault | grep ^Version
stat -c '%a %n' /etc/luks /etc/luks/vault /etc/crypttab; cut -d' ' -f1,3,4 /etc/crypttab
for device in /dev/disk/by-partlabel/images /dev/mapper/vault /dev/md/etcd /dev/disk/by-id/virtio-whole; do blkid -p -s TYPE -s LABEL -s UUID -o export $device | grep -v ^DEVNAME; done
for folder in /var/lib/kubespore/images /var/lib/etcd /var/lib/vault /var/lib/whole; do mountpoint $folder; cat $folder/data; done
`

// TestDisks makes partitions, an array and an encrypted volume on empty disks, and then
// applies the document to another system with these disks: all that is on them stays.
func TestDisks(t *testing.T) {
	needRoot(t)
	document, images := disksDocument(t, "", ""), newDisks(t)
	first := newBench(t, images)
	made, done := first.boot(t, document, `for folder in /var/lib/kubespore/images /var/lib/etcd /var/lib/vault /var/lib/whole; do echo "of $folder" >$folder/data; done; echo LOOK; `+look)
	if !done {
		t.Fatal(made)
	}
	_, made, _ = strings.Cut(made, "LOOK\n")
	for _, want := range []string{
		`(?m)^1 2048 245760 \S+ images$`, `(?m)^2 247808 204800 \S+ mirror$`, `(?m)^3 452608 \d+ \S+ vault$`,
		`(?m)^Version:\s+2$`, `(?m)^700 /etc/luks$`, `(?m)^600 /etc/luks/vault$`, `(?m)^vault /etc/luks/vault luks$`,
		`LABEL=images\n(UUID=\S+\n)?TYPE=ext4`, `LABEL=vault\n`, `LABEL=etcd\n`, `of /var/lib/vault`,
	} {
		if !regexp.MustCompile(want).MatchString(made) {
			t.Errorf("there is no %s in:\n%s", want, made)
		}
	}
	second := newBench(t, images)
	kept, done := second.boot(t, document, "echo LOOK; "+look)
	if !done {
		t.Fatal(kept)
	}
	if _, kept, _ = strings.Cut(kept, "LOOK\n"); kept != made {
		t.Errorf("with another system the disks had\n%s\nand now have\n%s", made, kept)
	}
	// The power went when mount units were on, and the rest was not noted.
	again, done := second.boot(t, document, "echo LOOK; "+look, "mount /dev/disk/by-partlabel/images /var/lib/kubespore/images")
	if _, again, _ = strings.Cut(again, "LOOK\n"); !done || again != made {
		t.Errorf("applied again: %v\n%s\nand before\n%s", done, again, made)
	}
}

// TestDisksStartOver cuts the power after each change of a disk, in the midst of those that
// are not a single write. The next boot makes whole what was begun.
func TestDisksStartOver(t *testing.T) {
	needRoot(t)
	const step = "luks vault /dev/disk/by-partlabel/vault keep - - - --"
	document := disksDocument(t, step, step+" --pbkdf pbkdf2 --pbkdf-force-iterations 1000") // fast
	cuts := 0
	for cut := 1; ; cut++ {
		b := newBench(t, newDisks(t))
		if err := os.WriteFile(filepath.Join(b.root, "cut"), fmt.Append(nil, cut), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, done := b.boot(t, document, "true"); done {
			break
		}
		calls, err := os.ReadFile(filepath.Join(b.root, "calls"))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(filepath.Join(b.root, "cut")); err != nil {
			t.Fatal(err)
		}
		out, done := b.boot(t, document, "rm -f /var/lib/*/data /var/lib/kubespore/images/data; "+strings.ReplaceAll(look, "cat $folder/data", "true"))
		if !done || strings.Count(out, "is a mountpoint") != 4 || !strings.Contains(out, " mirror") {
			t.Errorf("cut at %d, after\n%s\nthe next boot did not end as it should:\n%s", cut, calls, out)
		}
		cuts++
	}
	if cuts < 12 {
		t.Errorf("%d cuts", cuts)
	}
}

// TestDisksRefuse has disks that hold something: the machine says so and leaves them alone,
// unless the document says to wipe them.
func TestDisksRefuse(t *testing.T) {
	needRoot(t)
	document := disksDocument(t, "", "")
	tests := []struct{ name, before, from, to, says string }{
		{"another table", "printf 'label: dos\n,\n' | sfdisk -q parts", "", "", "virtio-parts holds something else (dos) and may not be wiped"},
		{"another partition", "printf 'label: gpt\n1 : size=50MiB, name=\"images\"\n' | sfdisk -q parts", "", "", "partition 1 of the disk /dev/disk/by-id/virtio-parts is another one (images, 50 MiB)"},
		{"a file system where the table goes", "mkfs.ext4 -qF parts", "", "", "virtio-parts holds something else (ext4)"},
		{"a file system on a member", "mkfs.ext4 -qF other", "", "", "virtio-other holds something else (ext4)"},
		{"another key", "printf 'label: gpt\n1 : size=120MiB, name=\"images\"\n2 : size=100MiB, name=\"mirror\"\n3 : name=\"vault\"\n' | sfdisk -q parts; echo another >key; truncate -s $((452608*512)) head; dd if=parts of=head bs=1M count=221 conv=notrunc status=none; truncate -s 150M v; cryptsetup luksFormat -q --pbkdf pbkdf2 --pbkdf-force-iterations 1000 v key; dd if=v of=parts bs=1M seek=221 conv=notrunc status=none; rm v head key", "", "", "/dev/disk/by-partlabel/vault is encrypted with another key"},
		{"no disk", "rm spare", "SECONDS-TO-WAIT", "", "there is no disk /dev/disk/by-id/virtio-spare"},
		{"wiped", "printf 'label: dos\n,\n' | sfdisk -q parts", "table /dev/disk/by-id/virtio-parts keep", "table /dev/disk/by-id/virtio-parts wipe", ""},
		{"a member wiped", "mkfs.ext4 -qF other", "array etcd raid1 1 keep", "array etcd raid1 1 wipe", ""},
	}
	for _, test := range tests {
		text := document
		if test.from == "SECONDS-TO-WAIT" {
			text = strings.ReplaceAll(text, "seconds++ == 90", "seconds++ == 1")
		} else if test.from != "" {
			text = strings.ReplaceAll(text, test.from, test.to)
		}
		images := newDisks(t)
		command := exec.Command("bash", "-euc", test.before)
		command.Dir = images
		if out, err := command.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", test.name, err, out)
		}
		b := newBench(t, images)
		out, done := b.boot(t, text, "true")
		if done != (test.says == "") {
			t.Errorf("%s: assembled: %v\n%s", test.name, done, out)
		}
		said, err := os.ReadFile(filepath.Join(b.root, "console"))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(said), test.says) {
			t.Errorf("%s: the console says %q, want %q\n%s", test.name, said, test.says, out)
		}
	}
}

// TestDisksLackProgram takes programs away: the console names each with its package.
func TestDisksLackProgram(t *testing.T) {
	needRoot(t)
	for file, says := range map[string]string{
		"usr/local/sbin/mdadm":               "the system lacks mdadm (package mdadm): disks",
		"usr/lib/systemd/systemd-cryptsetup": "the system lacks /usr/lib/systemd/systemd-cryptsetup (package systemd-cryptsetup): disks",
	} {
		b := newBench(t, newDisks(t))
		if err := os.Remove(filepath.Join(b.root, file)); err != nil {
			t.Fatal(err)
		}
		out, done := b.boot(t, disksDocument(t, "", ""), "true")
		said, err := os.ReadFile(filepath.Join(b.root, "etc/issue.d/kubespore-assembly.issue"))
		if err != nil || done || !strings.Contains(string(said), says) {
			t.Errorf("%s: %v %v: %s\n%s", file, err, done, said, out)
		}
	}
}
