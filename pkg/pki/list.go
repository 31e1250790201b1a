package pki

import (
	"bytes"
	"crypto/x509"
	"path"
	"slices"
	"strings"
	"time"
)

// Entry is one certificate of the store.
type Entry struct {
	Name       string    `json:"name"` // as in the profile: etcd-server; of an authority its own name
	Host       string    `json:"host,omitempty"`
	File       string    `json:"file"` // in the store
	CommonName string    `json:"commonName"`
	Authority  string    `json:"authority"` // who signed it; its own name for a root, "" when no authority of the store did
	NotBefore  time.Time `json:"notBefore"`
	NotAfter   time.Time `json:"notAfter"`
	RenewBy    time.Time `json:"renewBy"` // from then on a build makes a new one; of an authority: the user should
	Left       float64   `json:"left"`    // of its life: 1 when it begins, 0 when it has ended
	HasKey     bool      `json:"hasKey"`
	Unused     bool      `json:"unused,omitempty"`  // the plan does not need it: see MarkUsed
	Problem    string    `json:"problem,omitempty"` // why the fields above are empty
}

// IsAuthority says whether the entry is a CA.
func (e Entry) IsAuthority() bool { return path.Dir(e.File) == "ca" }

// List gives every certificate that documents hold: authorities, the cluster's
// own, and then each host's.
func (s *Store) List(now time.Time) []Entry {
	names, err := s.names()
	if err != nil {
		return []Entry{{Problem: err.Error()}}
	}
	s.mu.Lock()
	used := s.used
	s.mu.Unlock()
	authorities := s.storedAuthorities(names)
	var out []Entry
	for _, name := range names {
		if strings.HasSuffix(name, ".crt") && kindOf(name) != mediaFile {
			e := s.entry(name, names, authorities)
			e.Left = left(e, now)
			e.Unused = used != nil && !used[name]
			out = append(out, e)
		}
	}
	return out
}

// left says how much of a certificate's life there is still to come.
func left(e Entry, now time.Time) float64 {
	life := e.NotAfter.Sub(e.NotBefore)
	if life <= 0 {
		return 0
	}
	return min(1, max(0, float64(e.NotAfter.Sub(now))/float64(life)))
}

// Deadlines say until when machines can boot from documents with these
// certificates, and from when on a build makes new ones. Authorities and what is
// unused do not count; without any certificate both are zero.
func Deadlines(entries []Entry) (bootBy, renewBy time.Time) {
	for _, e := range entries {
		if e.IsAuthority() || e.Unused || e.Problem != "" {
			continue
		}
		if bootBy.IsZero() || e.NotAfter.Before(bootBy) {
			bootBy = e.NotAfter
		}
		if renewBy.IsZero() || e.RenewBy.Before(renewBy) {
			renewBy = e.RenewBy
		}
	}
	return bootBy, renewBy
}

func (s *Store) entry(file string, names []string, authorities map[string]*x509.Certificate) Entry {
	base := strings.TrimSuffix(file, ".crt")
	e := Entry{Name: path.Base(base), File: file}
	if dir := path.Dir(file); strings.HasPrefix(dir, "hosts/") {
		e.Host = path.Base(dir)
	}
	_, e.HasKey = slices.BinarySearch(names, base+".key")
	text, _, err := s.read(file)
	if err != nil {
		e.Problem = err.Error()
		return e
	}
	c, err := parseCertificate(text)
	if err != nil {
		e.Problem = err.Error()
		return e
	}
	e.CommonName, e.NotBefore, e.NotAfter, e.RenewBy = c.Subject.CommonName, c.NotBefore, c.NotAfter, renewBy(c)
	e.Authority = signedBy(c, authorities)
	return e
}

// storedAuthorities gives the CAs of the store that can be read, by name.
func (s *Store) storedAuthorities(names []string) map[string]*x509.Certificate {
	out := map[string]*x509.Certificate{}
	for _, file := range names {
		name, isCertificate := strings.CutSuffix(file, ".crt")
		name, isAuthority := strings.CutPrefix(name, "ca/")
		if !isCertificate || !isAuthority {
			continue
		}
		if text, _, err := s.read(file); err == nil {
			if c, err := parseCertificate(text); err == nil {
				out[name] = c
			}
		}
	}
	return out
}

// signedBy names the authority of the store that signed a certificate.
func signedBy(c *x509.Certificate, authorities map[string]*x509.Certificate) string {
	var found []string
	for name, a := range authorities {
		if bytes.Equal(a.RawSubject, c.RawIssuer) && c.CheckSignatureFrom(a) == nil {
			found = append(found, name)
		}
	}
	if len(found) == 0 {
		return ""
	}
	return slices.Min(found)
}
