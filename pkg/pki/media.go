package pki

import (
	"path"
	"strings"
)

// What sealed media need again: the key to each host's part, and what was
// encrypted. No document is made of it.
const (
	mediaKeyName = "stick.secret"
	sealedFolder = "sealed/"
	sealedSuffix = ".age"
)

func isForMedia(name string) bool {
	return strings.HasPrefix(name, sealedFolder) && path.Dir(name)+"/" == sealedFolder && path.Ext(name) == sealedSuffix ||
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
