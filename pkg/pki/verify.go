package pki

import (
	"crypto/x509"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/durable"
)

// Verify proves the store: every certificate chains to its CA, has its key and
// is valid now; only the owner may read anything; nothing is there that
// no build wrote.
func (s *Store) Verify(now time.Time) diag.List {
	var list diag.List
	names, err := s.names()
	if err != nil {
		list.AddError("K001", failure(err))
		return list
	}
	list.Append(s.vault.verify(names))
	authorities := s.storedAuthorities(names)
	for _, name := range names {
		switch kindOf(name) {
		case certificateFile:
			s.verifyCertificate(&list, name, names, authorities, now)
		case keyFile:
			s.verifyKey(&list, name, names)
		case unknownFile:
			list.Warnf("K036", diag.Position{File: s.path(name)}, "", "the store holds a file that no build wrote").WithHint("move it elsewhere")
		}
	}
	if _, err := s.Allocations(); err != nil {
		list.AddError("K005", err)
	}
	if s.dir != "" {
		list.Append(s.verifyModes())
	}
	return list.Sorted()
}

// Kinds of files in the store.
type fileKind int

const (
	unknownFile fileKind = iota
	ownFile
	secretValueFile
	certificateFile
	keyFile
	mediaFile
	statesFileKind
)

// kindOf tells what a file is by its place and name.
func kindOf(name string) fileKind {
	if name == identityName || name == allocationsName || name == storeKeyName || name == durable.GitIgnoreName {
		return ownFile
	}
	if isStates(name) {
		return statesFileKind
	}
	if isForMedia(name) || name == lockSignature {
		return mediaFile
	}
	parts := strings.Split(name, "/")
	inPlace := len(parts) == 2 && (parts[0] == "ca" || parts[0] == "cluster") || len(parts) == 3 && parts[0] == "hosts"
	switch {
	case !inPlace:
		return unknownFile
	case path.Ext(name) == ".crt":
		return certificateFile
	case path.Ext(name) == ".key":
		return keyFile
	case path.Ext(name) == ".secret" && parts[0] != "ca":
		return secretValueFile
	}
	return unknownFile
}

func (s *Store) verifyCertificate(list *diag.List, name string, names []string, authorities map[string]*x509.Certificate, now time.Time) {
	at := diag.Position{File: s.path(name)}
	text, _, err := s.read(name)
	if err != nil {
		list.AddError("K001", failure(err))
		return
	}
	c, err := parseCertificate(text)
	if err != nil {
		list.Errorf("K030", at, "", "the certificate cannot be used: %s", err).WithHint("restore the file from a backup, or remove it and its key to have the next build make new ones")
		return
	}
	isAuthority := strings.HasPrefix(name, "ca/")
	if !isAuthority {
		verifyChain(list, at, c, authorities)
	}
	if !isOther(name) { // what was exchanged may end
		verifyDates(list, at, c, isAuthority, now)
	}
	key := strings.TrimSuffix(name, ".crt") + ".key"
	if _, found := slices.BinarySearch(names, key); !found {
		// The key of an authority may be kept elsewhere.
		if !isAuthority {
			list.Errorf("K032", at, "", "the key of the certificate is missing").WithHint("restore %s from a backup, or let the next build make a new pair", s.path(key))
		}
		return
	}
	if text, _, err = s.read(key); err != nil {
		list.AddError("K001", failure(err))
		return
	}
	if private, err := parseKey(text); err == nil && !sameKey(c, private) {
		list.Errorf("K032", at, "", "the certificate is for another key than the one next to it").WithHint("restore both files from the same backup")
	}
}

func verifyChain(list *diag.List, at diag.Position, c *x509.Certificate, authorities map[string]*x509.Certificate) {
	name := signedBy(c, authorities)
	if name == "" {
		list.Errorf("K031", at, "", "no authority in the store has signed the certificate of %s", c.Subject.CommonName).
			WithHint("run a build: it makes a new one")
		return
	}
	roots := x509.NewCertPool()
	roots.AddCert(authorities[name])
	// At a moment when both are valid: dates are told of on their own.
	_, err := c.Verify(x509.VerifyOptions{Roots: roots, CurrentTime: later(c.NotBefore, authorities[name].NotBefore), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	if err != nil {
		list.Errorf("K031", at, "", "the certificate of %s does not chain to the authority %s", c.Subject.CommonName, name).
			WithHint("run a build: it makes a new one")
	}
}

func verifyDates(list *diag.List, at diag.Position, c *x509.Certificate, isAuthority bool, now time.Time) {
	hint := "run a build and bring the new documents to the machines"
	if isAuthority {
		hint = "plan its replacement: every machine will need a new document"
	}
	switch {
	case now.After(c.NotAfter):
		list.Errorf("K033", at, "", "the certificate of %s has expired on %s", c.Subject.CommonName, day(c.NotAfter)).WithHint("%s", hint)
	case now.Before(c.NotBefore):
		list.Errorf("K033", at, "", "the certificate of %s is valid from %s on only", c.Subject.CommonName, day(c.NotBefore)).WithHint("set the clock of this machine right")
	case !now.Before(renewBy(c)):
		list.Warnf("K034", at, "", "the certificate of %s ends on %s, less than a third of its life is left", c.Subject.CommonName, day(c.NotAfter)).WithHint("%s", hint)
	}
}

func (s *Store) verifyKey(list *diag.List, name string, names []string) {
	at := diag.Position{File: s.path(name)}
	text, _, err := s.read(name)
	if err != nil {
		list.AddError("K001", failure(err))
		return
	}
	if _, err := parseKey(text); err != nil {
		list.Errorf("K030", at, "", "the key cannot be used: %s", err).WithHint("restore the file from a backup")
	}
	// In cluster/ and hosts/ a key may stand alone: a key pair without a
	// certificate, such as the one of service accounts.
	if _, found := slices.BinarySearch(names, strings.TrimSuffix(name, ".key")+".crt"); !found && strings.HasPrefix(name, "ca/") {
		list.Errorf("K011", at, "", "the certificate of the authority is missing, while its key is there").WithHint("restore it from a backup")
	}
}

// verifyModes looks at who may read the store.
func (s *Store) verifyModes() diag.List {
	var list diag.List
	err := filepath.WalkDir(s.dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		at := diag.Position{File: name}
		switch mode := info.Mode(); {
		case mode&fs.ModeSymlink != 0:
			list.Warnf("K036", at, "", "the store holds a link that no build made").WithHint("put the file itself there")
		case s.vault.sealed: // version control gives files the modes of others
		case entry.IsDir() && mode.Perm()&^durable.DirMode != 0:
			list.Errorf("K035", at, "", "others may enter the folder: its mode is %04o", mode.Perm()).WithHint("chmod 0700 %s", name)
		case mode.IsRegular() && mode.Perm()&^fileMode != 0:
			list.Errorf("K035", at, "", "others may read or run the file: its mode is %04o", mode.Perm()).WithHint("chmod 0600 %s", name)
		}
		return nil
	})
	if err != nil && !os.IsNotExist(err) {
		list.AddError("K001", failure(&durable.Error{Op: "read", Path: s.dir, Err: err}))
	}
	return list
}
