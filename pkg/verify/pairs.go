package verify

import (
	"crypto/x509"
	"encoding/pem"
	"maps"
	"slices"

	"github.com/kubespore/kubespore/pkg/diag"
)

// pairs proves that the files of an authority or of a key pair belong together,
// whatever an overlay put in the place of one of them. It also gives, by its name in the store, whose
// public half the host holds of what other hosts hold too.
func provePairs(m *machine, out *diag.List) {
	first := map[string]heldKey{}
	m.ends.shared = first
	for _, d := range m.Deposits {
		e := m.file(d.Path)
		if e == nil || d.Kind == "cert" {
			continue // endpoints.go compares what is served and shown with its key
		}
		for _, public := range publics(e.Content) {
			id := d.Kind + " " + d.ID
			other, seen := first[id]
			if !seen {
				first[id] = heldKey{d.Path, public, m.doc.At(e.Item)}
				continue
			}
			if other.public != public {
				out.Errorf("V043", m.doc.At(e.Item), m.where(d.Path), "it does not belong to %s: the two are not halves of one pair", other.path).
					WithHint("replace both, or neither")
				break
			}
		}
	}
}

// publics gives the public keys that a file holds halves of: of its first certificate,
// of its keys, and the first that it names alone. What stands behind the first one is
// accepted besides it, while something rotates.
func publics(content []byte) []fingerprint {
	out := privateKeys(content)
	if list := certificates(content); len(list) > 0 {
		out = append(out, fingerprintOf(list[0].PublicKey))
	}
	named := false
	eachPEM(content, func(b *pem.Block) {
		if b.Type != "PUBLIC KEY" || named {
			return
		}
		named = true
		if key, err := x509.ParsePKIXPublicKey(b.Bytes); err == nil {
			out = append(out, fingerprintOf(key))
		}
	})
	return out
}

// sameEverywhere proves that hosts hold the same of what they share.
func (v *clusterProofs) sameEverywhere(out *diag.List) {
	holders := map[string]string{}
	held := map[string]fingerprint{}
	for _, end := range v.ends {
		for _, id := range slices.Sorted(maps.Keys(end.shared)) {
			key := end.shared[id]
			where := end.host + ":" + key.path
			if other, seen := holders[id]; seen && held[id] != key.public {
				out.Errorf("V043", key.at, where, "it is another than %s, and all hosts share it", other).
					WithHint("replace it on all hosts, or on none")
				continue
			}
			holders[id], held[id] = where, key.public
		}
	}
}
