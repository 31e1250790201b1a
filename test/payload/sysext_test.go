//go:build real

package payload

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// extend puts the image for this machine's architecture where systemd looks
// for it, and gives a script that merges it and runs the installer.
func (m *machine) extend(t *testing.T, w *world) string {
	t.Helper()
	image, err := os.ReadFile(filepath.Join(w.dir, "sysext/kubespore-amd64.raw"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(m.root, "var/lib/extensions/kubespore-amd64.raw"), image)
	const script = "/merge-and-install"
	write(t, filepath.Join(m.root, script), []byte(`#!/bin/bash
set -eu
# As on every machine: /run is a mount of its own, and mounts are shared.
mount --bind /run /run
mount --make-rshared /
SYSTEMD_LOG_LEVEL=err systemd-sysext merge
grep --quiet --extended-regexp ' (/var)?/opt overlay ro' /proc/mounts
exec `+installer+"\n"))
	return script
}

// TestSysext merges the image with the real systemd-sysext: the installer finds
// every program in its place, the one that was locked, and installs none.
func TestSysext(t *testing.T) {
	w := newWorldOf(t, "", arm)
	w.kubespore(t, "payload", "pack", "--from", "payload", "--sysext", "sysext", "single.yaml")
	out, err := exec.Command("systemd-dissect", filepath.Join(w.dir, "sysext/kubespore-amd64.raw")).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "ID=_any") || !strings.Contains(string(out), "ARCHITECTURE=x86-64") {
		t.Errorf("%v\n%s", err, out)
	}
	check := exec.Command("sha256sum", "--check", "--strict", "SHA256SUMS")
	check.Dir = filepath.Join(w.dir, "sysext")
	if out, err := check.CombinedOutput(); err != nil || strings.Count(string(out), "OK") != 2 {
		t.Errorf("%v\n%s", err, out)
	}
	for _, opt := range []string{"/opt", "/var/opt"} {
		m := w.machine(t)
		if opt != "/opt" { // as on Fedora CoreOS
			real := filepath.Join(m.root, opt)
			if err := errors.Join(os.MkdirAll(filepath.Dir(real), 0o755), os.Rename(filepath.Join(m.root, "opt"), real), os.Symlink("var/opt", filepath.Join(m.root, "opt"))); err != nil {
				t.Fatal(err)
			}
		}
		if ended, said := m.run(t, m.extend(t, w), time.Minute); !ended || said != "" {
			t.Fatalf("%s: ended: %v\n%s", opt, ended, said)
		}
		if _, err := os.Stat(filepath.Join(m.root, "var/lib/kubespore/installed")); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(filepath.Join(m.root, opt, "bin")); err == nil {
			t.Errorf("%s: programs are installed beside the image", opt)
		}
	}
}

// TestSysextOfAnother merges the image of other programs than the document
// locks: the machine names them, and waits.
func TestSysextOfAnother(t *testing.T) {
	w := newWorld(t, "")
	flip(t, filepath.Join(w.dir, "parts", w.files["/opt/bin/kubelet"]))
	w.kubespore(t, "payload", "pack", "--from", "parts", "--relock", "-o", "other", "--sysext", "sysext", "single.yaml")
	m := w.machine(t)
	said := m.runUntil(t, m.extend(t, w), "missing: /opt/bin/kubelet (v1.37.2)")
	if !strings.Contains(said, "/opt/bin/kubelet is not the program that the document wants") {
		t.Error(said)
	}
	if strings.Contains(said, "kubectl") {
		t.Errorf("kubectl is the right one:\n%s", said)
	}
}
