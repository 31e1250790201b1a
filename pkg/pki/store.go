package pki

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/durable"
	"github.com/kubespore/kubespore/pkg/plan"
)

// Names of the store's own files.
const (
	lockName        = ".lock"
	identityName    = "store.json"
	allocationsName = "allocations.json"
)

// fileMode is the mode of every file in the store, certificates too: who may
// read the folder may read keys.
const fileMode = 0o600

// Options say how a store is opened.
type Options struct {
	Cluster string     // whose store it is; "" takes it as it stands
	FS      durable.FS // nil: the machine's
	// Unlock gives what opens a sealed store; it is called once, when the first
	// key is needed. nil: nothing opens it.
	Unlock func(store string, byPassphrase bool) (Unlock, error)
}

// Store is the memory of a cluster on the build machine. What it is given is
// kept in memory until Commit. It is safe for concurrent use.
type Store struct {
	dir      string // "" in memory
	journal  durable.Journal
	lock     *durable.Lock
	made     bool // the folder did not exist before
	readOnly bool
	cluster  string // whose store it is
	vault    *vault

	mu      sync.Mutex
	written map[string][]byte // by name: not yet committed
	used    map[string]bool   // by name: wanted by the plan; nil when no plan was seen
}

// identity is what the store says of itself.
type identity struct {
	Version int    `json:"version"`
	Cluster string `json:"cluster"`
	Sealed  bool   `json:"sealed,omitempty"` // of version 2
}

// Open opens a store for writing, keeps others out, and finishes a commit that
// was interrupted. A folder that does not exist yet is an empty store.
func Open(dir string, o Options) (*Store, error) {
	s := newStore(dir, o)
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		s.made = true
		if err := s.journal.FS.MkdirAll(dir); err != nil {
			return nil, failure(err)
		}
	}
	lock, err := durable.Acquire(dir, filepath.Join(dir, lockName))
	if err != nil {
		return nil, failure(err)
	}
	s.lock = lock
	err = s.journal.Recover()
	if err == nil {
		err = s.identify(o.Cluster)
	}
	if err != nil {
		s.Close()
		return nil, failure(err)
	}
	return s, nil
}

// OpenReadOnly opens a store to look at it. It takes no lock and writes
// nothing; an interrupted commit is read as if it were finished.
func OpenReadOnly(dir string, o Options) (*Store, error) {
	s := newStore(dir, o)
	s.readOnly = true
	if err := s.identify(o.Cluster); err != nil {
		return nil, failure(err)
	}
	return s, nil
}

// Memory gives an empty store that is never written, for checks. Its keys are
// real, each one made anew, so that all that can be proved of a build can be
// proved of a check.
func Memory() *Store { return newStore("", Options{}) }

func newStore(dir string, o Options) *Store {
	if o.FS == nil {
		o.FS = durable.OS{}
	}
	journal := durable.Journal{FS: o.FS, Dir: dir}
	return &Store{dir: dir, journal: journal, vault: newVault(journal, o.Unlock), written: map[string][]byte{}}
}

// identify checks that the folder is a store, and this cluster's.
func (s *Store) identify(cluster string) error {
	text, found, err := s.read(identityName)
	if err != nil {
		return err
	}
	if !found {
		return s.identifyNew(cluster)
	}
	var id identity
	if err := json.Unmarshal(text, &id); err != nil || id.Version != plainVersion && id.Version != sealedVersion || id.Sealed != (id.Version == sealedVersion) {
		return diag.Failf("K004", diag.Position{}, "%s is not a store this kubespore understands: its %s is damaged or newer", s.dir, identityName).
			WithHint("use the kubespore that wrote it, or restore the file from a backup")
	}
	if cluster != "" && id.Cluster != cluster {
		return diag.Failf("K003", diag.Position{}, "the store %s belongs to the cluster %q, not to %q", s.dir, id.Cluster, cluster).
			WithHint("name this cluster's own store with --pki, or set cluster.name back to %s", id.Cluster)
	}
	s.cluster = id.Cluster
	_, hasKey, err := s.read(storeKeyName)
	s.vault.sealed = id.Sealed || hasKey
	return err
}

func (s *Store) identifyNew(cluster string) error {
	names, err := s.names()
	if err != nil {
		return err
	}
	// Authorities of the user's may stand there before the first build.
	names = slices.DeleteFunc(names, func(name string) bool {
		return path.Dir(name) == "ca" && (path.Ext(name) == ".crt" || path.Ext(name) == ".key")
	})
	if len(names) > 0 {
		return diag.Failf("K004", diag.Position{}, "%s holds files but is not a store: it has no %s, yet there is %s", s.dir, identityName, names[0]).
			WithHint("name an empty or new folder with --pki")
	}
	if cluster == "" {
		return nil
	}
	s.cluster = cluster
	s.written[durable.GitIgnoreName] = durable.GitIgnore()
	return s.writeJSON(identityName, identity{Version: plainVersion, Cluster: cluster})
}

// Commit writes everything new into the folder, as a whole or not at all.
func (s *Store) Commit() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dir == "" {
		return nil
	}
	if s.readOnly {
		return diag.Failf("K001", diag.Position{}, "the store %s was opened for reading only", s.dir)
	}
	var files []durable.File
	for name, text := range s.written {
		data, err := s.vault.closed(name, text)
		if err != nil {
			return failure(err)
		}
		files = append(files, durable.File{Name: name, Data: data, Mode: fileMode})
	}
	slices.SortFunc(files, func(a, b durable.File) int { return strings.Compare(a.Name, b.Name) })
	if err := s.journal.Commit(files); err != nil {
		return failure(err)
	}
	s.made = false
	clear(s.written)
	return nil
}

// Close lets others in. What was not committed is gone; so is a folder that
// Open made and nothing was put into.
func (s *Store) Close() error {
	err := s.lock.Release()
	if s.made {
		// It fails when another process put something there meanwhile, which
		// is its right.
		_ = os.Remove(s.dir)
	}
	if err != nil {
		return failure(err)
	}
	return nil
}

// Allocations gives what earlier builds decided permanently.
func (s *Store) Allocations() (plan.Allocations, error) {
	var a plan.Allocations
	text, found, err := s.read(allocationsName)
	if err != nil {
		return a, failure(err)
	}
	if a.Chains, err = chains(s); err != nil || !found {
		return a, err
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&a); err != nil {
		return plan.Allocations{}, diag.Failf("K005", diag.Position{File: filepath.Join(s.dir, allocationsName)}, "the allocations are damaged: the file is not what a build wrote").
			WithHint("restore it from a backup; without it, nodes would be given other pod networks than they have")
	}
	return a, nil
}

// chains names the authorities whose file holds more certificates than one.
func chains(s *Store) ([]string, error) {
	names, err := namesBelow(s, plan.AuthorityID(""))
	if err != nil {
		return nil, failure(err)
	}
	var out []string
	for _, file := range names {
		if path.Ext(file) != ".crt" || isOther(file) {
			continue
		}
		text, _, err := s.read(file)
		if err != nil {
			return nil, failure(err)
		}
		if len(parseAll(text)) > 1 {
			out = append(out, strings.TrimSuffix(path.Base(file), ".crt"))
		}
	}
	return out, nil
}

// SetAllocations keeps what this build decided, from Commit on.
func (s *Store) SetAllocations(a plan.Allocations) error {
	if err := s.writeJSON(allocationsName, a); err != nil {
		return failure(err)
	}
	return nil
}

// Digest stands for everything in the store that documents are made of,
// committed or not.
func (s *Store) Digest() (string, error) {
	names, err := s.names()
	if err != nil {
		return "", failure(err)
	}
	h := sha256.New()
	for _, name := range names {
		kind := kindOf(name)
		if kind == mediaFile || kind == statesFileKind || kind == ownFile && name != allocationsName {
			continue
		}
		text, _, err := s.read(name)
		if err != nil {
			return "", failure(err)
		}
		fmt.Fprintf(h, "%s %d\n%s", name, len(text), text)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// read gives a file as it will be after Commit.
func (s *Store) read(name string) (text []byte, found bool, err error) {
	s.mu.Lock()
	text, found = s.written[name]
	s.mu.Unlock()
	if found || s.dir == "" {
		return text, found, nil
	}
	text, err = s.journal.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	}
	if err == nil {
		text, err = s.vault.opened(name, text)
	}
	return text, err == nil, err
}

// write keeps a file for Commit.
func (s *Store) write(name string, text []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.written[name] = text
}

// writeJSON keeps a value for Commit, unless the store holds it already.
func (s *Store) writeJSON(name string, value any) error {
	text, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err
	}
	text = append(text, '\n')
	old, found, err := s.read(name)
	if err == nil && !(found && bytes.Equal(old, text)) {
		s.write(name, text)
	}
	return err
}

// names gives every file of the store as it will be after Commit, sorted.
func (s *Store) names() ([]string, error) { return namesBelow(s, "") }

// namesBelow gives those of one folder alone, whose name ends in a slash: a store has files of
// every host.
func namesBelow(s *Store, folder string) ([]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var names []string
	for name := range s.written {
		names = append(names, name)
	}
	if s.dir != "" {
		placed, err := durable.Files(filepath.Join(s.dir, folder))
		if err != nil {
			return nil, err
		}
		pending, err := s.journal.Pending()
		if err != nil {
			return nil, err
		}
		for _, name := range placed {
			if name = folder + name; name != lockName && !durable.IsJournal(name) {
				names = append(names, name)
			}
		}
		names = append(names, pending...)
	}
	names = slices.DeleteFunc(names, func(name string) bool { return !strings.HasPrefix(name, folder) })
	slices.Sort(names)
	return slices.Compact(names), nil
}

// failure turns an error into a diagnostic with a code and a hint.
func failure(err error) error {
	var f *diag.Failure
	var busy *durable.BusyError
	switch {
	case errors.As(err, &f):
		return f
	case errors.As(err, &busy):
		f = diag.Failf("K002", diag.Position{}, "%s", err)
	default:
		f = diag.Failf("K001", diag.Position{}, "%s", err)
	}
	f.Hint = durable.Hint(err)
	return f
}
