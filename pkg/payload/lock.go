package payload

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/durable"
	"github.com/kubespore/kubespore/pkg/plan"
)

// mostLock and mostPackage are how many bytes a lock, and a package of a
// distribution, may have.
const mostLock, mostPackage = 64 << 20, 1 << 30

// InBundle is the lock that a bundle carries: what is in it.
const InBundle = "payload.lock"

// SignatureInBundle is the signature of that lock, in the form of ssh-keygen -Y
// sign.
const SignatureInBundle = InBundle + ".sig"

// LockFile is where the lock of a cluster stands: in the folder of its
// topology.
func LockFile(folder, cluster string) string { return filepath.Join(folder, cluster+".payload.lock") }

// ReadLock reads a lock. Where there is none it is empty.
func ReadLock(name string) (plan.Lock, error) {
	var lock plan.Lock
	text, err := durable.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return lock, nil
	}
	if err != nil {
		return lock, diag.Failf("W001", diag.Position{File: name}, "the lock %s", strings.TrimPrefix(err.Error(), "cannot read "))
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&lock); err != nil || !validLock(lock) {
		return plan.Lock{}, diag.Failf("W001", diag.Position{File: name}, "this is not a lock that kubespore wrote").
			WithHint("take it from version control again, or remove it and run kubespore payload pack")
	}
	return lock, nil
}

var (
	hexDigest = regexp.MustCompile(`^[0-9a-f]{64}$`)
	ociDigest = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
	// What a lock says ends up in lists on machines, one part a line and its
	// words separated by blanks.
	noBlanks = regexp.MustCompile(`^[^\s]+$`)
)

func validLock(l plan.Lock) bool {
	for _, b := range l.Binaries {
		if !hexDigest.MatchString(b.SHA256) || !noBlanks.MatchString(b.Name) || b.File != binaryFile(b.Name, b.Version, b.Arch) {
			return false
		}
	}
	for _, i := range l.Images {
		if !hexDigest.MatchString(i.SHA256) || !ociDigest.MatchString(i.Digest) || !noBlanks.MatchString(i.Ref) || i.File != imageFile(i.Ref, i.Arch) {
			return false
		}
	}
	return !slices.ContainsFunc(l.Packages, func(x plan.LockedPackage) bool { return !validPackage(x) })
}

// LockText is what a lock says, byte for byte as WriteLock writes it: what a
// cluster's key signs.
func LockText(lock plan.Lock) ([]byte, error) { return marshalLock(lock) }

// WriteLock writes a lock so that either the old or the new one is there.
func WriteLock(name string, lock plan.Lock) error {
	text, err := marshalLock(lock)
	if err != nil {
		return err
	}
	return durable.WriteFile(durable.OS{}, name, text, 0o644)
}

// WriteSignature puts the signature of its lock into a bundle, or takes away that
// of an earlier one.
func WriteSignature(bundle string, signature []byte) error {
	name := filepath.Join(bundle, SignatureInBundle)
	if signature != nil {
		return durable.WriteFile(durable.OS{}, name, signature, 0o644)
	}
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return cannotWrite(name, err)
	}
	return nil
}

func marshalLock(lock plan.Lock) ([]byte, error) {
	if lock.Binaries == nil {
		lock.Binaries = []plan.LockedBinary{}
	}
	if lock.Images == nil {
		lock.Images = []plan.LockedImage{}
	}
	sortLock(&lock)
	text, err := json.MarshalIndent(lock, "", "  ")
	return append(text, '\n'), err
}

// CheckLock says whether a lock pins all that a bill names. An empty lock
// pins nothing, and machines then take what their image has.
func CheckLock(name string, lock plan.Lock, bill *Bill) diag.List {
	var list diag.List
	if lock.Empty() {
		return nil
	}
	for _, title := range bill.unlocked() {
		list.Errorf("W002", diag.Position{File: name}, "", "the lock does not know %s", title).
			WithHint("add it: kubespore payload pack TOPOLOGY --from SOURCE")
	}
	return list
}
