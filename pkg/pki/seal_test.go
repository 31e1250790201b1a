package pki

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"
	"filippo.io/age/armor"

	"github.com/kubespore/kubespore/pkg/durable"
	"github.com/kubespore/kubespore/pkg/durable/durabletest"
)

// builder is the key of someone who may build: scrypt, which makes a passphrase
// safe, takes a second of a processor each time.
func builder(t *testing.T) *age.X25519Identity {
	t.Helper()
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// opening opens a store with a key, and counts how often it was asked for.
func opening(t *testing.T, dir string, fs durable.FS, key *age.X25519Identity, asked *int) (*Store, error) {
	t.Helper()
	s, err := Open(dir, Options{Cluster: "prod", FS: fs, Unlock: func(string, bool) (Unlock, error) {
		*asked++
		return Unlock{Identities: []byte(key.String())}, nil
	}})
	if err == nil {
		t.Cleanup(func() { s.Close() })
	}
	return s, err
}

// tree gives the content of every file of a folder.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(name string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == lockName {
			return err
		}
		text, err := os.ReadFile(name)
		out[strings.TrimPrefix(name, dir+"/")] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestSealKilledAnywhere stops pki seal and pki unseal after every change that
// they make to the file system: the store holds the same keys, and opens, with
// all of them sealed or none.
func TestSealKilledAnywhere(t *testing.T) {
	plain := built(t, smallPlan())
	want, key := tree(t, plain), builder(t)
	for _, from := range []string{"plain", "sealed"} {
		for n, done := 1, false; !done; n++ {
			dir := filepath.Join(t.TempDir(), "prod.pki")
			if err := os.CopyFS(dir, os.DirFS(plain)); err != nil {
				t.Fatal(err)
			}
			asked := 0
			if from == "sealed" {
				sealAll(t, dir, key)
			}
			fs := &durabletest.FS{}
			s, err := opening(t, dir, fs, key, &asked)
			if err != nil {
				t.Fatal(err)
			}
			fs.KillAt = fs.Changes() + n
			if from == "plain" {
				if _, err = Seal(s, SealFor{Recipients: []string{key.Recipient().String()}}); err == nil {
					err = s.Commit()
				}
			} else {
				_, err = Unseal(s)
			}
			done = err == nil
			s.Close()
			after, err := opening(t, dir, &durabletest.FS{}, key, &asked)
			if err != nil {
				t.Fatal(err)
			}
			for name, text := range want {
				if !isSecret(name) {
					continue
				}
				if have, found, err := after.read(name); err != nil || !found || string(have) != text {
					t.Fatalf("%s, killed after %d: %s is another: %v", from, n, name, err)
				}
			}
			after.Close()
		}
	}
}

func sealAll(t *testing.T, dir string, key *age.X25519Identity) {
	t.Helper()
	s := mustOpen(t, dir)
	if _, err := Seal(s, SealFor{Recipients: []string{key.Recipient().String()}}); err != nil {
		t.Fatal(err)
	}
	if err := s.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestSealedFormat opens a sealed store as docs/pki.md says that age does.
func TestSealedFormat(t *testing.T) {
	dir, key := built(t, smallPlan()), builder(t)
	plain := tree(t, dir)
	sealAll(t, dir, key)
	sealed := tree(t, dir)
	keys, err := age.ParseIdentities(strings.NewReader(decrypted(t, sealed[storeKeyName], key)))
	if err != nil {
		t.Fatal(err)
	}
	secrets := 0
	for name, text := range plain {
		switch {
		case filepath.Ext(name) == ".key" || filepath.Ext(name) == ".secret":
			secrets++
			if have := decrypted(t, sealed[name], keys...); have != text {
				t.Errorf("%s is another", name)
			}
		case name != identityName && name != ".gitignore" && sealed[name] != text:
			t.Errorf("%s is not a secret, and changed", name)
		}
	}
	if secrets < 8 {
		t.Errorf("only %d secrets", secrets)
	}
}

func decrypted(t *testing.T, text string, keys ...age.Identity) string {
	t.Helper()
	r, err := age.Decrypt(armor.NewReader(strings.NewReader(text)), keys...)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if _, err := b.ReadFrom(r); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestSealedStoreCannotBeCut cuts each sealed file at many places: the store
// says which file is damaged, and never gives a part of it.
func TestSealedStoreCannotBeCut(t *testing.T) {
	dir, key := built(t, smallPlan()), builder(t)
	sealAll(t, dir, key)
	for _, name := range []string{storeKeyName, "ca/kubernetes.key", "cluster/vrrp.secret"} {
		file := filepath.Join(dir, name)
		whole, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		// The header of age tells what the file is: before its end nothing was read.
		for _, n := range []int{len(armor.Header) + 1, len(whole) / 3, len(whole) / 2, len(whole) - 40, len(whole) - 2} {
			if err := os.WriteFile(file, whole[:n], 0o600); err != nil {
				t.Fatal(err)
			}
			asked := 0
			s, err := opening(t, dir, &durabletest.FS{}, key, &asked)
			if err != nil {
				t.Fatal(err)
			}
			text, _, err := s.read("cluster/vrrp.secret")
			if name == "ca/kubernetes.key" {
				text, _, err = s.read(name)
			}
			if codeOf(err) != "K041" || len(text) > 0 {
				t.Errorf("%s, %d of %d bytes: %v", name, n, len(whole), err)
			}
			s.Close()
		}
		if err := os.WriteFile(file, whole, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestSealedStoreAsksOnce reads many keys of a sealed store.
func TestSealedStoreAsksOnce(t *testing.T) {
	dir, key := built(t, smallPlan()), builder(t)
	sealAll(t, dir, key)
	asked := 0
	s, err := opening(t, dir, &durabletest.FS{}, key, &asked)
	if err != nil {
		t.Fatal(err)
	}
	if s.List(noon); asked != 0 {
		t.Error("the list of certificates needs no key")
	}
	mustIssue(t, s, smallPlan(), noon)
	if list := s.Verify(noon); list.HasErrors() || asked != 1 {
		t.Errorf("asked %d times: %v", asked, list)
	}
}
