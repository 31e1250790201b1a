package profiles_test

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/kubespore/kubespore/pkg/compile/compiletest"
	"github.com/kubespore/kubespore/pkg/document"
	"github.com/kubespore/kubespore/pkg/profile"
	"github.com/kubespore/kubespore/profiles"
)

var now = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// chroot is a folder that becomes the root of a process: the files of a host's
// document, over the programs of the system that the tests run on.
type chroot struct {
	root string
	doc  *document.Document
}

// newChroot lays out a host of a topology, written as if nothing had run yet.
func newChroot(t *testing.T, file, host string, layers ...profile.Source) *chroot {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	layers = append([]profile.Source{{Name: "profiles", FS: profiles.FS}}, layers...)
	doc, list := compiletest.Document(file, text, host, os.DirFS(filepath.Dir(file)).(fs.ReadFileFS).ReadFile, now, layers...)
	if list.HasErrors() {
		t.Fatal(list)
	}
	return layOut(t, doc)
}

// layOut writes what a document holds into a folder.
func layOut(t *testing.T, doc *document.Document) *chroot {
	t.Helper()
	m := &chroot{rootFolder(t), doc}
	entries, err := doc.Entries()
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		switch {
		case e.Masked:
			m.link(t, e.Path, "/dev/null")
		case e.Kind == document.KindLink:
			m.link(t, e.Path, e.Target)
		case e.Kind == document.KindDirectory:
			m.folder(t, e.Path)
		case e.Kind == document.KindUnit && len(e.Content) == 0:
			m.put(t, e.Path, "[Install]\nWantedBy=multi-user.target\n", 0o644) // the image has it
		default:
			m.put(t, e.Path, string(e.Content), fs.FileMode(e.Mode))
		}
	}
	enable := []string{"systemctl", "--quiet", "enable"}
	for _, e := range entries {
		if e.Kind == document.KindUnit && e.Enabled != nil && *e.Enabled {
			enable = append(enable, e.Unit)
		}
	}
	m.run(t, enable...)
	return m
}

// rootFolder gives a folder in memory, since scripts flush what they write to the disk.
func rootFolder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "kubespore-root-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func (m *chroot) path(name string) string { return filepath.Join(m.root, name) }

func (m *chroot) exists(name string) bool {
	_, err := os.Lstat(m.path(name))
	return err == nil
}

func (m *chroot) folder(t *testing.T, name string) {
	t.Helper()
	if err := os.MkdirAll(m.path(name), 0o755); err != nil {
		t.Fatal(err)
	}
}

func (m *chroot) put(t *testing.T, name, text string, mode fs.FileMode) {
	t.Helper()
	m.folder(t, filepath.Dir(name))
	if err := os.WriteFile(m.path(name), []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

func (m *chroot) link(t *testing.T, name, target string) {
	t.Helper()
	m.folder(t, filepath.Dir(name))
	if err := os.Symlink(target, m.path(name)); err != nil {
		t.Fatal(err)
	}
}

// enter makes the folder the root, with the programs of this system, a network
// and processes of its own.
const enter = `
set -eu
root=$1
shift
for folder in usr proc dev sys tmp; do mkdir -p "$root/$folder"; done
mount --rbind --make-rslave /usr "$root/usr"
mount -o remount,bind,ro "$root/usr"
for link in bin lib lib32 lib64 sbin; do
	if [ -L "/$link" ] && [ ! -e "$root/$link" ]; then ln -s "usr/$link" "$root/$link"; fi
done
for link in alternatives ld.so.cache; do
	if [ -e "/etc/$link" ] && [ ! -e "$root/etc/$link" ]; then mkdir -p "$root/etc"; cp -a "/etc/$link" "$root/etc/$link"; fi
done
ip link set lo up
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
PATH=/usr/sbin:/usr/bin exec chroot "$root" "$@"
`

// run starts a program of the machine, as root of only that folder.
func (m *chroot) run(t *testing.T, command ...string) string {
	t.Helper()
	out, err := m.try(t, command...)
	if err != nil {
		t.Fatalf("%q: %v\n%s", command, err, out)
	}
	return out
}

func (m *chroot) try(t *testing.T, command ...string) (string, error) {
	t.Helper()
	own := []string{"--mount", "--net", "--pid", "--fork", "--kill-child"}
	if os.Getuid() != 0 {
		own = append(own, "--user", "--map-root-user")
	}
	c := exec.Command("unshare", append(append(own, "sh", "-c", enter, "enter", m.root), command...)...)
	c.Env = []string{"LC_ALL=C", "SYSTEMD_OFFLINE=1"}
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	err := c.Run()
	hear(t, command[0], out.String(), m.path("/run/kubespore/notice"), m.path("/run/kubespore/waiting"), m.path("/etc/issue.d"))
	return out.String(), err
}
