// Package issuer is an issuer of tokens as OpenID Connect has them: what an API
// server asks of one, and tokens that are as they should be or are not.
package issuer

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// Issuer signs tokens, and says by which key.
type Issuer struct {
	URL         string          // https, with an address and a port
	Certificate []byte          // what it serves with, signed by itself, as PEM
	Pair        tls.Certificate // the same with its key
	key         *ecdsa.PrivateKey
}

// Claims are what a token says.
type Claims struct {
	jwt.Claims
	Groups []string `json:"groups"`
}

// Audience is whom the tokens of an issuer are for.
const Audience = "lab"

// New makes an issuer with keys of its own, whose certificate is valid for a day.
func New(address string) (*Issuer, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	ip := net.ParseIP(u.Hostname())
	if u.Scheme != "https" || ip == nil || u.Port() == "" {
		return nil, fmt.Errorf("%s is not https://ADDRESS:PORT", address)
	}
	key, err := NewKey()
	if err != nil {
		return nil, err
	}
	now := time.Now()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), IPAddresses: []net.IP{ip}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	return &Issuer{address, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, key}, nil
}

// NewKey makes a key that may sign tokens.
func NewKey() (*ecdsa.PrivateKey, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) }

// Claims are those of a token for a user of some groups, which is valid for minutes.
func (i *Issuer) Claims(subject string, groups ...string) Claims {
	now := time.Now()
	return Claims{jwt.Claims{
		Issuer: i.URL, Audience: jwt.Audience{Audience}, Subject: subject,
		IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(10 * time.Minute)),
	}, groups}
}

// Token signs claims with the key of the issuer.
func (i *Issuer) Token(c Claims) (string, error) { return Sign(c, i.key) }

// keyID is what the one key of an issuer is called.
const keyID = "1"

// Sign makes a token of claims with a key.
func Sign(c Claims, key *ecdsa.PrivateKey) (string, error) {
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: keyID}}, nil)
	if err != nil {
		return "", err
	}
	return jwt.Signed(signer).Claims(c).Serialize()
}

// ServeHTTP answers what an API server asks: what the issuer is called, and its key.
func (i *Issuer) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	answers := map[string]any{
		"/.well-known/openid-configuration": map[string]any{
			"issuer": i.URL, "jwks_uri": i.URL + "/keys", "response_types_supported": []string{"id_token"},
			"subject_types_supported": []string{"public"}, "id_token_signing_alg_values_supported": []string{"ES256"},
		},
		"/keys": jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: i.key.Public(), KeyID: keyID, Algorithm: string(jose.ES256), Use: "sig"}}},
	}
	answer, ok := answers[q.URL.Path]
	if !ok {
		http.NotFound(w, q)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	// A client that has gone away asks again.
	_ = json.NewEncoder(w).Encode(answer)
}
