//go:build real

package media

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// cloudImage is laid out by the programs that lay out the cloud images of
// distributions, with a file system in it.
func cloudImage(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	root, disk := filepath.Join(dir, "root.ext4"), filepath.Join(dir, "disk.raw")
	program(t, "mkfs.ext4", "-q", "-L", "root", root, "40M")
	program(t, "truncate", "-s", "64M", disk)
	program(t, "sgdisk", "-n1:32768:+40M", "-t1:8304", "-n14:2048:+3M", "-t14:ef02", "-n15:0:+4M", "-t15:ef00", disk)
	program(t, "dd", "if="+root, "of="+disk, "bs=512", "seek=32768", "conv=notrunc", "status=none")
	return disk
}

// part copies a partition out of a raw disk and gives the copy's name.
func part(t *testing.T, disk, number string) string {
	t.Helper()
	var first, last string
	for _, line := range strings.Split(program(t, "sgdisk", "-i", number, disk), "\n") {
		words := strings.Fields(line)
		if len(words) > 2 && words[0] == "First" {
			first = words[2]
		}
		if len(words) > 2 && words[0] == "Partition" && words[1] == "size:" {
			last = words[2]
		}
	}
	out := filepath.Join(t.TempDir(), "part")
	program(t, "dd", "if="+disk, "of="+out, "bs=512", "skip="+first, "count="+last, "status=none")
	return out
}

// checkDisk has others look at a disk: the table, the old file system and the
// seed.
func checkDisk(t *testing.T, disk, source string, h Host) {
	t.Helper()
	if out := program(t, "sgdisk", "-v", disk); !strings.Contains(out, "No problems found") {
		t.Error(out)
	}
	if out := program(t, "sfdisk", "--verify", disk); !strings.Contains(out, "No errors detected") {
		t.Error(out)
	}
	program(t, "cmp", part(t, disk, "1"), part(t, source, "1"))
	program(t, "e2fsck", "-fn", part(t, disk, "1"))
	seed := part(t, disk, "2")
	if probe := program(t, "blkid", "-p", "-o", "export", seed); !strings.Contains(probe, "LABEL=CIDATA\n") || !strings.Contains(probe, "TYPE=iso9660\n") {
		t.Error(probe)
	}
	if got := program(t, "isoinfo", "-R", "-i", seed, "-x", "/user-data"); got != document(t, h) {
		t.Errorf("user-data is %q", got)
	}
}

func TestDiskRaw(t *testing.T) {
	source := cloudImage(t)
	for _, size := range []int64{0, 200 << 20} {
		f, err := os.Open(source)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		dir := t.TempDir()
		m, err := Disk(f, size, dir)
		if err != nil {
			t.Fatal(err)
		}
		write(t, dir, m, debianHost("a"))
		disk := filepath.Join(dir, "a.raw")
		checkDisk(t, disk, source, debianHost("a"))
		if size == 0 {
			continue
		}
		// The root file system may grow up to the seed.
		program(t, "sgdisk", "-d1", "-n1:32768:0", "-t1:8304", disk)
		if out := program(t, "sgdisk", "-p", disk); !strings.Contains(out, "182.0 MiB ") {
			t.Error(out)
		}
		if out := program(t, "sgdisk", "-v", disk); !strings.Contains(out, "No problems found") {
			t.Error(out)
		}
	}
}

// TestDiskLayer has QEMU's own program read a layer over a compressed image.
func TestDiskLayer(t *testing.T) {
	source := cloudImage(t)
	packed := filepath.Join(t.TempDir(), "stock.qcow2")
	program(t, "qemu-img", "convert", "-c", "-O", "qcow2", source, packed)
	f, err := os.Open(packed)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for name, size := range map[string]int64{"small": 0, "big": 3 << 40} {
		dir := filepath.Join(t.TempDir(), "media")
		m, err := Disk(f, size, dir)
		if err != nil {
			t.Fatal(err)
		}
		write(t, dir, m, debianHost("a"))
		layer := filepath.Join(dir, "a.qcow2")
		if out := program(t, "qemu-img", "check", layer); !strings.Contains(out, "No errors were found") {
			t.Errorf("%s: %s", name, out)
		}
		if info, err := os.Stat(layer); err != nil || info.Size() > 2<<20 {
			t.Errorf("%s: %v %v", name, info.Size(), err)
		}
		flat := filepath.Join(t.TempDir(), "flat.raw")
		program(t, "qemu-img", "convert", "-O", "raw", layer, flat)
		if name == "small" {
			checkDisk(t, flat, source, debianHost("a"))
		} else if out := program(t, "sgdisk", "-v", flat); !strings.Contains(out, "No problems found") {
			t.Error(out)
		}
	}
}

// TestBake makes a golden image of a Debian root.
func TestBake(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("a root can only be made by root")
	}
	stock, err := exec.Command("../../test/tools/root", "cloud-init").Output()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, content := range map[string]string{"bundle/payload.lock": "{}", "bundle/images/amd64/a.tar": "image", "bundle/.partial/b": "half", "bake.sh": Bake(catalog().Systems()), "prepare.sh": prepare} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, err := exec.Command("unshare", "--mount", "--uts", "sh", filepath.Join(dir, "prepare.sh"), strings.TrimSpace(string(stock)), dir).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if text := string(out); strings.Contains(text, "WRONG") || !strings.Contains(text, "ALL LOOKED AT") {
		t.Error(text)
	}
}

// prepare gives a root some identity, bakes it, and looks at what is left.
const prepare = `set -eu
stock=$1 dir=$2
mkdir "$dir/over" "$dir/root"
mount -t tmpfs none "$dir/over"
mkdir "$dir/over/upper" "$dir/over/work"
mount -t overlay -o "lowerdir=$stock,upperdir=$dir/over/upper,workdir=$dir/over/work" none "$dir/root"
cd "$dir/root"
mkdir -p etc/ssh root/.ssh var/lib/cloud/instance var/log/journal/x var/lib/systemd dev
[ -e dev/null ] || mknod -m 666 dev/null c 1 3
echo key >etc/ssh/ssh_host_ed25519_key
echo key >root/.ssh/authorized_keys
echo 0123 >etc/machine-id
echo golden >etc/hostname
echo id >var/lib/cloud/instance/id
echo log >var/log/messages
echo entry >var/log/journal/x/system.journal
echo seed >var/lib/systemd/random-seed
cp -R "$dir/bundle" srv/bundle
cp "$dir/bake.sh" srv/
wrong() { echo "WRONG: $*"; }
chroot . sh /srv/bake.sh /srv/nothing && wrong 'a folder that is not a bundle'
[ -e etc/ssh/ssh_host_ed25519_key ] || wrong 'something was done before all was sure'
mkdir etc/kubespore
chroot . sh /srv/bake.sh && wrong 'a machine of a cluster'
rmdir etc/kubespore
chroot . sh /srv/bake.sh /srv/bundle
for gone in etc/ssh/ssh_host_ed25519_key root/.ssh/authorized_keys var/lib/cloud var/log/journal/x var/lib/systemd/random-seed var/lib/kubespore/payload/.partial var/lib/kubespore/payload.new; do
  [ ! -e "$gone" ] || wrong "$gone is left"
done
[ ! -s etc/machine-id ] && [ -f etc/machine-id ] || wrong machine-id
[ ! -s var/log/messages ] || wrong log
[ "$(cat etc/hostname)" = localhost ] || wrong hostname
[ "$(cat var/lib/kubespore/payload/images/amd64/a.tar)" = image ] || wrong payload
chroot . sh /srv/bake.sh /srv/bundle || wrong 'a second time'
printf 'ID=flatcar\n' >etc/os-release
chroot . sh /srv/bake.sh && wrong 'a system with Ignition'
echo 'ALL LOOKED AT'
`
