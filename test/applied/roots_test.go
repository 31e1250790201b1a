//go:build real

package applied

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/kubespore/kubespore/pkg/document"
)

// decoded is the document of a host.
func decoded(t *testing.T, b built, host string) *document.Document {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(b.hosts, host, "config.ign"))
	if err != nil {
		t.Fatal(err)
	}
	doc, err := document.Decode(host, raw, nil)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// sealed mounts a layer as a system has its root: read-only but for some folders,
// with links that lead there.
func (l layer) sealed(t *testing.T, f facts) string {
	t.Helper()
	for link, target := range f.Links {
		from, to := filepath.Join(l.root, link), filepath.Join(l.root, target)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			t.Fatal(err)
		}
		err := os.Rename(from, to)
		if errors.Is(err, os.ErrNotExist) {
			if err := os.Mkdir(to, 0o755); err != nil {
				t.Fatal(err)
			}
		} else if err != nil {
			// An overlay does not move folders of what lies below it.
			run(t, "cp", "-a", from, to)
			run(t, "rm", "-r", from)
		}
		relative, err := filepath.Rel(filepath.Dir(link), target)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(relative, from); err != nil {
			t.Fatal(err)
		}
	}
	at := filepath.Join(l.dir, "sealed")
	if err := os.Mkdir(at, 0o755); err != nil {
		t.Fatal(err)
	}
	bind(t, l.root, at, syscall.MS_RDONLY)
	for _, folder := range f.Writable {
		if err := os.MkdirAll(filepath.Join(l.root, folder), 0o755); err != nil {
			t.Fatal(err)
		}
		bind(t, filepath.Join(l.root, folder), filepath.Join(at, folder), 0)
	}
	return at
}

// bind shows a folder at another place as well, until the test ends.
func bind(t *testing.T, from, to string, how uintptr) {
	t.Helper()
	if err := syscall.Mount(from, to, "", syscall.MS_BIND, ""); err != nil {
		t.Fatal(from, to, err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(to, syscall.MNT_DETACH); err != nil {
			t.Error(to, err)
		}
	})
	if how != 0 {
		if err := syscall.Mount("", to, "", syscall.MS_REMOUNT|syscall.MS_BIND|how, ""); err != nil {
			t.Fatal(to, err)
		}
	}
}

// TestReadOnlyRoot: where the root is read-only and takes no new folder, and /opt, /home
// and others are links into /var, the real Ignition writes the whole of each document.
func TestReadOnlyRoot(t *testing.T) {
	needRoot(t)
	for system, f := range systems(t) {
		if len(f.Writable) == 0 {
			continue
		}
		b := buildFor(t, "../../examples/ha.yaml", system)
		for _, host := range []string{"cp1", "w1"} {
			at := newLayerOf(t, "debian-13").sealed(t, f)
			if err := os.Mkdir(filepath.Join(at, "data"), 0o755); !errors.Is(err, syscall.EROFS) {
				t.Fatalf("the root takes a new folder: %v", err)
			}
			apply(t, at, filepath.Join(b.hosts, host, "config.ign"))
			entries, err := decoded(t, b, host).Entries()
			if err != nil || len(entries) == 0 {
				t.Fatal("no entries", err)
			}
			for _, e := range entries {
				if e.Kind == document.KindFile || e.Kind == document.KindDirectory {
					same(t, at, e)
				}
			}
		}
	}
}

// TestNoexecEtc: Flatcar mounts /etc noexec. systemd starts every unit of a document
// there, and would not start a program that lies in /etc.
func TestNoexecEtc(t *testing.T) {
	needRoot(t)
	b := buildFor(t, "../../examples/ha.yaml", "flatcar")
	for _, host := range []string{"cp1", "w1"} {
		l := newLayerOf(t, "debian-13")
		apply(t, l.root, filepath.Join(b.hosts, host, "config.ign"))
		standIns(t, l.root, programs(t, l.root))
		l.put(t, "etc/started", "#!/bin/sh\n")
		l.put(t, "etc/systemd/system/of-the-test.service", "[Service]\nExecStart=/etc/started\n")
		etc := filepath.Join(l.root, "etc")
		bind(t, etc, etc, syscall.MS_NOEXEC)
		out, err := l.enter(t, "systemd-analyze verify --man=no --generators=no /etc/systemd/system/of-the-test.service")
		if err == nil || !strings.Contains(string(out), "/etc/started is not executable") {
			t.Fatalf("/etc is not noexec: %v\n%s", err, out)
		}
		verifyUnits(t, l.root, decoded(t, b, host))
	}
}

// ofDebian are programs that its cloud-init and its systemd have with them or call.
var ofDebian = regexp.MustCompile(`^(cloud-\w+|python3.*|sh|dash|passwd|hostname|getopt|perl|update-rc\.d)$`)

// TestStockRoots takes from a root every program that the stock image of a system does not
// have, by the facts of that system. Documents are assembled there, and the machine names
// each program that it misses, with the package that brings it, and waits where it must.
func TestStockRoots(t *testing.T) {
	needRoot(t)
	for system, f := range systems(t) {
		t.Run(system, func(t *testing.T) {
			t.Parallel()
			l := newLayerOf(t, "debian-13")
			if slices.Contains(f.Formats, "cloud-init") {
				_, cloudInit := both(t, "more.yaml", system)
				seed(t, l, filepath.Join(cloudInit, "cp1"))
				l.prune(t, f.Programs)
				assemble(t, l, "true")
			} else {
				apply(t, l.root, filepath.Join(buildFor(t, "../../examples/ha.yaml", system).hosts, "cp1", "config.ign"))
				l.prune(t, f.Programs)
			}
			l.looks(t, f.Programs)
		})
	}
}

// buildFor builds a topology for another system, with Ignition.
func buildFor(t *testing.T, topology, system string) built {
	t.Helper()
	text, err := os.ReadFile(topology)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	copyInputs(t, dir, filepath.Dir(topology))
	text = regexp.MustCompile(`(?m)^(os|format): .*\n`).ReplaceAll(text, nil)
	file := filepath.Join(dir, system+"-"+filepath.Base(topology))
	if err := os.WriteFile(file, append(text, "os: "+system+"\n"...), 0o644); err != nil {
		t.Fatal(err)
	}
	return build(t, file)
}

// prune leaves in the folders of programs only those that are named.
func (l layer) prune(t *testing.T, programs []string) {
	t.Helper()
	for _, folder := range []string{"usr/bin", "usr/sbin"} {
		entries, err := os.ReadDir(filepath.Join(l.root, folder))
		if err != nil || len(entries) == 0 {
			t.Fatal(folder, err)
		}
		for _, e := range entries {
			if slices.Contains(programs, e.Name()) || ofDebian.MatchString(e.Name()) {
				continue
			}
			if err := os.Remove(filepath.Join(l.root, folder, e.Name())); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, name := range programs {
		at := []string{filepath.Join(l.root, "usr/bin", name), filepath.Join(l.root, "usr/sbin", name)}
		if !slices.ContainsFunc(at, func(path string) bool { _, err := os.Lstat(path); return err == nil }) {
			l.put(t, filepath.Join("usr/sbin", name), "#!/bin/bash\n")
		}
	}
}

// looks compares what the machine says that it lacks with the facts.
func (l layer) looks(t *testing.T, programs []string) {
	t.Helper()
	list, err := os.ReadFile(filepath.Join(l.root, "etc/kubespore/system"))
	if err != nil {
		t.Fatal(err)
	}
	var wanted []string
	must := false
	for line := range strings.Lines(string(list)) {
		fields := strings.Fields(line)
		if fields[0] != "program" || slices.Contains(programs, fields[1]) {
			continue
		}
		must = must || fields[2] != "-"
		text := fields[1] + ": "
		if fields[3] != "-" {
			text = fields[1] + " (package " + fields[3] + "): "
		}
		wanted = append(wanted, text)
	}
	for name, text := range map[string]string{"systemctl": "", "systemd-detect-virt": "", "systemd-notify": "touch /run/ready\n"} {
		l.put(t, filepath.Join("usr/local/bin", name), "#!/bin/bash\n"+text)
	}
	out, _ := l.enter(t, "timeout 5 /opt/kubespore/bin/kubespore-system")
	if _, err := os.Stat(filepath.Join(l.root, "run/ready")); (err == nil) == must {
		t.Errorf("what it must have is missing: %v, and it goes on: %v", must, err == nil)
	}
	for _, text := range wanted {
		if !strings.Contains(string(out), text) {
			t.Errorf("it does not say %q", text)
		}
	}
	if n := strings.Count(string(out), "; ") + strings.Count(string(out), "the system lacks"); n != len(wanted) || t.Failed() {
		t.Errorf("%d programs are missing, and it names %d:\n%s", len(wanted), n, out)
	}
	t.Logf("%d: %s", len(wanted), strings.TrimSpace(string(out)))
}
