package pki

import "bytes"

// LockPurpose is the namespace of the signature of a payload's lock, as
// ssh-keygen -Y verify calls it.
const LockPurpose = "kubespore-payload"

// lockSignature is the signature of the lock that documents follow. It stands in
// the store, so that who may change the lock cannot take its signature away.
const lockSignature = "cluster/payload.lock.sig"

// CanSign says whether the store has the cluster's signing key.
func (s *Store) CanSign() (bool, error) {
	_, found, err := s.read(signingFile)
	if err != nil {
		return false, failure(err)
	}
	return found, nil
}

// SignLock signs the lock of a payload, and keeps the signature from Commit on.
func (s *Store) SignLock(text []byte) ([]byte, error) {
	signature, err := s.Sign(LockPurpose, text)
	if err == nil {
		s.write(lockSignature, signature)
	}
	return signature, err
}

// SignedLock says whether a lock is the one that was signed last. A store that
// has signed none gives no signature, and has nothing to say of any lock.
func (s *Store) SignedLock(text []byte) (signature []byte, same bool, err error) {
	signature, found, err := s.read(lockSignature)
	if err != nil {
		return nil, false, failure(err)
	}
	if !found {
		return nil, true, nil
	}
	// The same key gives the same signature for the same text.
	made, err := s.Sign(LockPurpose, text)
	return signature, bytes.Equal(made, signature), err
}
