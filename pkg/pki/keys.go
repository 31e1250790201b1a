package pki

import (
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"github.com/kubespore/kubespore/pkg/plan"
)

// parseCertificate reads the first certificate of a PEM text.
func parseCertificate(text []byte) (*x509.Certificate, error) {
	block := findBlock(text, func(kind string) bool { return kind == "CERTIFICATE" })
	if block == nil {
		return nil, errors.New("it holds no certificate in PEM form")
	}
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, errors.New("its certificate is damaged")
	}
	return c, nil
}

// parseKey reads the private key of a PEM text, in any form in which one is
// commonly written.
func parseKey(text []byte) (crypto.Signer, error) {
	block := findBlock(text, func(kind string) bool { return kind != "EC PARAMETERS" })
	if block == nil {
		return nil, errors.New("it holds no key in PEM form")
	}
	var key any
	var err error
	switch block.Type {
	case "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(block.Bytes)
	case "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case "PRIVATE KEY":
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case "ENCRYPTED PRIVATE KEY":
		return nil, errors.New("its key is encrypted")
	default:
		return nil, fmt.Errorf("it holds no private key but a %s", block.Type)
	}
	s, ok := key.(crypto.Signer)
	if err != nil || !ok {
		return nil, errors.New("its key is damaged")
	}
	return s, nil
}

func findBlock(text []byte, wanted func(kind string) bool) *pem.Block {
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil || wanted(block.Type) {
			return block
		}
	}
}

// sameKey says whether a certificate is for a key.
func sameKey(c *x509.Certificate, key crypto.Signer) bool {
	public, ok := c.PublicKey.(interface{ Equal(crypto.PublicKey) bool })
	return ok && public.Equal(key.Public())
}

// algorithmOf gives our name for the algorithm of a key, or "".
func algorithmOf(public crypto.PublicKey) string {
	switch k := public.(type) {
	case *ecdsa.PublicKey:
		return fmt.Sprintf("ECDSA-P%d", k.Curve.Params().BitSize)
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA-%d", k.N.BitLen())
	}
	return ""
}

func isRSA(algorithm string) bool { k := algorithms()[algorithm]; return k.A == "rsa" }

// publicOf gives the public half of a private key as PEM.
func publicOf(key []byte) ([]byte, error) {
	private, err := parseKey(key)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKIXPublicKey(private.Public())
	if err != nil {
		return nil, errors.New("its key is damaged")
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), nil
}

// passwordLetters are the characters of passwords: they need no quotes in any
// of the files that passwords end up in.
const passwordLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

// makeSecret makes the text of a secret that is not a key pair.
func makeSecret(s plan.SecretSpec) []byte {
	switch s.Kind {
	case kindWireguard:
		return makeWireguard()
	case kindRandom:
		b := make([]byte, s.Size)
		rand.Read(b) // never fails, by its documentation
		return []byte(base64.StdEncoding.EncodeToString(b))
	}
	out := make([]byte, 0, s.Size)
	for b := make([]byte, 1); len(out) < s.Size; {
		rand.Read(b)
		// Only whole rounds of the letters, or some would be likelier.
		if n := len(passwordLetters); int(b[0]) < 256/n*n {
			out = append(out, passwordLetters[int(b[0])%n])
		}
	}
	return out
}

// makeWireguard makes a private key of WireGuard: 32 bytes of Curve25519 as base64, with the
// bits set that `wg genkey` sets.
func makeWireguard() []byte {
	b := make([]byte, 32)
	rand.Read(b) // never fails, by its documentation
	b[0], b[31] = b[0]&248, b[31]&127|64
	return []byte(base64.StdEncoding.EncodeToString(b))
}

// wireguardPublic gives the public half of a private key of WireGuard, as `wg pubkey` does.
func wireguardPublic(private []byte) ([]byte, error) {
	damaged := errors.New("it is not a key of WireGuard")
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(private)))
	if err != nil {
		return nil, damaged
	}
	key, err := ecdh.X25519().NewPrivateKey(raw)
	if err != nil {
		return nil, damaged
	}
	return base64.StdEncoding.AppendEncode(nil, key.PublicKey().Bytes()), nil
}
