//go:build real

package applied

import (
	"bytes"
	"encoding/json"
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

// sameTree compares a root with a document: every path that the document says,
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

// explained compares the tree with what `explain` tells a user about it.
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

// readBySystemd lets systemd-analyze verify every unit in a file system that
// is this machine's with the document's tree over it. The programs of the bill
// of materials stand in as empty executables at exactly their paths.
func readBySystemd(t *testing.T, root string, doc *document.Document, programs []string) {
	t.Helper()
	standIns(t, root, programs)
	verifyUnits(t, overlay(t, root), doc)
}

// standIns puts empty executables where programs will be.
func standIns(t *testing.T, root string, programs []string) {
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
}

// verifyUnits lets the systemd-analyze of a root verify the units of a document.
func verifyUnits(t *testing.T, merged string, doc *document.Document) {
	t.Helper()
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
