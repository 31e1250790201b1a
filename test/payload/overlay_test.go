//go:build real || oracle

package payload

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kubespore/kubespore/pkg/document"
)

// overlayOf is a root of test/tools with a layer to write to.
func overlayOf(t *testing.T, name string) *machine {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("a root of its own needs root")
	}
	base, err := exec.Command("../tools/root", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("/dev/shm", "kubespore-packages-")
	if err != nil {
		t.Fatal(err)
	}
	m := &machine{filepath.Join(dir, "root")}
	for _, d := range []string{"root", "upper", "work"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mount("overlay", m.root, "overlay", 0, "lowerdir="+strings.TrimSpace(string(base))+",upperdir="+dir+"/upper,workdir="+dir+"/work"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(m.root, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return m
}

// apply puts what the document says of the payload into a root.
func (w *world) apply(t *testing.T, m *machine) {
	t.Helper()
	entries, err := w.document(t).Entries()
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Kind == document.KindFile && (strings.HasPrefix(e.Path, "/opt/kubespore/") || strings.HasPrefix(e.Path, "/etc/kubespore/")) {
			write(t, filepath.Join(m.root, e.Path), e.Content)
			if err := os.Chmod(filepath.Join(m.root, e.Path), os.FileMode(e.Mode)); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// bake puts the bundle into a root.
func (w *world) bake(t *testing.T, m *machine) {
	t.Helper()
	if out, err := exec.Command("cp", "-r", w.bundle, filepath.Join(m.root, "var/lib/kubespore/payload")).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// cutUntilDone cuts the power later and later, until the script ends by itself. The
// first cuts come sooner than any machine is done, and the later ones, since the time
// grows by a part of itself, not too late for a slow one.
func (m *machine) cutUntilDone(t *testing.T, run func(power time.Duration) (bool, string)) (cuts int, said string) {
	t.Helper()
	for power := 60 * time.Millisecond; ; power += power/8 + 20*time.Millisecond {
		ended, out := run(power)
		if ended && !strings.Contains(out, "it failed") {
			return cuts, out
		}
		if ended {
			t.Logf("it failed, and systemd starts it again:\n%s", out)
			continue
		}
		if cuts++; cuts > 80 {
			t.Fatalf("it does not end\n%s", out)
		}
	}
}

// inside runs a command in the root alone, without a network, and cuts the power after
// a while. It says whether the command ended by itself, and what it said.
func (m *machine) inside(t *testing.T, power time.Duration, command string) (bool, string) {
	t.Helper()
	const enter = `
root=$1 command=$2
mount --rbind "$root" "$root"
for d in dev proc sys; do mount --rbind "/$d" "$root/$d"; done
mount -t tmpfs run "$root/run"
exec chroot "$root" /usr/bin/env --ignore-environment PATH=/usr/sbin:/usr/bin:/sbin:/bin bash -c "$command"`
	ctx, cut := context.WithTimeout(context.Background(), power)
	defer cut()
	c := exec.CommandContext(ctx, "unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--propagation", "private", "bash", "-euc", enter, "enter", m.root, command)
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	c.Cancel = func() error { return syscall.Kill(-c.Process.Pid, syscall.SIGKILL) }
	out, _ := c.CombinedOutput()
	return ctx.Err() == nil, string(out)
}

// The lines of the download script that fetch packages, and all others.
var (
	packagesLine = regexp.MustCompile(`(?m)^packages '.*$`)
	otherParts   = regexp.MustCompile(`(?m)^(program|image|made) '.*$`)
)

// must runs a command in the root.
func (m *machine) must(t *testing.T, command string) string {
	t.Helper()
	ended, out := m.inside(t, 5*time.Minute, "set -e; "+command+"; echo it is done")
	if !ended || !strings.Contains(out, "it is done") {
		t.Fatalf("%s\n%s", command, out)
	}
	return out
}

// installs starts the installation on a machine that has no payload, which waits and
// names a missing package; then with the payload, through power cuts, until it is done.
// The machine is then what is wanted, and another start installs nothing.
func (w *world) installs(t *testing.T, m *machine, command, missing string, state func() string, want ...string) {
	t.Helper()
	run := func(power time.Duration) (bool, string) { return m.inside(t, power, command) }
	power := 3 * time.Second
	ended, out := run(power)
	for !ended && !strings.Contains(out, "missing: ") && power < time.Minute { // a slow machine
		power *= 2
		ended, out = run(power)
	}
	if ended || !strings.Contains(out, "missing: ") || !strings.Contains(out, missing) {
		t.Fatalf("without a payload it does not wait: %v\n%s", ended, out)
	}
	w.bake(t, m)
	cuts, said := m.cutUntilDone(t, run)
	if cuts < 3 {
		t.Errorf("only %d cuts", cuts)
	}
	is := state()
	for _, text := range want {
		if !strings.Contains(is, text) {
			t.Errorf("after %d cuts: no %q\n%s\n%s", cuts, text, is, said)
		}
	}
	if ended, out := run(2 * time.Minute); !ended || strings.Contains(out, "installing") {
		t.Errorf("it installs twice\n%s", out)
	}
	t.Logf("%d cuts", cuts)
}

var systemLines = regexp.MustCompile(`(?m)^(os|format): .*\n`)

// withSystem gives a topology another system, with documents for Ignition.
func withSystem(topology, system string) string {
	return systemLines.ReplaceAllString(topology, "") + "os: " + system + "\nformat: ignition\n"
}

// serveRegistry starts a registry's program, whose path a tool of ours printed, and waits
// until it is ready.
func serveRegistry(t *testing.T, program []byte, config string, ready func() bool) {
	t.Helper()
	c := exec.Command(strings.TrimSpace(string(program)), "serve", config)
	var log bytes.Buffer
	c.Stdout, c.Stderr = &log, &log
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Process.Kill()
		_ = c.Wait()
	})
	for deadline := time.Now().Add(20 * time.Second); !ready(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the registry does not start:\n%s", log.String())
		}
	}
}
