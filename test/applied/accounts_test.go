//go:build real

package applied

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestAccountsWithoutHash: no password fits an account that the topology gives none,
// also one that the image has, and after a boot that was cut off.
func TestAccountsWithoutHash(t *testing.T) { accountsOfImage(t, true) }

// TestAccountsKeepTheirPasswords: where the topology wants it so, an account that the
// image has keeps its password field and the day of its last change, no matter what
// cloud-init does to accounts (24.3 and later unlock what is locked); one that is new
// lets no password in. A boot that was cut off after cloud-init had its accounts
// changes nothing of that.
func TestAccountsKeepTheirPasswords(t *testing.T) { accountsOfImage(t, false) }

func accountsOfImage(t *testing.T, locked bool) {
	t.Helper()
	needRoot(t)
	// By the account's name: its field in the image.
	fields := map[string]string{
		"stock": "!", "double": "!!", "star": "*", "shut": "!$6$salt$hash", "open": "$6$salt$hash", "empty": "",
	}
	const hash = "$6$saltsalt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/jctKu9YterLp8wwnSq.qc.eoxqOmSuNp2xS0ktL3nh/"
	users, before := "access:\n  users:\n", "true"
	account := func(name, more string) {
		users += fmt.Sprintf("    - {name: %s, sshAuthorizedKeys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICnRVHZevH/i0iE0Xbth8WDFpjSgxI3ze+k2jiXkLuPk you@example.org]%s}\n", name, more)
	}
	for name, field := range fields {
		account(name, "")
		before += fmt.Sprintf(" && useradd %s && sed -i 's|^%[1]s:.*|%[1]s:%s:19000:0:99999:7:::|' /etc/shadow", name, field)
	}
	account("fresh", "")
	account("keeper", ", passwordHash: "+hash)
	text, err := os.ReadFile("../../examples/single.yaml")
	if err != nil {
		t.Fatal(err)
	}
	text = regexp.MustCompile(`(?m)^access:\n( .*\n)+`).ReplaceAll(text, nil)
	text = []byte(strings.Replace(string(text), "\nprofiles:\n", fmt.Sprintf("\nprofiles:\n  access: {lockedWithoutHash: %v}\n", locked), 1))
	topology := filepath.Join(t.TempDir(), fmt.Sprintf("accounts-%v.yaml", locked))
	if err := os.WriteFile(topology, append(text, users...), 0o644); err != nil {
		t.Fatal(err)
	}
	_, hosts := both(t, topology, "debian")
	for _, root := range []string{"cloud-init", "debian-13"} {
		t.Run(root, func(t *testing.T) {
			l := newLayerOf(t, root)
			seed(t, l, filepath.Join(hosts, "node1"))
			// Cut off right after the accounts: what follows them is a file's write.
			if out, err := l.enter(t, before+" && mkdir -p /run/kubespore && touch /run/kubespore/assembly && cloud-init init --local"); err == nil {
				if _, err := os.Stat(filepath.Join(l.root, "var/lib/kubespore/assembled")); err == nil {
					t.Fatalf("it was not cut off\n%s", tail(out))
				}
			}
			run := filepath.Join(l.root, "run")
			if err := os.RemoveAll(run); err != nil {
				t.Fatal(err)
			}
			if err := os.Mkdir(run, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.RemoveAll(filepath.Join(l.root, "var/log/cloud-init.log")); err != nil {
				t.Fatal(err)
			}
			assemble(t, l, "true")
			shadow, err := os.ReadFile(filepath.Join(l.root, "etc/shadow"))
			if err != nil {
				t.Fatal(err)
			}
			for name, field := range fields {
				want := "\n" + name + ":" + field + ":19000:"
				if locked {
					want = "\n" + name + ":*:"
				}
				if !strings.Contains(string(shadow), want) {
					t.Errorf("%q of the image is now %q", want, line(string(shadow), name))
				}
			}
			for name, want := range map[string]string{"fresh": map[bool]string{true: "*", false: "!"}[locked], "keeper": hash} {
				if !strings.HasPrefix(line(string(shadow), name), name+":"+want+":") {
					t.Errorf("%s is %q, want %q", name, line(string(shadow), name), want)
				}
			}
			if _, err := os.Stat(filepath.Join(l.root, "var/lib/kubespore/passwords")); err == nil {
				t.Error("a note of passwords was left")
			}
		})
	}
}

func line(text, name string) string {
	return regexp.MustCompile(`(?m)^` + name + `:.*$`).FindString(text)
}
