package verify

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"regexp"
	"slices"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/document"
)

// A fingerprint is the SHA-256 of a public key.
type fingerprint [sha256.Size]byte

// heldKey is a private key that a document holds.
type heldKey struct {
	path   string
	public fingerprint
	at     diag.Position // where it is written
}

// ownKeys proves that keys lie in files that only root reads, that each key
// with a certificate next to it belongs to that certificate, and that no host
// but a control plane holds the key of an authority.
func proveKeys(m *machine, out *diag.List) {
	authorities := map[fingerprint]bool{}
	for i := range m.entries {
		for _, c := range certificates(m.entries[i].Content) {
			if c.IsCA {
				authorities[fingerprintOf(c.PublicKey)] = true
			}
		}
	}
	for i := range m.entries {
		e := &m.entries[i]
		keys := privateKeys(e.Content)
		if len(keys) == 0 {
			continue
		}
		at := m.doc.At(e.Item)
		if e.Mode&0o077 != 0 {
			out.Errorf("V040", at, m.where(e.Path), "it holds a private key and has mode %04o", e.Mode).WithHint("write `mode: 0600`")
		}
		if !e.Secret {
			out.Errorf("V040", at, m.where(e.Path), "it holds a private key that no certificate or secret of a profile put there").
				WithHint("name it under certs: or secrets: in profile.yaml; keys in templates and overlays end up in diagnostics")
		}
		for _, key := range keys {
			if authorities[key] && !m.IsControlPlane {
				out.Errorf("V041", at, m.where(e.Path), "it holds the key of a certificate authority, and %s is not a control plane", m.Name)
			}
		}
	}
}

// sharedPaths are the files of a host whose keys other hosts may hold too: all but
// those of its own certificates. Planning lets only control planes have a certificate
// of the cluster.
func sharedPaths(m *machine) map[string]bool {
	out := map[string]bool{}
	for _, d := range m.Deposits {
		if d.Kind != "cert" || !d.OfHost() {
			out[d.Path] = true
		}
	}
	return out
}

// heldKeys gives the private keys of a document that must be its host's alone.
func heldKeys(m *machine) []heldKey {
	shared := sharedPaths(m)
	var out []heldKey
	for i := range m.entries {
		e := &m.entries[i]
		if e.Kind != document.KindFile || shared[e.Path] {
			continue
		}
		for _, key := range privateKeys(e.Content) {
			out = append(out, heldKey{e.Path, key, m.doc.At(e.Item)})
		}
	}
	return out
}

// embedded finds base64 values of a kubeconfig.
var embedded = regexp.MustCompile(`(?m)^\s*(?:client-key-data|client-certificate-data|certificate-authority-data):\s*"?([A-Za-z0-9+/=]+)"?\s*$`)

// pemOf gives the PEM text in a file, also what a kubeconfig embeds.
func pemOf(content []byte) []byte {
	if !bytes.Contains(content, []byte("-data:")) {
		return content
	}
	out := slices.Clone(content)
	for _, match := range embedded.FindAllSubmatch(content, -1) {
		if text, err := base64.StdEncoding.DecodeString(string(match[1])); err == nil {
			out = append(append(out, '\n'), text...)
		}
	}
	return out
}

// certificates gives the certificates in a file.
func certificates(content []byte) []*x509.Certificate {
	var out []*x509.Certificate
	eachPEM(content, func(b *pem.Block) {
		if b.Type == "CERTIFICATE" {
			if c, err := x509.ParseCertificate(b.Bytes); err == nil {
				out = append(out, c)
			}
		}
	})
	return out
}

// privateKeys gives the fingerprints of the public halves of the private keys
// in a file.
func privateKeys(content []byte) []fingerprint {
	var out []fingerprint
	eachPEM(content, func(b *pem.Block) {
		if signer := parseKey(b); signer != nil {
			out = append(out, fingerprintOf(signer.Public()))
		}
	})
	return out
}

func parseKey(b *pem.Block) crypto.Signer {
	var key any
	var err error
	switch b.Type {
	case "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(b.Bytes)
	case "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(b.Bytes)
	case "PRIVATE KEY":
		key, err = x509.ParsePKCS8PrivateKey(b.Bytes)
	default:
		return nil
	}
	signer, _ := key.(crypto.Signer)
	if err != nil {
		return nil
	}
	return signer
}

func eachPEM(content []byte, each func(*pem.Block)) {
	if !bytes.Contains(content, []byte("-----BEGIN ")) && !bytes.Contains(content, []byte("-data:")) {
		return
	}
	rest := pemOf(content)
	for {
		var block *pem.Block
		block, rest = pem.Decode(rest)
		if block == nil {
			return
		}
		each(block)
	}
}

func fingerprintOf(public crypto.PublicKey) fingerprint {
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return fingerprint{}
	}
	return sha256.Sum256(der)
}
