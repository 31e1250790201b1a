package pki

import (
	"bytes"
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"sync"

	"filippo.io/age"
	"filippo.io/age/armor"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/durable"
)

// vault makes ciphertext of the secrets of a store, where it is sealed, and opens
// what is ciphertext.
type vault struct {
	journal durable.Journal
	sealed  bool // secrets are written as ciphertext
	unlock  func(store string, byPassphrase bool) (Unlock, error)
	key     func() (*age.X25519Identity, error) // of the store
}

func newVault(journal durable.Journal, unlock func(string, bool) (Unlock, error)) *vault {
	if unlock == nil {
		unlock = locked
	}
	v := &vault{journal: journal, unlock: unlock}
	v.key = sync.OnceValues(v.openKey)
	return v
}

func (v *vault) position(name string) diag.Position {
	return diag.Position{File: filepath.Join(v.journal.Dir, filepath.FromSlash(name))}
}

// opened gives a file of the store as it was before it was sealed.
func (v *vault) opened(name string, text []byte) ([]byte, error) {
	if !isSecret(name) || !isSealed(text) {
		return text, nil
	}
	key, err := v.key()
	if err != nil {
		return nil, err
	}
	plain, err := open(text, key)
	if err != nil {
		return nil, v.damaged(name)
	}
	return plain, nil
}

// closed gives a file as it is written.
func (v *vault) closed(name string, text []byte) ([]byte, error) {
	if !v.sealed || !isSecret(name) {
		return text, nil
	}
	key, err := v.key()
	if err != nil {
		return nil, err
	}
	return seal(text, key.Recipient())
}

func (v *vault) damaged(name string) error {
	return diag.Failf("K041", v.position(name), "the sealed file is damaged, or was sealed for another store").
		WithHint("restore it from a backup, or from version control")
}

// openKey opens the key of the store with what Options.Unlock gives.
func (v *vault) openKey() (*age.X25519Identity, error) {
	text, err := v.journal.ReadFile(storeKeyName)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, diag.Failf("K041", v.position(storeKeyName), "the key of the sealed store is missing").
			WithHint("restore the file from a backup, or from version control: nothing else opens the store")
	}
	if err != nil {
		return nil, err
	}
	header, err := age.ExtractHeader(armor.NewReader(bytes.NewReader(text)))
	if err != nil {
		return nil, v.damaged(storeKeyName)
	}
	byPassphrase := bytes.Contains(header, []byte("\n-> scrypt "))
	unlock, err := v.unlock(v.journal.Dir, byPassphrase)
	if err != nil {
		return nil, err
	}
	identities, err := unlock.identities(byPassphrase)
	if err != nil {
		return nil, err
	}
	plain, err := open(text, identities...)
	var none *age.NoIdentityMatchError
	switch {
	case errors.As(err, &none) && byPassphrase:
		return nil, diag.Failf("K040", v.position(storeKeyName), "the passphrase is wrong").WithHint("try again: nothing has changed")
	case errors.As(err, &none):
		return nil, diag.Failf("K040", v.position(storeKeyName), "none of the given keys opens the store").
			WithHint("name another file with --identity, or have someone who can open the store seal it for your key too: kubespore pki seal")
	case err != nil:
		return nil, v.damaged(storeKeyName)
	}
	key, err := age.ParseX25519Identity(strings.TrimSpace(string(plain)))
	if err != nil {
		return nil, v.damaged(storeKeyName)
	}
	return key, nil
}

// locked is what opens a store where Options give nothing.
func locked(store string, _ bool) (Unlock, error) {
	return Unlock{}, diag.Failf("K039", diag.Position{File: store}, "the store is sealed, and nothing was given that opens it")
}

// verify finds keys that stand open in a sealed store.
func (v *vault) verify(names []string) diag.List {
	var list diag.List
	if !v.sealed {
		return nil
	}
	for _, name := range names {
		if !isSecret(name) {
			continue
		}
		if text, err := v.journal.ReadFile(name); err == nil && !isSealed(text) {
			list.Errorf("K042", v.position(name), "", "the store is sealed, and this file is open").WithHint("kubespore pki seal seals it with the others")
		}
	}
	return list
}
