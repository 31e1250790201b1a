package pki

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"time"

	"github.com/kubespore/kubespore/pkg/plan"
)

// parseAll gives every certificate of a PEM text that can be read.
func parseAll(text []byte) []*x509.Certificate {
	var all []*x509.Certificate
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if c, err := x509.ParseCertificate(block.Bytes); err == nil && block.Type == "CERTIFICATE" {
			all = append(all, c)
		}
	}
	return all
}

func isRoot(c *x509.Certificate) bool {
	return bytes.Equal(c.RawIssuer, c.RawSubject) && c.CheckSignatureFrom(c) == nil
}

// chainOf follows a certificate to its root among others. It gives the way, the
// certificate first, and who signed the last one when that is not there: programs
// such as haproxy trust nothing that does not lead to a root.
func chainOf(c *x509.Certificate, among []*x509.Certificate) (chain []*x509.Certificate, missing string) {
	for {
		chain = append(chain, c)
		if isRoot(c) {
			return chain, ""
		}
		i := slices.IndexFunc(among, func(above *x509.Certificate) bool {
			return !slices.ContainsFunc(chain, above.Equal) && bytes.Equal(above.RawSubject, c.RawIssuer) && above.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature) == nil
		})
		if i < 0 {
			return chain, c.Issuer.String()
		}
		c = among[i]
	}
}

// chainText gives certificates as PEM.
func chainText(chain []*x509.Certificate) []byte {
	var out []byte
	for _, c := range chain {
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})...)
	}
	return out
}

// chainProblem says what keeps an authority, the first of a chain, from signing
// leaves that hold now, or "". What only a signature can show is [trialProblem]'s.
func chainProblem(chain []*x509.Certificate, now time.Time) string {
	for below, c := range chain {
		who := fmt.Sprintf("%q", c.Subject.String())
		switch {
		case !c.BasicConstraintsValid || !c.IsCA:
			return who + " is not an authority: its basic constraints do not say CA:TRUE"
		case c.KeyUsage&x509.KeyUsageCertSign == 0:
			return who + " may not sign certificates: its key usage lacks certificate signing"
		case (c.MaxPathLen > 0 || c.MaxPathLenZero) && below > c.MaxPathLen:
			return fmt.Sprintf("%s allows %d authorities below it (path length), and there are %d", who, c.MaxPathLen, below)
		case now.Before(c.NotBefore):
			return fmt.Sprintf("%s is valid from %s on, and now it is %s", who, day(c.NotBefore), day(now))
		case now.After(c.NotAfter):
			return fmt.Sprintf("%s has expired on %s", who, day(c.NotAfter))
		}
	}
	return ""
}

// trialProblem signs a leaf with every name that certificates of the authority
// carry and forgets it, to hear from the verifier of all Go programs what chain
// and names are worth: name constraints, extended usages, path lengths. It gives
// what is wrong, or "".
func trialProblem(chain []*x509.Certificate, key crypto.Signer, specs []plan.CertSpec, now time.Time) string {
	leaf := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "trial"}, NotBefore: now, NotAfter: chain[0].NotAfter,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	var usages []string
	for _, spec := range specs {
		usages = append(usages, spec.Usages...)
		leaf.DNSNames = append(leaf.DNSNames, spec.DNSNames...)
		for _, a := range spec.Addresses {
			leaf.IPAddresses = append(leaf.IPAddresses, a.AsSlice())
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, leaf, chain[0], key.Public(), key)
	if err != nil {
		return "its key cannot sign"
	}
	made, err := x509.ParseCertificate(der)
	if err != nil {
		return "what it signs cannot be read"
	}
	return verifyProblem(made, chain, usages, now)
}

// verifyProblem says why a leaf is not accepted for its usages below a whole
// chain, or "".
func verifyProblem(leaf *x509.Certificate, chain []*x509.Certificate, usages []string, now time.Time) string {
	roots, between := x509.NewCertPool(), x509.NewCertPool()
	roots.AddCert(chain[len(chain)-1])
	for _, c := range chain[:len(chain)-1] {
		between.AddCert(c)
	}
	kinds := map[string]x509.ExtKeyUsage{"server": x509.ExtKeyUsageServerAuth, "client": x509.ExtKeyUsageClientAuth}
	for _, usage := range slices.Compact(slices.Sorted(slices.Values(usages))) {
		_, err := leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{kinds[usage]}})
		var invalid x509.CertificateInvalidError
		switch {
		case err == nil:
		case errors.As(err, &invalid) && invalid.Reason == x509.IncompatibleUsage:
			return fmt.Sprintf("an extended key usage in the chain does not allow certificates of a %s", usage)
		case errors.As(err, &invalid) && invalid.Detail != "":
			return invalid.Detail
		default:
			return err.Error()
		}
	}
	return ""
}

// certsOf gives the certificates that an authority signs.
func certsOf(p *plan.Plan, authority string) []plan.CertSpec {
	return slices.DeleteFunc(slices.Clone(p.Certs), func(c plan.CertSpec) bool { return c.Authority != authority })
}

func samePublic(a, b *x509.Certificate) bool {
	return bytes.Equal(a.RawSubjectPublicKeyInfo, b.RawSubjectPublicKeyInfo)
}

func samePublicKey(a, b crypto.Signer) bool {
	public, ok := a.Public().(interface{ Equal(crypto.PublicKey) bool })
	return ok && public.Equal(b.Public())
}

// algorithmName gives our name for the key of an authority of the user's, or ""
// where nothing here can sign with it.
func algorithmName(c *x509.Certificate) string {
	name := algorithmOf(c.PublicKey)
	if k, ok := c.PublicKey.(*rsa.PublicKey); ok && k.N.BitLen() >= 2048 {
		return name
	}
	if _, known := algorithms()[name]; known {
		return name
	}
	return ""
}
