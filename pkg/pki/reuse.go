package pki

import (
	"crypto/x509"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/kubespore/kubespore/pkg/plan"
)

// stored is a leaf as the store has it.
type stored struct {
	plan.Pair
	certificate *x509.Certificate // nil when it is missing or damaged
}

func (s *Store) load(spec *plan.CertSpec) (stored, error) {
	certificate, found, err := s.read(spec.ID + ".crt")
	if err != nil || !found {
		return stored{}, err
	}
	key, _, err := s.read(spec.ID + ".key")
	if err != nil {
		return stored{}, err
	}
	c, err := parseCertificate(certificate)
	if err != nil {
		return stored{}, nil // damaged: as good as none
	}
	return stored{plan.Pair{Certificate: certificate, Key: key, NotBefore: c.NotBefore, NotAfter: c.NotAfter}, c}, nil
}

// misfit says why a certificate cannot be used again, or "".
func misfit(spec *plan.CertSpec, have *stored, a *authority, now time.Time) string {
	c := have.certificate
	if c == nil {
		return "there is none"
	}
	key, err := parseKey(have.Key)
	switch {
	case err != nil || !sameKey(c, key):
		return "its key is missing"
	case algorithmOf(c.PublicKey) != spec.Algorithm:
		return "its key has another algorithm"
	case c.Subject.CommonName != spec.CommonName:
		return "its common name differs"
	case !sameTexts(c.Subject.Organization, spec.Organizations):
		return "its organizations differ"
	case !sameTexts(c.DNSNames, spec.DNSNames) || !sameTexts(addresses(c), texts(spec.Addresses)) || len(c.URIs)+len(c.EmailAddresses) > 0:
		return "its names differ"
	case !sameTexts(usagesOf(c), sortedUsages(spec)) || c.KeyUsage != wantedKeyUsage(spec.Algorithm):
		return "its usages differ"
	case now.Before(c.NotBefore):
		return "it is not valid yet"
	case !now.Before(renewBy(c)) && c.NotAfter.Before(a.certificate.NotAfter):
		// One that ends with its authority gains nothing by being renewed.
		return "less than a third of its life is left"
	case c.NotAfter.Before(now):
		return "it has expired"
	case c.CheckSignatureFrom(a.certificate) != nil:
		return "another authority signed it"
	}
	return ""
}

// renewBy is when a third of a certificate's life is left.
func renewBy(c *x509.Certificate) time.Time {
	return c.NotAfter.Add(-c.NotAfter.Sub(c.NotBefore) / 3)
}

func wantedKeyUsage(algorithm string) x509.KeyUsage {
	if isRSA(algorithm) {
		return x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment
	}
	return x509.KeyUsageDigitalSignature
}

// usagesOf gives our words for the usages of a certificate, sorted.
func usagesOf(c *x509.Certificate) []string {
	var out []string
	for _, u := range c.ExtKeyUsage {
		switch u {
		case x509.ExtKeyUsageClientAuth:
			out = append(out, "client")
		case x509.ExtKeyUsageServerAuth:
			out = append(out, "server")
		default:
			out = append(out, fmt.Sprintf("usage %d", u))
		}
	}
	slices.Sort(out)
	return out
}

func addresses(c *x509.Certificate) []string {
	var out []string
	for _, ip := range c.IPAddresses {
		out = append(out, ip.String())
	}
	return out
}

func texts(list []netip.Addr) []string {
	var out []string
	for _, a := range list {
		out = append(out, a.String())
	}
	return out
}

// sameTexts compares two lists whatever their order.
func sameTexts(a, b []string) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b)
}
