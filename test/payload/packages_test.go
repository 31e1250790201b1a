//go:build real

package payload

import (
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

// poorDebian is the image of a Debian 12 that lacks what the topology below needs,
// with the document of the host on it and a layer to write to.
func (w *world) poorDebian(t *testing.T) *machine {
	t.Helper()
	base, err := exec.Command("../tools/root", "cloud-init").Output()
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
	if _, out := m.inside(t, time.Minute, "dpkg --purge nftables libnftables1 libjansson4 2>&1"); !strings.Contains(out, "Purging configuration files for nftables") {
		t.Fatal(out)
	}
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
	return m
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

var packagesLine = regexp.MustCompile(`(?m)^packages .*$`)

// TestPackagesOfTheSystem: the download script fetches with the distribution's own apt
// what a Debian lacks, pack locks it, and the machine installs it from the payload
// without a network, however often its power goes meanwhile.
func TestPackagesOfTheSystem(t *testing.T) {
	if text, err := os.ReadFile("/etc/os-release"); err != nil || !strings.Contains(string(text), "\nID=debian\n") || !strings.Contains(string(text), `VERSION_ID="12"`) {
		t.Skip("apt of Debian 12 fetches what Debian 12 lacks; CI runs on it")
	}
	topology := topology(t, "  flannel: {}\n  packages: {install: [conntrack]}\n")
	topology = regexp.MustCompile(`(?m)^(os|format): .*\n`).ReplaceAllString(topology, "") + "os: debian\nformat: ignition\n"
	w := newWorldFromWith(t, topology, func(w *world) {
		script := string(w.kubespore(t, "payload", "list", "--script", "single.yaml"))
		line := packagesLine.FindString(script)
		if line != "packages 'debian' 'amd64' 'apt-get' 'conntrack' 'nftables'" {
			t.Fatalf("the script says %q", line)
		}
		write(t, filepath.Join(w.dir, "download.sh"), []byte(regexp.MustCompile(`(?m)^(program|image|made) '.*$`).ReplaceAllString(script, "")))
		c := exec.Command("bash", "download.sh", "parts")
		c.Dir = w.dir
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	})

	m := w.poorDebian(t)
	run := func(power time.Duration) (bool, string) {
		return m.inside(t, power, "/opt/kubespore/bin/kubespore-packages 2>&1")
	}
	if ended, out := run(3 * time.Second); ended || !strings.Contains(out, "missing: ") || !strings.Contains(out, "conntrack_") {
		t.Fatalf("without a payload it does not wait: %v\n%s", ended, out)
	}
	if out, err := exec.Command("cp", "-r", w.bundle, filepath.Join(m.root, "var/lib/kubespore/payload")).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	cuts := 0
	var said string
	for power := 300 * time.Millisecond; ; power += 100 * time.Millisecond {
		ended, out := run(power)
		said = out
		if ended {
			break
		}
		if cuts++; cuts > 60 {
			t.Fatalf("it does not end\n%s", out)
		}
	}
	if cuts < 3 {
		t.Errorf("only %d cuts", cuts)
	}
	_, state := m.inside(t, time.Minute, `nft --version && conntrack --version && dpkg --audit && echo "audit: $?"; ls /usr/sbin/policy-rc.d /var/lib/kubespore/packages 2>&1; dpkg-query --show --showformat='${Package} ${db:Status-Status}\n' nftables conntrack`)
	for _, want := range []string{"nftables v", "conntrack v", "audit: 0", "nftables installed", "conntrack installed", "'/usr/sbin/policy-rc.d': No such", "'/var/lib/kubespore/packages': No such"} {
		if !strings.Contains(state, want) {
			t.Errorf("after %d cuts: no %q\n%s\n%s", cuts, want, state, said)
		}
	}
	if ended, out := run(10 * time.Second); !ended || strings.Contains(out, "installing") {
		t.Errorf("it installs twice\n%s", out)
	}
	t.Logf("%d cuts", cuts)
}
