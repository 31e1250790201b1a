//go:build real

package payload

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestInstall installs from a bundle in the image; the second run changes
// nothing, and a program that the administrator has put in the place of ours
// stays.
func TestInstall(t *testing.T) {
	w := newWorld(t, "")
	m := w.machine(t)
	m.bake(t, w)
	if ended, said := m.run(t, installer, time.Minute); !ended {
		t.Fatal(said)
	}
	m.check(t, w, true)
	kubelet := filepath.Join(m.root, "opt/bin/kubelet")
	write(t, kubelet, []byte("#!/bin/sh\n# upgraded\n"))
	if ended, said := m.run(t, installer, time.Minute); !ended || said != "" {
		t.Fatalf("again: %v %s", ended, said)
	}
	if text, err := os.ReadFile(kubelet); err != nil || !strings.Contains(string(text), "upgraded") {
		t.Errorf("the administrator's kubelet is gone: %v", err)
	}
}

// TestManifest installs a file of objects that the bill has besides programs:
// the one that was locked, and it cannot be run. The second run takes it as it
// is.
func TestManifest(t *testing.T) {
	const path = "/var/lib/kubespore/manifests/calico.yaml"
	w := newWorldFrom(t, topology(t, "  calico: {}\n"))
	if file := w.files[path]; !strings.HasPrefix(file, "manifests/calico-v") {
		t.Fatalf("the bundle has it as %q", file)
	}
	m := w.machine(t)
	m.bake(t, w)
	if ended, said := m.run(t, installer, time.Minute); !ended {
		t.Fatal(said)
	}
	m.check(t, w, true)
	if info, err := os.Stat(filepath.Join(m.root, path)); err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("%v, %v", info, err)
	}
	if ended, said := m.run(t, installer, time.Minute); !ended || said != "" {
		t.Errorf("again: %v %s", ended, said)
	}
}

// TestPowerCuts cuts the power again and again, later each time, until the
// installation has ended by itself.
func TestPowerCuts(t *testing.T) {
	w := newWorld(t, "")
	m := w.machine(t)
	m.bake(t, w)
	ended := false
	cuts := 0
	for power := 5 * time.Millisecond; !ended; power += power/8 + time.Duration(rand.IntN(8))*time.Millisecond {
		ended, _ = m.run(t, installer, power)
		m.check(t, w, ended)
		cuts++
	}
	t.Logf("%d runs", cuts)
	if cuts < 5 {
		t.Errorf("only %d runs: the cuts came too late", cuts)
	}
}

// TestWrongProgram flips a bit in one program of the payload, and one in a
// program of the image. The machine names them and has none of the first; as
// soon as the payload is right, it goes on by itself.
func TestWrongProgram(t *testing.T) {
	w := newWorld(t, "")
	m := w.machine(t)
	dir := m.bake(t, w)
	write(t, filepath.Join(m.root, "opt/bin/kubectl"), []byte("#!/bin/sh\n# baked, and another one\n"))
	flip(t, filepath.Join(dir, w.files["/opt/bin/kubelet"]))
	said := m.runUntil(t, installer, w.files["/opt/bin/kubelet"])
	if !strings.Contains(said, "missing: /opt/bin/kubelet (") || !strings.Contains(said, "refused /var/lib/kubespore/payload/"+w.files["/opt/bin/kubelet"]+": its sha256 is ") {
		t.Error(said)
	}
	if _, err := os.Stat(filepath.Join(m.root, "opt/bin/kubelet")); err == nil {
		t.Error("the wrong kubelet is installed")
	}
	m.check(t, w, false)
	flip(t, filepath.Join(dir, w.files["/opt/bin/kubelet"]))
	if ended, said := m.run(t, installer, time.Minute); !ended {
		t.Fatal(said)
	}
	m.check(t, w, true)
}

// TestVolume plugs in the volume while the machine waits for it.
func TestVolume(t *testing.T) {
	w := newWorld(t, "")
	m := w.machine(t)
	m.runUntil(t, installer, "looking for a volume labelled KUBESPORE")
	other := filepath.Join(w.dir, "other.img")
	shell(t, fmt.Sprintf("truncate -s 1M %[1]s && mkswap --label KUBESPORE %[1]s", other))
	unplug := plug(t, other)
	said := m.runUntil(t, installer, "cannot be mounted")
	for line := range strings.Lines(said) {
		if strings.Count(line, "the volume KUBESPORE") > 1 {
			t.Errorf("it says so more than once: %s", line)
		}
	}
	unplug()
	image := filepath.Join(w.dir, "volume.img")
	shell(t, fmt.Sprintf("truncate -s 64M %[1]s && mkfs.ext4 -q -L KUBESPORE -d %[2]s %[1]s", image, w.bundle))
	plug(t, image)
	if ended, said := m.run(t, installer, time.Minute); !ended {
		t.Fatal(said)
	}
	m.check(t, w, true)
}

// TestDisk does so with the disk image, whose partition has the name.
func TestDisk(t *testing.T) {
	w := newWorld(t, "")
	for _, name := range []string{"one.img", "two.img"} {
		w.kubespore(t, "payload", "pack", "--from", "payload", "--squashfs", name, "single.yaml")
	}
	shell(t, "sfdisk --verify "+filepath.Join(w.dir, "one.img"))
	// A stick is bigger than what is written to it.
	shell(t, "truncate -s +8M "+filepath.Join(w.dir, "two.img"))
	for _, name := range []string{"one.img", "two.img"} {
		m := w.machine(t)
		unplug := plug(t, filepath.Join(w.dir, name))
		if ended, said := m.run(t, installer, time.Minute); !ended {
			t.Fatal(said)
		}
		m.check(t, w, true)
		unplug()
	}
}

// plug attaches an image as a disk. Not every kernel reads partition tables
// itself; partx reads them as well.
func plug(t *testing.T, image string) (unplug func()) {
	t.Helper()
	device := strings.TrimSpace(shell(t, "losetup --find --show --read-only --partscan "+image))
	unplug = sync.OnceFunc(func() {
		shell(t, fmt.Sprintf("partx --delete %[1]s 2>/dev/null || true; losetup --detach %[1]s", device))
	})
	t.Cleanup(unplug)
	shell(t, "partx --add "+device+" 2>/dev/null || true")
	return unplug
}

// TestMirror fetches from a web server that breaks off in the middle of the
// first file.
func TestMirror(t *testing.T) {
	var bundle string
	var resumed atomic.Bool
	var broken atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Range") != "" {
			resumed.Store(true)
		}
		file := filepath.Join(bundle, filepath.FromSlash(r.URL.Path))
		if broken.Add(1) == 1 {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Error(err)
			}
			rw.Header().Set("Content-Length", fmt.Sprint(len(text)))
			_, _ = rw.Write(text[:len(text)/2])
			panic(http.ErrAbortHandler)
		}
		http.ServeFile(rw, r, file)
	}))
	defer server.Close()
	w := newWorld(t, fmt.Sprintf("  payload: {volume: false, mirror: %q}\n", server.URL))
	bundle = w.bundle
	m := w.machine(t)
	if ended, said := m.run(t, installer, time.Minute); !ended || !strings.Contains(said, "cannot be fetched") {
		t.Fatalf("ended: %v\n%s", ended, said)
	}
	m.check(t, w, true)
	if !resumed.Load() {
		t.Error("what was there already was fetched once more")
	}
}

// TestUnlocked waits for programs that nothing pins, looks for them nowhere,
// and takes them as they are.
func TestUnlocked(t *testing.T) {
	w := newWorld(t, "")
	m := w.machine(t)
	m.bake(t, w)
	var list strings.Builder
	for path := range w.programs {
		fmt.Fprintf(&list, "%s v1\n", path)
		if path != "/opt/bin/kubelet" {
			write(t, filepath.Join(m.root, path), []byte("#!/bin/sh\n"))
		}
	}
	write(t, filepath.Join(m.root, "etc/kubespore/binaries"), []byte(list.String()))
	if said := m.runUntil(t, installer, "missing: "); said != "missing: /opt/bin/kubelet (v1)\n" {
		t.Error(said)
	}
	write(t, filepath.Join(m.root, "opt/bin/kubelet"), []byte("#!/bin/sh\n"))
	if ended, said := m.run(t, installer, time.Minute); !ended {
		t.Error(said)
	}
}
