//go:build real

package applied

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
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

// TestSSH: sshd follows our settings, whatever an installer or cloud-init put beside
// them, and has a key, in FIPS mode too, where there is no ed25519.
func TestSSH(t *testing.T) {
	needRoot(t)
	const key = "/opt/kubespore/bin/kubespore-ssh-key && mkdir -p /run/sshd && sshd -T 2>&1"
	for fips, keys := range map[bool][]string{false: {"ssh_host_ecdsa_key", "ssh_host_ed25519_key"}, true: {"ssh_host_ecdsa_key"}} {
		l := ignited(t, "debian-13", "../../examples/single.yaml", "node1", "debian")
		l.put(t, "etc/ssh/sshd_config.d/01-permitrootlogin.conf", "PermitRootLogin yes\n")
		l.put(t, "etc/ssh/sshd_config.d/50-cloud-init.conf", "PasswordAuthentication yes\n")
		if fips {
			l.put(t, "usr/local/bin/ssh-keygen", "#!/bin/sh\ncase \"$*\" in *ed25519*) echo 'ED25519 keys are not allowed in FIPS mode' >&2; exit 1 ;; esac\nexec /usr/bin/ssh-keygen \"$@\"\n")
		}
		out, err := l.enter(t, "export PATH=/usr/local/bin:$PATH; "+key)
		if err != nil {
			t.Fatalf("fips %v: %v\n%s", fips, err, tail(out))
		}
		for _, want := range []string{"permitrootlogin without-password", "passwordauthentication no", "kbdinteractiveauthentication no"} {
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
