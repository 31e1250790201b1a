//go:build real

package payload

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestVerifyStick: a bundle on a stick is verified where it is mounted, by an ordinary
// user too, no matter what the file system and desktops put next to it; named as a device, the
// volume is known by its file system and the message says what to do.
func TestVerifyStick(t *testing.T) {
	w := newWorld(t, "")
	for _, s := range []struct{ name, make, says string }{
		{"ext4", "truncate --size=16M $1; mkfs.ext4 -q $1", "ext2, ext3 or ext4"},
		{"fat32", "truncate --size=64M $1; mkfs.vfat -F 32 $1", "FAT"},
		{"fat16", "truncate --size=16M $1; mkfs.vfat -F 16 $1", "FAT"},
		{"nothing", "truncate --size=16M $1", "neither an ISO nor a disk image"},
	} {
		stick := filepath.Join(t.TempDir(), s.name)
		if out, err := exec.Command("bash", "-euc", "PATH=$PATH:/usr/sbin:/sbin; "+s.make, "make", stick).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", s.name, err, out)
		}
		c := exec.Command(program(t), "payload", "verify", "single.yaml", stick)
		c.Dir = w.dir
		out, err := c.CombinedOutput()
		if err == nil || !strings.Contains(string(out), s.says) || s.name != "nothing" && !strings.Contains(string(out), "mount -o ro") {
			t.Errorf("%s: %v\n%s", s.name, err, out)
		}
	}

	for _, name := range []string{"lost+found", "System Volume Information"} {
		if err := os.Mkdir(filepath.Join(w.bundle, name), 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(w.bundle, name, "something"), []byte("x"))
		if err := os.Chown(filepath.Join(w.bundle, name), 0, 0); err != nil {
			t.Fatal(err)
		}
	}
	for _, dir := range []string{filepath.Dir(w.dir), w.dir} {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	// The program where the user may run it, and all that it reads belongs to the user.
	text, err := os.ReadFile(program(t))
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(w.dir, "kubespore"), text)
	if err := os.Chmod(filepath.Join(w.dir, "kubespore"), 0o755); err != nil {
		t.Fatal(err)
	}
	own, err := filepath.Glob(filepath.Join(w.dir, "*.*")) // topology, store and lock
	if err != nil || len(own) < 3 {
		t.Fatal(own, err)
	}
	if out, err := exec.Command("chown", append([]string{"-R", "65534:65534", filepath.Join(w.dir, "out")}, own...)...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	c := exec.Command("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "./kubespore", "payload", "verify", "single.yaml", "payload")
	c.Dir = w.dir
	if out, err := c.CombinedOutput(); err != nil {
		t.Errorf("an ordinary user: %v\n%s", err, out)
	}
}
