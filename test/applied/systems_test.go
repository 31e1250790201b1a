//go:build real

package applied

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/kubespore/kubespore/pkg/document"
)

// ignited is a layer that Ignition has written, with the document for a system.
func ignited(t *testing.T, root, topology, host, system string) layer {
	t.Helper()
	ignition, _ := both(t, topology, system)
	l := newLayerOf(t, root)
	apply(t, l.root, filepath.Join(ignition, host, "config.ign"))
	return l
}

func (l layer) put(t *testing.T, name, text string) {
	t.Helper()
	name = filepath.Join(l.root, name)
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
}

// TestSSH: sshd follows our settings, no matter what an installer or cloud-init put next to
// them, and has a key, in FIPS mode too, where there is no ed25519.
func TestSSH(t *testing.T) {
	needRoot(t)
	const key = "/opt/kubespore/bin/kubespore-ssh-key && mkdir -p /run/sshd && sshd -T 2>&1"
	for fips, keys := range map[bool][]string{false: {"ssh_host_ecdsa_key", "ssh_host_ed25519_key"}, true: {"ssh_host_ecdsa_key"}} {
		l := ignited(t, "debian-13", "../../examples/single.yaml", "node1", "debian")
		l.put(t, "etc/ssh/sshd_config.d/00-a.conf", "PermitRootLogin yes\nPasswordAuthentication yes\nPermitEmptyPasswords yes\n")
		l.put(t, "etc/ssh/sshd_config.d/01-permitrootlogin.conf", "PermitRootLogin yes\n")
		l.put(t, "etc/ssh/sshd_config.d/50-cloud-init.conf", "PasswordAuthentication yes\n")
		if fips {
			l.put(t, "usr/local/bin/ssh-keygen", "#!/bin/sh\ncase \"$*\" in *ed25519*) echo 'ED25519 keys are not allowed in FIPS mode' >&2; exit 1 ;; esac\nexec /usr/bin/ssh-keygen \"$@\"\n")
		}
		out, err := l.enter(t, "export PATH=/usr/local/bin:$PATH; "+key)
		if err != nil {
			t.Fatalf("fips %v: %v\n%s", fips, err, tail(out))
		}
		for _, want := range []string{"permitrootlogin no", "permitemptypasswords no", "passwordauthentication no", "kbdinteractiveauthentication no"} {
			if !regexp.MustCompile(`(?m)^` + want + `$`).Match(out) {
				t.Errorf("sshd does not say %q\n%s", want, out)
			}
		}
		made, err := filepath.Glob(filepath.Join(l.root, "etc/ssh/ssh_host_*_key"))
		if err != nil {
			t.Fatal(err)
		}
		for i, name := range made {
			made[i] = filepath.Base(name)
		}
		if !slices.Equal(made, keys) {
			t.Errorf("fips %v: the keys are %q, want %q", fips, made, keys)
		}
	}
}

// TestUbuntuSettings: multipathd leaves disks with one path alone, and what `kubectl
// exec` starts may send signals: their own programs read the files so.
func TestUbuntuSettings(t *testing.T) {
	needRoot(t)
	l := ignited(t, "debian-13", "../../examples/single.yaml", "node1", "ubuntu")
	out, err := l.enter(t, "multipath -t")
	if err != nil || !regexp.MustCompile(`(?m)^\s*find_multipaths "?(yes|on)"?$`).Match(out) {
		t.Errorf("multipath: %v\n%s", err, tail(out))
	}
	// As containerd and dockerd make their profiles: the base abstraction, and rules
	// for the plain name.
	l.put(t, "profile", `#include <tunables/global>
profile cri-containerd.apparmor.d flags=(attach_disconnected,mediate_deleted) {
  #include <abstractions/base>
  signal (send,receive) peer=cri-containerd.apparmor.d,
}
`)
	const compile = "apparmor_parser --skip-kernel-load --skip-cache --stdout --features-file /etc/apparmor.d/abi/3.0 /profile"
	out, err = l.enter(t, compile+" >/with && mv /etc/apparmor.d/abstractions/base.d/kubespore /rules && "+compile+" >/without && cmp /with /without")
	if err == nil || !strings.Contains(string(out), "differ") {
		t.Errorf("the profile of containers does not have our rules: %v\n%s", err, tail(out))
	}
}

// TestSELinuxLabels: with a policy that does not know /var/opt, where Fedora CoreOS has
// /opt, what the document brings makes programs there executable for systemd. The
// library that Ignition's setfiles and restorecon use says so.
func TestSELinuxLabels(t *testing.T) {
	needRoot(t)
	tool, err := exec.Command("../tools/deb", "selinux-utils", "usr/sbin/matchpathcon").Output()
	if err != nil {
		t.Fatal(err)
	}
	l := newLayer(t)
	apply(t, l.root, filepath.Join(build(t, "../../examples/single.yaml").hosts, "node1", "config.ign")) // Fedora CoreOS
	contexts := filepath.Join(l.root, "etc/selinux/targeted/contexts/files")
	for _, name := range []string{"file_contexts", "file_contexts.subs_dist"} {
		text, err := os.ReadFile(filepath.Join("testdata/selinux", name))
		if err != nil {
			t.Fatal(err)
		}
		l.put(t, filepath.Join("etc/selinux/targeted/contexts/files", name), string(text))
	}
	programs, err := filepath.Glob(filepath.Join(l.root, "opt/*/bin/*"))
	if err != nil || len(programs) == 0 {
		t.Fatal("no programs", err)
	}
	programs = append(programs, l.root+"/opt/bin/kubelet", l.root+"/opt/cni/bin/bridge")
	label := func(program string) string {
		path := "/var" + strings.TrimPrefix(program, l.root)
		return run(t, strings.TrimSpace(string(tool)), "-n", "-m", "file", "-f", filepath.Join(contexts, "file_contexts"), path)
	}
	for _, program := range programs {
		if got := label(program); !strings.Contains(got, ":bin_t:") {
			t.Errorf("%s is %s", program, got)
		}
	}
	if err := os.Remove(filepath.Join(contexts, "file_contexts.subs")); err != nil {
		t.Fatal(err)
	}
	if got := label(programs[0]); !strings.Contains(got, ":var_t:") {
		t.Errorf("the policy here knows /var/opt: %s", got)
	}
}

// TestNothingRunsFromEtc: Flatcar mounts /etc noexec from release 4628 on. No file there
// is executable, and no unit starts one.
func TestNothingRunsFromEtc(t *testing.T) {
	b := build(t, "../../examples/edge.yaml") // Flatcar
	starts := regexp.MustCompile(`(?m)^Exec\w+=\W*/etc/`)
	for _, host := range representatives(t, b.hosts) {
		raw, err := os.ReadFile(filepath.Join(b.hosts, host, "config.ign"))
		if err != nil {
			t.Fatal(err)
		}
		doc, err := document.Decode(host, raw, nil)
		if err != nil {
			t.Fatal(err)
		}
		entries, err := doc.Entries()
		if err != nil || len(entries) == 0 {
			t.Fatal("no entries", err)
		}
		for _, e := range entries {
			if e.Kind == document.KindFile && strings.HasPrefix(e.Path, "/etc/") && e.Mode&0o111 != 0 {
				t.Errorf("%s: %s is executable", host, e.Path)
			}
			if starts.Match(e.Content) {
				t.Errorf("%s: %s starts a program in /etc", host, e.Path)
			}
		}
	}
}
