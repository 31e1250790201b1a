package pki

import (
	"errors"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/plan"
)

// backdate is how long before its making a certificate is already valid: the
// clocks of fresh machines lie.
const backdate = 24 * time.Hour

// Issue gives the key material of a plan: from the store where it still fits,
// new where it does not. What is new is in memory until Commit. Progress, if
// not nil, is called after each certificate, never twice at once.
func (s *Store) Issue(p *plan.Plan, now time.Time, progress func(done, total int)) (*plan.Keys, diag.List) {
	now = now.UTC().Truncate(time.Second) // as precise as certificates are
	s.MarkUsed(p)
	list := checkSpecs(p)
	if list.HasErrors() {
		return nil, list
	}
	authorities, problems := s.authorities(p.Authorities, now)
	list.Append(problems)
	if list.HasErrors() {
		return nil, list
	}
	keys := &plan.Keys{Authorities: map[string]plan.Pair{}, Certs: map[string]plan.Pair{}, Secrets: map[string]plan.Secret{}}
	for name, a := range authorities {
		keys.Authorities[name] = a.pair
	}
	list.Append(s.secrets(p.Secrets, keys))
	list.Append(others(s, p, keys))
	list.Append(s.certificates(p.Certs, authorities, now, keys, progress))
	if list.HasErrors() {
		return nil, list
	}
	list.Append(warnEarlyEnds(p, authorities, keys))
	setFloors(p, keys)
	return keys, list
}

// certificates issues all leaves, with as many workers as there are
// processors.
func (s *Store) certificates(specs []plan.CertSpec, authorities map[string]*authority, now time.Time, keys *plan.Keys, progress func(done, total int)) diag.List {
	pairs := make([]plan.Pair, len(specs))
	problems := make([]diag.List, len(specs))
	var mu sync.Mutex // of progress
	done := 0
	var workers errgroup.Group
	workers.SetLimit(runtime.GOMAXPROCS(0))
	for i := range specs {
		workers.Go(func() error {
			pairs[i] = s.certificate(&specs[i], authorities[specs[i].Authority], now, &problems[i])
			if progress != nil {
				mu.Lock()
				defer mu.Unlock()
				done++
				progress(done, len(specs))
			}
			return nil
		})
	}
	_ = workers.Wait() // problems are told by certificate
	var list diag.List
	for i, spec := range specs {
		keys.Certs[spec.ID] = pairs[i]
		list.Append(problems[i])
	}
	return list
}

// secrets loads what was made once, and makes what is missing.
func (s *Store) secrets(specs []plan.SecretSpec, keys *plan.Keys) diag.List {
	var list diag.List
	for _, spec := range specs {
		value, err := s.secretValue(spec)
		if err != nil {
			list.AddError("K001", err)
			continue
		}
		secret, problem := plan.Secret{Value: value}, error(nil)
		switch {
		case spec.Kind == kindKeypair:
			secret.Public, problem = publicOf(value)
		case spec.Kind == kindWireguard:
			secret.Public, problem = wireguardPublic(value)
		case len(value) == 0:
			problem = errors.New("its file is empty")
		}
		if problem != nil {
			list.Errorf("K024", diag.Position{File: s.path(secretFile(spec))}, "", "the secret %s cannot be used: %s", spec.Name, problem).
				WithHint("restore the file from a backup")
			continue
		}
		keys.Secrets[spec.ID] = secret
	}
	return list
}

func (s *Store) secretValue(spec plan.SecretSpec) ([]byte, error) {
	if spec.Kind == kindFile {
		return []byte(spec.Value), nil
	}
	value, found, err := s.read(secretFile(spec))
	switch {
	case err != nil:
		return nil, failure(err)
	case found:
		return value, nil
	}
	if value, err = newSecret(spec); err == nil {
		s.write(secretFile(spec), value)
	}
	return value, err
}

// newSecret makes the value of a secret.
func newSecret(spec plan.SecretSpec) ([]byte, error) {
	if spec.Kind != kindKeypair {
		return makeSecret(spec), nil
	}
	made, err := makeKey(spec.Algorithm)
	if err != nil {
		return nil, diag.Failf("K023", spec.Position, "secret %s: %s", spec.Name, err)
	}
	return made.key, nil
}

// path gives the name of a file in the store as the user knows it.
func (s *Store) path(name string) string {
	return filepath.Join(s.dir, filepath.FromSlash(name))
}

const (
	kindRandom    = "random"
	kindPassword  = "password"
	kindKeypair   = "keypair"
	kindWireguard = "wireguard"
	kindFile      = "file" // the user keeps it, and not the store
)

func authorityFile(name string) string { return plan.AuthorityID(name) }

func secretFile(s plan.SecretSpec) string {
	if s.Kind == kindKeypair {
		return s.ID + ".key"
	}
	return s.ID + ".secret"
}

// MarkUsed says which files a plan needs, so that List can tell which ones
// are no longer needed. Issue does so by itself.
func (s *Store) MarkUsed(p *plan.Plan) {
	used := map[string]bool{}
	for _, a := range p.Authorities {
		used[authorityFile(a.Name)+".crt"], used[authorityFile(a.Name)+".key"] = true, true
	}
	for _, c := range p.Certs {
		used[c.ID+".crt"], used[c.ID+".key"] = true, true
	}
	for _, secret := range p.Secrets {
		if secret.Kind != kindFile {
			used[secretFile(secret)] = true
		}
	}
	for id, r := range p.Allocations.Rotations {
		for _, extension := range []string{".crt", ".key", ".secret"} {
			used[id+r.Other()+extension] = true
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used = used
}
