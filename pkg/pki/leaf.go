package pki

import (
	"crypto/x509"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/plan"
)

// certificate gives the pair of one leaf: the store's while it fits, else a
// new one.
func (s *Store) certificate(spec *plan.CertSpec, a *authority, now time.Time, list *diag.List) plan.Pair {
	return s.fitting(spec, a, leafOf(spec, a, now), now, list)
}

// fitting does so for a leaf whose dates are known.
func (s *Store) fitting(spec *plan.CertSpec, a *authority, l leaf, now time.Time, list *diag.List) plan.Pair {
	pair, err := s.load(spec)
	if err != nil {
		list.AddError("K001", failure(err))
		return plan.Pair{}
	}
	if misfit(spec, &pair, a, now) == "" {
		return pair.Pair
	}
	return s.sign(spec, a, l, list)
}

// sign makes a leaf anew, with a new key.
func (s *Store) sign(spec *plan.CertSpec, a *authority, l leaf, list *diag.List) plan.Pair {
	if a.signer == nil {
		list.Errorf("K010", spec.Position, "", "certificate %s of %s must be signed, and the key of the authority %s is not in the store", spec.Name, ownerOf(spec), a.name).
			WithHint("have it signed: kubespore pki requests TOPOLOGY; or put the key at %s for this build", s.path(authorityFile(a.name)+".key"))
		return plan.Pair{}
	}
	made, err := makeKey(spec.Algorithm)
	var text []byte
	if err == nil {
		text, err = a.signer.sign(made, isRSA(spec.Algorithm), l)
	}
	if err != nil {
		list.Errorf("K023", spec.Position, "", "certificate %s of %s: %s", spec.Name, ownerOf(spec), err)
		return plan.Pair{}
	}
	s.write(spec.ID+".crt", text)
	s.write(spec.ID+".key", made.key)
	return plan.Pair{Certificate: text, Key: made.key, NotBefore: l.notBefore, NotAfter: l.notAfter, Made: l.made}
}

// leafOf says what a new certificate holds. It is valid neither before its CA
// nor after it.
func leafOf(spec *plan.CertSpec, a *authority, now time.Time) leaf {
	l := leaf{commonName: spec.CommonName, organizations: spec.Organizations, names: joinNames(spec), usages: sortedUsages(spec),
		made: now, notBefore: now.Add(-backdate), notAfter: now.Add(spec.Life)}
	if l.notBefore.Before(a.certificate.NotBefore) {
		l.notBefore = a.certificate.NotBefore
	}
	if l.notAfter.After(a.certificate.NotAfter) {
		l.notAfter = a.certificate.NotAfter
	}
	return l
}

func sortedUsages(spec *plan.CertSpec) []string {
	u := slices.Clone(spec.Usages)
	slices.Sort(u)
	return slices.Compact(u)
}

func ownerOf(spec *plan.CertSpec) string {
	if spec.Host == "" {
		return "the cluster"
	}
	return spec.Host
}

// joinNames gives the names and addresses of a certificate as texts.
func joinNames(c *plan.CertSpec) []string {
	names := append([]string{}, c.DNSNames...)
	for _, a := range c.Addresses {
		names = append(names, a.String())
	}
	return names
}

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
	return stored{plan.Pair{Certificate: certificate, Key: key, NotBefore: c.NotBefore, NotAfter: c.NotAfter, Made: madeAt(c)}, c}, nil
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
	case !sameTexts(usagesOf(c), sortedUsages(spec)) || !fitsKeyUsage(c.KeyUsage, wantedKeyUsage(spec.Algorithm)):
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

// fitsKeyUsage lets keyEncipherment pass: other authorities put it on all that
// they sign.
func fitsKeyUsage(have, wanted x509.KeyUsage) bool {
	return have == wanted || have == wanted|x509.KeyUsageKeyEncipherment
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

// sameTexts compares two lists in any order.
func sameTexts(a, b []string) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b)
}
