package media

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"

	"filippo.io/age"

	"github.com/kubespore/kubespore/pkg/diag"
)

// Memory keeps what sealed media must find again: age draws new numbers each
// time, so a second run would give each machine another key, and the same
// document other bytes. Nothing of it is kept before Commit.
type Memory interface {
	// MediaKey gives the key to a host's part, which create makes the first time.
	MediaKey(host string, create func() ([]byte, error)) ([]byte, error)
	// Sealed gives the ciphertext of what has a digest, which seal makes the
	// first time.
	Sealed(digest string, seal func() ([]byte, error)) ([]byte, error)
	Commit() error
}

// keyOf gives the key that opens a host's part of sealed media.
func keyOf(m Memory, h *Host) (*age.X25519Identity, error) {
	text, err := m.MediaKey(h.Name, func() ([]byte, error) {
		key, err := age.GenerateX25519Identity()
		if err != nil {
			return nil, err
		}
		return []byte(key.String() + "\n"), nil
	})
	if err != nil {
		return nil, err
	}
	key, err := age.ParseX25519Identity(strings.TrimSpace(string(text)))
	if err != nil {
		return nil, diag.Failf("M018", h.Position, "the key to the sealed part of %s is damaged in the store", h.Name).
			WithHint("restore hosts/%s/stick.secret there from a backup; or remove it, and media stick makes a new key and a new part", h.Name)
	}
	return key, nil
}

// seal encrypts a text so that each of the keys opens it. The same text for the
// same keys is the same ciphertext for as long as the memory lasts.
func seal(m Memory, text []byte, keys ...*age.X25519Identity) ([]byte, error) {
	slices.SortFunc(keys, func(a, b *age.X25519Identity) int {
		return cmp.Compare(a.Recipient().String(), b.Recipient().String())
	})
	digest := sha256.New()
	var recipients []age.Recipient
	for _, k := range keys {
		recipients = append(recipients, k.Recipient())
		fmt.Fprintln(digest, k.Recipient())
	}
	digest.Write(text)
	return m.Sealed(hex.EncodeToString(digest.Sum(nil)), func() ([]byte, error) {
		var out bytes.Buffer
		w, err := age.Encrypt(&out, recipients...)
		if err != nil {
			return nil, err
		}
		if _, err := w.Write(text); err != nil {
			return nil, err
		}
		if err := w.Close(); err != nil {
			return nil, err
		}
		return out.Bytes(), nil
	})
}

// sealedPart is what a stick carries of one machine.
type sealedPart struct {
	name       string // follows from the ciphertext, and tells nothing else
	ciphertext []byte
}

// sealed is what a stick carries of its machines: their parts, and an index
// that any one of their keys opens.
type sealed struct {
	index []byte
	parts []sealedPart // by name
}

// sealAll seals the documents of hosts.
func sealAll(m Memory, hosts []Host) (sealed, error) {
	var out sealed
	var keys []*age.X25519Identity
	var lines []string
	for i := range hosts {
		h := &hosts[i]
		key, err := keyOf(m, h)
		if err != nil {
			return sealed{}, err
		}
		text, err := handover(h)
		if err != nil {
			return sealed{}, err
		}
		ciphertext, err := seal(m, text, key)
		if err != nil {
			return sealed{}, err
		}
		sum := sha256.Sum256(ciphertext)
		p := sealedPart{hex.EncodeToString(sum[:16]), ciphertext}
		keys, out.parts = append(keys, key), append(out.parts, p)
		for _, mark := range marks(h) {
			lines = append(lines, p.name+" "+mark+"\n")
		}
	}
	slices.Sort(lines)
	slices.SortFunc(out.parts, func(a, b sealedPart) int { return strings.Compare(a.name, b.name) })
	var err error
	out.index, err = seal(m, []byte(strings.Join(lines, "")), keys...)
	return out, err
}

// marks are what a machine knows itself by, as the script that unseals writes
// them.
func marks(h *Host) []string {
	var out []string
	for _, mac := range h.MACs {
		out = append(out, "mac "+strings.ToLower(mac))
	}
	if serial := strings.TrimSpace(h.Serial); serial != "" {
		out = append(out, "serial "+serial)
	}
	return out
}

// size of what is read of a program: age has 5 MiB.
const maxProgram = 64 << 20

// readAll reads what is not too big to be what it should be.
func readAll(r io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxProgram+1))
	if err == nil && len(data) > maxProgram {
		err = fmt.Errorf("it is too big")
	}
	return data, err
}
