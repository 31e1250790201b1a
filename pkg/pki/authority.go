package pki

import (
	"crypto/x509"
	"time"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/plan"
)

// authority is a CA that is there.
type authority struct {
	name        string
	pair        plan.Pair
	certificate *x509.Certificate
	signer      *signer // nil where the key is kept elsewhere
}

// authorities loads the CAs of a plan and makes those that never were.
func (s *Store) authorities(specs []plan.AuthoritySpec, now time.Time) (map[string]*authority, diag.List) {
	var list diag.List
	out := map[string]*authority{}
	for _, spec := range specs {
		a, err := s.authority(spec, now.Add(-backdate), now)
		if err != nil {
			list.AddError("K001", err)
			continue
		}
		out[spec.Name] = a
	}
	return out, list
}

// authority loads a CA. One that never was is made, and valid from the given
// time on.
func (s *Store) authority(spec plan.AuthoritySpec, from, now time.Time) (*authority, error) {
	file := authorityFile(spec.Name)
	certificate, hasCertificate, err := s.read(file + ".crt")
	if err != nil {
		return nil, failure(err)
	}
	key, hasKey, err := s.read(file + ".key")
	if err != nil {
		return nil, failure(err)
	}
	switch {
	case hasCertificate:
		return s.loadAuthority(spec.Name, certificate, key, now)
	case hasKey:
		// Making a new certificate for the key would be easy, and would differ
		// from the one that machines out there already trust.
		return nil, diag.Failf("K011", diag.Position{File: s.path(file + ".crt")}, "the certificate of the authority %s is missing, while its key is there", spec.Name).
			WithHint("where it is being signed, bring it in: kubespore pki import TOPOLOGY FILE; else restore the file from a backup, or move %s away for a new authority, which no running machine trusts", s.path(file+".key"))
	}
	return s.makeAuthority(spec, from, now)
}

func (s *Store) makeAuthority(spec plan.AuthoritySpec, from, now time.Time) (*authority, error) {
	made, err := makeKey(spec.Algorithm)
	if err != nil {
		return nil, diag.Failf("K023", spec.Position, "authority %s: %s", spec.Name, err)
	}
	key, err := parseKey(made.key)
	if err != nil {
		return nil, diag.Failf("K023", spec.Position, "authority %s: %s", spec.Name, err)
	}
	text, err := signAuthority(made, key, spec.CommonName, now, from, now.Add(spec.Life))
	if err != nil {
		return nil, diag.Failf("K023", spec.Position, "authority %s: %s", spec.Name, err)
	}
	a, err := s.loadAuthority(spec.Name, text, made.key, now)
	if err != nil {
		return nil, err
	}
	s.write(authorityFile(spec.Name)+".crt", text)
	s.write(authorityFile(spec.Name)+".key", made.key)
	return a, nil
}

// loadAuthority checks that a CA can be relied on. It is never replaced by
// itself: every machine out there trusts this one.
func (s *Store) loadAuthority(name string, certificate, key []byte, now time.Time) (*authority, error) {
	at := diag.Position{File: s.path(authorityFile(name) + ".crt")}
	c, err := parseCertificate(certificate)
	if err != nil {
		return nil, diag.Failf("K013", at, "the certificate of the authority %s cannot be used: %s", name, err).WithHint("restore the file from a backup")
	}
	if !c.IsCA || c.KeyUsage&x509.KeyUsageCertSign == 0 {
		return nil, diag.Failf("K013", at, "the certificate of the authority %s may not sign others", name).
			WithHint("put a certificate there with the basic constraint CA and the key usage certificate signing")
	}
	if _, issuer := chainOf(c, parseAll(certificate)); issuer != "" {
		return nil, diag.Failf("K013", at, "the authority %s is signed by %q, whose certificate is not in the file: machines could not follow the chain to its root", name, issuer).
			WithHint("append the certificates of all authorities above it to %s, the root last", at.File)
	}
	if now.After(c.NotAfter) {
		return nil, diag.Failf("K012", at, "the authority %s has expired on %s, and with it all it signed", name, day(c.NotAfter)).
			WithHint("move %s and its key away to make a new authority; every machine then needs its new document", at.File)
	}
	if now.Before(c.NotBefore) {
		return nil, diag.Failf("K012", at, "the authority %s is valid from %s on, and the clock of this machine says %s", name, day(c.NotBefore), day(now)).
			WithHint("set the clock right")
	}
	a := &authority{name: name, certificate: c, pair: plan.Pair{Certificate: certificate, Signer: chainText([]*x509.Certificate{c}), Key: key, NotBefore: c.NotBefore, NotAfter: c.NotAfter, Made: madeAt(c)}}
	if key == nil {
		return a, nil
	}
	return a, a.useKey(s.path(authorityFile(name)+".key"), key)
}

func (a *authority) useKey(file string, key []byte) error {
	private, err := parseKey(key)
	if err != nil {
		return diag.Failf("K013", diag.Position{File: file}, "the key of the authority %s cannot be used: %s", a.name, err).WithHint("restore the file from a backup")
	}
	if !sameKey(a.certificate, private) {
		return diag.Failf("K013", diag.Position{File: file}, "the key of the authority %s is not the one of its certificate", a.name).
			WithHint("restore both files from the same backup")
	}
	if a.signer, err = newSigner(a.certificate, private); err != nil {
		return diag.Failf("K023", diag.Position{File: file}, "authority %s: %s", a.name, err)
	}
	return nil
}

// warnEarlyEnds tells of each CA whose end cuts certificates short.
func warnEarlyEnds(p *plan.Plan, authorities map[string]*authority, keys *plan.Keys) diag.List {
	short := map[string]int{}
	for _, c := range p.Certs {
		pair, end := keys.Certs[c.ID], authorities[c.Authority].certificate.NotAfter
		if pair.NotAfter.Equal(end) && end.Sub(pair.NotBefore) < c.Life {
			short[c.Authority]++
		}
	}
	var list diag.List
	for _, spec := range p.Authorities {
		if n := short[spec.Name]; n > 0 {
			list.Warnf("K014", spec.Position, "", "the authority %s ends on %s and cuts %d certificates short", spec.Name, day(authorities[spec.Name].certificate.NotAfter), n).
				WithHint("plan its replacement: every machine will need a new document")
		}
	}
	return list
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }
