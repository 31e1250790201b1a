package pki

import (
	"bytes"
	"errors"
	"io"
	"path"
	"strings"

	"filippo.io/age"
	"filippo.io/age/armor"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/durable"
)

// A sealed store holds each key and secret as an age file for one key, the key
// of the store. That key stands in storeKeyName, an age file for a passphrase or
// for the keys of those who may build: docs/pki.md describes the format.
const (
	storeKeyName  = "store.key.age"
	plainVersion  = 1
	sealedVersion = 2
)

// Unlock is what opens a sealed store: one of the two.
type Unlock struct {
	Passphrase string
	Identities []byte // a file of age identities
}

// SealFor says what opens a store that is sealed: one of the two.
type SealFor struct {
	Passphrase string
	Recipients []string // age1...
}

// isSecret says whether a sealed store holds the file as ciphertext.
func isSecret(name string) bool {
	ext := path.Ext(name)
	return path.Dir(name) != "." && (ext == ".key" || ext == ".secret")
}

func isSealed(text []byte) bool { return bytes.HasPrefix(text, []byte(armor.Header)) }

// Seal makes ciphertext of every key and secret from Commit on, under a new key
// of the store, and gives their number. A store that is sealed is opened first:
// what opened it does not open what it holds afterwards.
func Seal(s *Store, to SealFor) (int, error) {
	recipients, err := to.recipients()
	if err != nil {
		return 0, err
	}
	n, err := rewriteSecrets(s)
	if err != nil {
		return 0, err
	}
	key, err := age.GenerateX25519Identity()
	if err != nil {
		return 0, failure(err)
	}
	wrapped, err := seal([]byte(key.String()+"\n"), recipients...)
	if err != nil {
		return 0, failure(err)
	}
	s.write(storeKeyName, wrapped)
	s.write(durable.GitIgnoreName, durable.GitIgnoreTransient(lockName))
	s.vault.sealed, s.vault.key = true, func() (*age.X25519Identity, error) { return key, nil }
	return n, s.writeJSON(identityName, identity{Version: sealedVersion, Cluster: s.cluster, Sealed: true})
}

// Unseal makes plain files of every key and secret, at once, and gives their
// number.
func Unseal(s *Store) (int, error) {
	if !s.vault.sealed {
		return 0, nil
	}
	n, err := rewriteSecrets(s)
	if err != nil {
		return 0, err
	}
	s.write(durable.GitIgnoreName, durable.GitIgnore())
	if err := s.writeJSON(identityName, identity{Version: plainVersion, Cluster: s.cluster}); err != nil {
		return 0, failure(err)
	}
	s.vault.sealed = false
	if err := s.Commit(); err != nil {
		return 0, err
	}
	// Until it is gone, the store counts as sealed and this can be done again.
	if err := s.journal.FS.RemoveAll(s.path(storeKeyName)); err != nil {
		return 0, failure(err)
	}
	return n, nil
}

// rewriteSecrets has the next Commit write every key and secret.
func rewriteSecrets(s *Store) (int, error) {
	names, err := s.names()
	if err != nil {
		return 0, failure(err)
	}
	n := 0
	for _, name := range names {
		if !isSecret(name) {
			continue
		}
		text, _, err := s.read(name)
		if err != nil {
			return 0, failure(err)
		}
		s.write(name, text)
		n++
	}
	return n, nil
}

func (u Unlock) identities(byPassphrase bool) ([]age.Identity, error) {
	if byPassphrase != (u.Identities == nil) {
		return nil, diag.Failf("K040", diag.Position{}, "the store is sealed by %s", map[bool]string{true: "a passphrase, and keys were given", false: "keys, and a passphrase was given"}[byPassphrase]).
			WithHint("%s", map[bool]string{true: "leave --identity away", false: "name the file with your key: --identity FILE"}[byPassphrase])
	}
	if byPassphrase {
		i, err := age.NewScryptIdentity(u.Passphrase)
		if err != nil {
			return nil, diag.Failf("K040", diag.Position{}, "the passphrase is empty")
		}
		return []age.Identity{i}, nil
	}
	all, err := age.ParseIdentities(bytes.NewReader(u.Identities))
	if err != nil {
		return nil, diag.Failf("K040", diag.Position{}, "the file of --identity holds no key of age that can be used").
			WithHint("it holds lines that begin with AGE-SECRET-KEY-, as age-keygen writes them")
	}
	return all, nil
}

func (f SealFor) recipients() ([]age.Recipient, error) {
	if len(f.Recipients) == 0 {
		r, err := age.NewScryptRecipient(f.Passphrase)
		if err != nil {
			return nil, diag.Failf("K043", diag.Position{}, "the passphrase is empty").WithHint("type one, or name keys with --recipient")
		}
		return []age.Recipient{r}, nil
	}
	var out []age.Recipient
	for _, text := range f.Recipients {
		recipients, err := age.ParseRecipients(strings.NewReader(text))
		if err != nil {
			return nil, diag.Failf("K043", diag.Position{}, "%q is not the public key of anyone", text).WithHint("it begins with age1, as age-keygen prints it")
		}
		out = append(out, recipients...)
	}
	return out, nil
}

// seal encrypts a text, in the armoured form that version control keeps well.
func seal(text []byte, recipients ...age.Recipient) ([]byte, error) {
	var out bytes.Buffer
	lines := armor.NewWriter(&out)
	w, err := age.Encrypt(lines, recipients...)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(text); err != nil {
		return nil, err
	}
	if err := errors.Join(w.Close(), lines.Close()); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func open(text []byte, identities ...age.Identity) ([]byte, error) {
	r, err := age.Decrypt(armor.NewReader(bytes.NewReader(text)), identities...)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}
