package pki

import (
	"net/netip"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/plan"
)

// What media need again: the key to each host's part of a sealed one, what was
// encrypted, and the server that machines boot from. No document is made of it.
const (
	mediaKeyName = "stick.secret"
	sealedFolder = "sealed/"
	sealedSuffix = ".age"
)

func isForMedia(name string) bool {
	return slices.Contains(bootFiles(), name) || strings.HasPrefix(name, sealedFolder) && path.Dir(name)+"/" == sealedFolder && path.Ext(name) == sealedSuffix ||
		strings.HasPrefix(name, "hosts/") && strings.Count(name, "/") == 2 && path.Base(name) == mediaKeyName
}

// MediaKey gives the key to a host's part of sealed media, which create makes
// the first time.
func (s *Store) MediaKey(host string, create func() ([]byte, error)) ([]byte, error) {
	return s.keep("hosts/"+host+"/"+mediaKeyName, create)
}

// Sealed gives the ciphertext of what has a digest, which seal makes the first
// time.
func (s *Store) Sealed(digest string, seal func() ([]byte, error)) ([]byte, error) {
	return s.keep(sealedFolder+digest+sealedSuffix, seal)
}

// keep gives a file that is made once.
func (s *Store) keep(name string, create func() ([]byte, error)) ([]byte, error) {
	text, found, err := s.read(name)
	if err != nil {
		return nil, failure(err)
	}
	if found {
		return text, nil
	}
	if text, err = create(); err != nil {
		return nil, failure(err)
	}
	s.write(name, text)
	return text, nil
}

// The pair of the server that machines boot from, and its authority, which
// vouches for that server and for nothing in a cluster.
const (
	bootName = "netboot"
	bootID   = "cluster/" + bootName
	// bootKey is RSA: most builds of iPXE know nothing else.
	bootKey  = "RSA-3072"
	bootLife = 10 * 365 * 24 * time.Hour
)

func bootFiles() []string {
	ca := authorityFile(bootName)
	return []string{ca + ".crt", ca + ".key", bootID + ".crt", bootID + ".key"}
}

// BootServer gives the pair of the server with that name or address, and the
// certificate of the authority that machines know it by. Nothing has set their
// clocks when they ask, so the two are valid from the first day that a clock
// without a battery says. They end together: each medium tells machines of the
// authority anew.
func (s *Store) BootServer(name string, now time.Time) (plan.Pair, []byte, error) {
	now = now.UTC().Truncate(time.Second)
	spec := plan.CertSpec{ID: bootID, Name: bootName, Authority: bootName, CommonName: name, Usages: []string{"server"}, Algorithm: bootKey}
	if a, err := netip.ParseAddr(name); err == nil {
		spec.Addresses = []netip.Addr{a}
	} else {
		spec.DNSNames = []string{name}
	}
	var list diag.List
	if checkCertificate(&list, &spec); list.HasErrors() {
		return plan.Pair{}, nil, &diag.Failure{Diagnostic: list[0]}
	}
	a, err := s.authority(plan.AuthoritySpec{Name: bootName, CommonName: "kubespore " + bootName, Algorithm: bootKey, Life: bootLife}, time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC), now)
	if err != nil {
		return plan.Pair{}, nil, err
	}
	l := leafOf(&spec, a, now)
	l.notBefore, l.notAfter = a.certificate.NotBefore, a.certificate.NotAfter
	pair := s.fitting(&spec, a, l, now, &list)
	if list.HasErrors() {
		return plan.Pair{}, nil, &diag.Failure{Diagnostic: list[0]}
	}
	return pair, a.pair.Certificate, nil
}
