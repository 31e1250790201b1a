package pki

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/asn1"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math/big"
	"strings"

	"github.com/kubespore/kubespore/pkg/diag"
)

// signingFile is the key that signs what a cluster's machines take after their
// first boot. The profile kit declares it, as the secret "signing", and puts its
// public half on every machine.
const signingFile = "cluster/signing.key"

// Sign signs a message with the cluster's signing key, for one purpose. The form
// is that of ssh-keygen -Y sign, which every system can verify. The same message
// gets the same signature.
func (s *Store) Sign(purpose string, message []byte) ([]byte, error) {
	text, found, err := s.read(signingFile)
	if err != nil {
		return nil, failure(err)
	}
	at := diag.Position{File: s.path(signingFile)}
	if !found {
		return nil, diag.Failf("K038", at, "the store has no key that signs for this cluster").WithHint("run kubespore build, which makes it, and give the machines their documents: they know its public half from there")
	}
	key, err := parseKey(text)
	if err != nil {
		return nil, diag.Failf("K024", at, "the signing key cannot be used: %s", err).WithHint("restore the file from a backup")
	}
	private, ok := key.(*ecdsa.PrivateKey)
	if !ok || private.Curve.Params().BitSize != 256 {
		return nil, diag.Failf("K024", at, "the signing key is not on the curve P-256").WithHint("restore the file from a backup")
	}
	return signSSH(private, purpose, message)
}

// The words of an SSH signature: PROTOCOL.sshsig of OpenSSH, and RFC 5656 for
// keys and signatures on elliptic curves.
const (
	sshMagic     = "SSHSIG"
	sshKeyType   = "ecdsa-sha2-nistp256"
	sshCurve     = "nistp256"
	sshHash      = "sha512"
	sshLineWidth = 70
)

func signSSH(key *ecdsa.PrivateKey, purpose string, message []byte) ([]byte, error) {
	sum := sha512.Sum512(message)
	signed := sha256.Sum256(bytes.Join([][]byte{[]byte(sshMagic), sshString(purpose), sshString(""), sshString(sshHash), sshString(string(sum[:]))}, nil))
	// Without a source of randomness the signature follows from key and message (RFC 6979).
	der, err := key.Sign(nil, signed[:], crypto.SHA256)
	if err != nil {
		return nil, failure(err)
	}
	var number struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(der, &number); err != nil {
		return nil, failure(err)
	}
	point, err := key.PublicKey.Bytes()
	if err != nil {
		return nil, failure(err)
	}
	public := bytes.Join([][]byte{sshString(sshKeyType), sshString(sshCurve), sshString(string(point))}, nil)
	signature := bytes.Join([][]byte{sshString(sshKeyType), sshString(string(sshNumber(number.R)) + string(sshNumber(number.S)))}, nil)
	blob := bytes.Join([][]byte{[]byte(sshMagic), binary.BigEndian.AppendUint32(nil, 1), sshString(string(public)),
		sshString(purpose), sshString(""), sshString(sshHash), sshString(string(signature))}, nil)
	return armored(blob), nil
}

func sshString(text string) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(text))), text...)
}

// sshNumber writes a positive number, with a zero in front of a high bit.
func sshNumber(n *big.Int) []byte {
	raw := n.Bytes()
	if len(raw) > 0 && raw[0] >= 0x80 {
		raw = append([]byte{0}, raw...)
	}
	return sshString(string(raw))
}

func armored(blob []byte) []byte {
	var b strings.Builder
	b.WriteString("-----BEGIN SSH SIGNATURE-----\n")
	for text := base64.StdEncoding.EncodeToString(blob); text != ""; {
		n := min(sshLineWidth, len(text))
		fmt.Fprintln(&b, text[:n])
		text = text[n:]
	}
	b.WriteString("-----END SSH SIGNATURE-----\n")
	return []byte(b.String())
}
