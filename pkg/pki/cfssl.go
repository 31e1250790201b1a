package pki

import (
	"crypto"
	"crypto/x509"
	"encoding/asn1"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/cloudflare/cfssl/config"
	"github.com/cloudflare/cfssl/csr"
	cfssllog "github.com/cloudflare/cfssl/log"
	cfsslsigner "github.com/cloudflare/cfssl/signer"
	"github.com/cloudflare/cfssl/signer/local"
)

// This file is all that knows cfssl. Its traps, and what is done about them:
//
//   - It prints a line for each certificate. Its log level is one global
//     variable, set here once before the first call.
//   - Dates come from its own clock unless both are given: they always are.
//   - Names are sorted into addresses, mail, URIs and DNS names by guessing, so
//     that "lb:6443" becomes a URI: checkNames lets through only what it
//     guesses right.
//   - Unknown usages and unknown profiles fall silently to a default: the
//     names used here are constants, and newSigner checks each.
//   - It drops the names of a CA certificate; kubeadm's carry their common name
//     as a DNS name, so that one goes in as an extension.
//   - Its errors are numbers in JSON: never shown alone.

// algorithms gives cfssl's words for ours.
func algorithms() map[string]csr.KeyRequest {
	return map[string]csr.KeyRequest{
		"ECDSA-P256": {A: "ecdsa", S: 256},
		"ECDSA-P384": {A: "ecdsa", S: 384},
		"RSA-2048":   {A: "rsa", S: 2048},
		"RSA-3072":   {A: "rsa", S: 3072},
		"RSA-4096":   {A: "rsa", S: 4096},
	}
}

var silenceCFSSL = sync.OnceFunc(func() { cfssllog.Level = cfssllog.LevelFatal + 1 })

// newKey is a private key and a request that proves its possession. The
// request has no subject: subject and names are given when it is signed.
type newKey struct{ request, key []byte }

func makeKey(algorithm string) (newKey, error) {
	silenceCFSSL()
	kind, ok := algorithms()[algorithm]
	if !ok {
		return newKey{}, fmt.Errorf("there is no key algorithm %q", algorithm)
	}
	request, key, err := csr.ParseRequest(&csr.CertificateRequest{KeyRequest: &kind})
	if err != nil {
		return newKey{}, errors.New("no key could be made")
	}
	return newKey{request, key}, nil
}

// leaf is what a certificate is to say.
type leaf struct {
	commonName          string
	organizations       []string
	names               []string // DNS names and addresses that checkNames let through
	usages              []string // client, server
	made                time.Time
	notBefore, notAfter time.Time
}

// signer signs with one CA. It is safe for concurrent use.
type signer struct {
	inner   *local.Signer
	profile map[string]bool
}

// keyUsages gives the usages of a key. RFC 8813 forbids keyEncipherment with
// elliptic curves, which cannot encipher; RSA key exchange of TLS 1.2 needs it.
func keyUsages(rsa bool) []string {
	if rsa {
		return []string{"digital signature", "key encipherment"}
	}
	return []string{"digital signature"}
}

func extendedUsages() map[string]string {
	return map[string]string{"client": "client auth", "server": "server auth"}
}

func profileName(rsa bool, usages []string) string {
	return fmt.Sprintf("%s rsa=%t", strings.Join(usages, "+"), rsa)
}

func newSigner(ca *x509.Certificate, key crypto.Signer) (*signer, error) {
	silenceCFSSL()
	s := &signer{profile: map[string]bool{}}
	// cfssl wants a default that is valid; nothing is ever signed with it.
	policy := &config.Signing{Default: &config.SigningProfile{Expiry: time.Second}, Profiles: map[string]*config.SigningProfile{}}
	for _, rsa := range []bool{true, false} {
		for _, usages := range [][]string{{"client"}, {"server"}, {"client", "server"}} {
			names := keyUsages(rsa)
			for _, u := range usages {
				names = append(names, extendedUsages()[u])
			}
			profile := &config.SigningProfile{Usage: names, ClientProvidesSerialNumbers: true}
			if _, _, unknown := profile.Usages(); len(unknown) > 0 {
				return nil, fmt.Errorf("cfssl does not know the usage %q", unknown[0])
			}
			policy.Profiles[profileName(rsa, usages)] = profile
			s.profile[profileName(rsa, usages)] = true
		}
	}
	var err error
	if s.inner, err = local.NewSigner(key, ca, cfsslsigner.DefaultSigAlgo(key), policy); err != nil {
		return nil, errors.New("the authority's key cannot sign")
	}
	return s, nil
}

// sign makes a certificate for a key.
func (s *signer) sign(key newKey, rsa bool, l leaf) ([]byte, error) {
	name := profileName(rsa, l.usages)
	if !s.profile[name] {
		return nil, fmt.Errorf("there is no usage %q", strings.Join(l.usages, ", "))
	}
	subject := &cfsslsigner.Subject{CN: l.commonName}
	for _, o := range l.organizations {
		subject.Names = append(subject.Names, csr.Name{O: o})
	}
	text, err := s.inner.Sign(cfsslsigner.SignRequest{
		Request: string(key.request), Profile: name, Subject: subject, Hosts: l.names,
		NotBefore: l.notBefore, NotAfter: l.notAfter, Serial: newSerial(l.made),
	})
	if err != nil {
		return nil, errors.New("the certificate could not be signed")
	}
	return text, nil
}

// signAuthority makes a root certificate as kubeadm makes one: no path length,
// the common name also as a DNS name, and keyEncipherment for every kind of key.
func signAuthority(key newKey, signWith crypto.Signer, commonName string, made, notBefore, notAfter time.Time) ([]byte, error) {
	silenceCFSSL()
	alternative := asn1.ObjectIdentifier{2, 5, 29, 17}
	name, err := asn1.Marshal([]asn1.RawValue{{Class: asn1.ClassContextSpecific, Tag: 2, Bytes: []byte(commonName)}})
	if err != nil {
		return nil, err
	}
	inner, err := local.NewSigner(signWith, nil, cfsslsigner.DefaultSigAlgo(signWith), &config.Signing{Default: &config.SigningProfile{
		Usage:                       []string{"digital signature", "key encipherment", "cert sign"},
		Expiry:                      notAfter.Sub(notBefore),
		CAConstraint:                config.CAConstraint{IsCA: true},
		ClientProvidesSerialNumbers: true,
		ExtensionWhitelist:          map[string]bool{alternative.String(): true},
	}})
	if err != nil {
		return nil, errors.New("the authority's key cannot sign")
	}
	text, err := inner.Sign(cfsslsigner.SignRequest{
		Request: string(key.request), Subject: &cfsslsigner.Subject{CN: commonName},
		NotBefore: notBefore, NotAfter: notAfter, Serial: newSerial(made),
		Extensions: []cfsslsigner.Extension{{ID: config.OID(alternative), Value: hex.EncodeToString(name)}},
	})
	if err != nil {
		return nil, errors.New("the certificate could not be signed")
	}
	return text, nil
}
