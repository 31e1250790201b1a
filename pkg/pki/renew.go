package pki

import (
	"slices"
	"strings"
	"time"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/plan"
)

// Choice says which certificates to renew.
type Choice struct {
	Names  []string      // as the store has them: apiserver, cp1/apiserver or hosts/cp1/apiserver; all when empty
	Before time.Duration // only those that end within it; 0 for all
}

// Renewed is a certificate that was made anew.
type Renewed struct {
	File     string    `json:"file"` // in the store
	Ended    time.Time `json:"ended"`
	NotAfter time.Time `json:"notAfter"`
}

// Renew makes certificates of a plan anew, with new keys, before they are due.
// Those that the store does not hold are the next build's to make. The new ones
// are in memory until Commit.
func (s *Store) Renew(p *plan.Plan, c Choice, now time.Time) ([]Renewed, diag.List) {
	now = now.UTC().Truncate(time.Second)
	list := checkSpecs(p)
	list.Append(c.unknown(p.Certs))
	if list.HasErrors() {
		return nil, list
	}
	var due []*plan.CertSpec
	ended := map[string]time.Time{}
	for i := range p.Certs {
		spec := &p.Certs[i]
		have, err := s.load(spec)
		if err != nil {
			list.AddError("K001", failure(err))
		}
		if have.certificate != nil && c.holds(spec, have.NotAfter, now) {
			due, ended[spec.ID] = append(due, spec), have.NotAfter
		}
	}
	authorities, problems := s.authorities(signersOf(p, due), now)
	list.Append(problems)
	var out []Renewed
	for _, spec := range due {
		if a := authorities[spec.Authority]; a != nil {
			pair := s.sign(spec, a, leafOf(spec, a, now), &list)
			out = append(out, Renewed{File: spec.ID + ".crt", Ended: ended[spec.ID], NotAfter: pair.NotAfter})
		}
	}
	return out, list
}

// signersOf gives the authorities that some certificates need.
func signersOf(p *plan.Plan, certs []*plan.CertSpec) []plan.AuthoritySpec {
	var out []plan.AuthoritySpec
	for _, a := range p.Authorities {
		if slices.ContainsFunc(certs, func(c *plan.CertSpec) bool { return c.Authority == a.Name }) {
			out = append(out, a)
		}
	}
	return out
}

// holds says whether a certificate that ends then is among those chosen.
func (c Choice) holds(spec *plan.CertSpec, end, now time.Time) bool {
	named := len(c.Names) == 0 || slices.ContainsFunc(c.Names, func(name string) bool { return slices.Contains(namesOf(spec), name) })
	return named && (c.Before == 0 || end.Before(now.Add(c.Before)))
}

// unknown reports names that no certificate of the plan has.
func (c Choice) unknown(specs []plan.CertSpec) diag.List {
	var list diag.List
	var known []string
	for i := range specs {
		known = append(known, namesOf(&specs[i])...)
	}
	for _, name := range c.Names {
		if slices.Contains(known, name) {
			continue
		}
		d := list.Errorf("K037", diag.Position{}, "", "there is no certificate %q", name)
		if near := diag.Suggest(name, known); near != "" {
			d.WithHint("did you mean %s?", near)
		} else {
			d.WithHint("kubespore pki list TOPOLOGY names them all: hosts/cp1/apiserver.crt is apiserver, or cp1/apiserver for that machine's alone")
		}
	}
	return list
}

// namesOf gives the names by which a certificate may be called.
func namesOf(spec *plan.CertSpec) []string {
	return []string{spec.Name, spec.ID, strings.TrimPrefix(spec.ID, "hosts/")}
}
