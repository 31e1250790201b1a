//go:build oracle

package payload

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

const importer = "/opt/kubespore/bin/kubespore-images"

const (
	// storeOnly keeps images alone, and knows nothing of the kubelet. A root inside a
	// root may be one that overlayfs cannot stand on.
	storeOnly = "/etc/containerd/lab.toml"
	// documented is the configuration in the document.
	documented = "/etc/containerd/config.toml"
)

// containerd starts the real containerd in the machine's root with a
// configuration. It gives what ends it at once.
func (m *machine) containerd(t *testing.T, config string) (kill func()) {
	t.Helper()
	out, err := exec.Command("../tools/tool", "containerd", "ctr").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range strings.Fields(string(out)) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(m.root, "opt/bin", filepath.Base(path)), text)
	}
	write(t, filepath.Join(m.root, storeOnly), []byte(`version = 3
root = "/var/lib/containerd"
disabled_plugins = ["io.containerd.cri.v1.images", "io.containerd.cri.v1.runtime", "io.containerd.grpc.v1.cri"]
`))
	write(t, filepath.Join(m.root, "opt/bin/start"), []byte("#!/bin/sh\nexec containerd --config "+config+" --log-level error\n"))
	socket := filepath.Join(m.root, "run/containerd/containerd.sock")
	if err := os.RemoveAll(socket); err != nil {
		t.Fatal(err)
	}
	ctx, cut := context.WithCancel(context.Background())
	daemon := m.command(ctx, "/opt/bin/start")
	var log bytes.Buffer
	daemon.Stdout, daemon.Stderr = &log, &log
	if err := daemon.Start(); err != nil {
		t.Fatal(err)
	}
	kill = sync.OnceFunc(func() {
		cut()
		_ = daemon.Wait()
	})
	t.Cleanup(kill)
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if _, err := os.Stat(socket); err == nil {
			return kill
		}
		if time.Now().After(deadline) {
			t.Fatalf("containerd does not start:\n%s", log.String())
		}
	}
}

// images runs a command of `ctr images`, and gives what it says.
func (m *machine) images(t *testing.T, command string) string {
	t.Helper()
	write(t, filepath.Join(m.root, "opt/bin/images"), []byte("#!/bin/sh\nexec ctr --namespace k8s.io images "+command+"\n"))
	ended, said := m.run(t, "/opt/bin/images", time.Minute)
	if !ended {
		t.Fatal(said)
	}
	return said
}

// disk puts containerd's folder on a disk of its own.
func (m *machine) disk(t *testing.T, image string) (unplug func()) {
	t.Helper()
	at := filepath.Join(m.root, "var/lib/containerd")
	if err := os.MkdirAll(at, 0o755); err != nil {
		t.Fatal(err)
	}
	shell(t, fmt.Sprintf("mount -o loop %s %s", image, at))
	unplug = sync.OnceFunc(func() { shell(t, "umount "+at) })
	t.Cleanup(unplug)
	return unplug
}

// layers looks at the files of the layers that containerd has unpacked and
// committed, as its images use them, and counts these. What an import left that
// was cut off is not a layer.
func (m *machine) layers(t *testing.T) int {
	t.Helper()
	write(t, filepath.Join(m.root, "opt/bin/layers"), []byte(`#!/bin/bash
set -euo pipefail
snapshots() { ctr --namespace k8s.io snapshots "$@" 2>/dev/null; }
list=$(snapshots list)
while read -r layer kind; do
  if [[ $kind == *Committed ]]; then
    snapshots view --target /mnt "look-$layer" "$layer" | grep --only-matching '/[^ ]*/snapshots/[0-9]*/fs'
  fi
done <<<"$list"
`))
	ended, said := m.run(t, "/opt/bin/layers", time.Minute)
	if !ended {
		t.Fatal(said)
	}
	folders := strings.Fields(said)
	for _, folder := range folders {
		files, err := filepath.Glob(filepath.Join(m.root, folder, "*"))
		if err != nil || len(files) != 1 {
			t.Errorf("%s has the files %q: %v", folder, files, err)
		}
		for _, f := range files {
			text, err := os.ReadFile(f)
			if err != nil || len(text) != imageBytes || bytes.Contains(text, make([]byte, 512)) {
				t.Errorf("%s has %d bytes, and not those of its image: %v", f, len(text), err)
			}
		}
	}
	return len(folders)
}

// TestImages imports with the real containerd: cut off at several moments,
// with an image that is not what was locked, with a power cut that takes what
// was not on the disk yet, and then whole.
func TestImages(t *testing.T) {
	w := newWorld(t, "")
	m := w.machine(t)
	dir := m.bake(t, w)
	before, after := filepath.Join(w.dir, "before"), filepath.Join(w.dir, "after")
	shell(t, fmt.Sprintf("truncate -s 64M %[1]s && mkfs.ext4 -q %[1]s", before))
	unplug := m.disk(t, before)
	kill := m.containerd(t, storeOnly)
	locked := w.list(t, "images")
	wrong := filepath.Join(dir, locked[0][3])
	flip(t, wrong)
	for _, power := range []time.Duration{100, 300, 700} {
		if ended, said := m.run(t, importer, power*time.Millisecond); ended {
			t.Fatal(said)
		}
	}
	said := m.runUntil(t, importer, "missing: "+locked[0][0])
	// What the disk has at this moment is all that a power cut leaves. The later
	// it is, the more the kernel has written by itself.
	shell(t, "cp "+before+" "+after)
	if !strings.Contains(said, "refused /var/lib/kubespore/payload/"+locked[0][3]+": its sha256 is ") {
		t.Error(said)
	}
	if strings.Contains(m.images(t, "list"), locked[0][0]) {
		t.Error("the wrong image is imported")
	}
	kill()
	unplug()
	m.disk(t, after)
	m.containerd(t, storeOnly)
	flip(t, wrong)
	if ended, said := m.run(t, importer, 2*time.Minute); !ended {
		t.Fatal(said)
	}
	list := m.images(t, "list")
	for _, line := range locked {
		found := false
		for have := range strings.Lines(list) {
			found = found || strings.HasPrefix(have, line[0]+" ") && strings.Contains(have, line[1])
		}
		if !found {
			t.Errorf("%s is not there, or not the one that was locked:\n%s", line[0], list)
		}
	}
	if layers := m.layers(t); layers != len(locked) {
		t.Errorf("%d layers are unpacked, not %d", layers, len(locked))
	}
	if ended, said := m.run(t, importer, time.Minute); !ended || strings.Contains(said, "importing") {
		t.Errorf("again: %v\n%s", ended, said)
	}
}

// TestPinned has the real containerd, configured as the document says, keep images from
// the kubelet's garbage collection: those that it finds when it starts, as in a baked
// machine, and one that comes later; not what no manifest, static pod or unit names.
func TestPinned(t *testing.T) {
	w := newWorld(t, "")
	m := w.machine(t)
	dir := m.bake(t, w)
	disk := filepath.Join(w.dir, "disk")
	shell(t, fmt.Sprintf("truncate -s 64M %[1]s && mkfs.ext4 -q %[1]s", disk))
	m.disk(t, disk)
	kill := m.containerd(t, storeOnly)
	if ended, said := m.run(t, importer, 2*time.Minute); !ended {
		t.Fatal(said)
	}
	locked := w.list(t, "images")
	const foreign = "registry.example/foreign:1"
	m.images(t, "tag "+locked[0][0]+" "+foreign)
	if list := m.images(t, "list"); strings.Contains(list, pin) {
		t.Fatalf("something is pinned before anything could do that:\n%s", list)
	}
	kill()
	m.containerd(t, documented)
	m.pinned(t, locked, foreign)
	ref, archive := locked[0][0], strings.TrimPrefix(filepath.Join(dir, locked[0][3]), m.root)
	m.images(t, "remove --sync "+ref)
	m.images(t, "import --local "+archive)
	m.pinned(t, locked, foreign)
}

const pin = "io.cri-containerd.pinned=pinned"

// pinned waits until all locked images are pinned, and sees that a foreign one is not.
func (m *machine) pinned(t *testing.T, locked [][]string, foreign string) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		list := m.images(t, "list")
		is := func(ref string) bool {
			return regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(ref) + ` .*` + regexp.QuoteMeta(pin)).MatchString(list)
		}
		if is(foreign) {
			t.Fatalf("an image that nothing names is pinned:\n%s", list)
		}
		if !slices.ContainsFunc(locked, func(line []string) bool { return !is(line[0]) }) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("not all images are pinned:\n%s", list)
		}
	}
}
