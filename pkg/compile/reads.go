package compile

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/kubespore/kubespore/pkg/outdir"
)

// Overlays opens an overlay by the name that the topology gives it: its text
// and the folder in which `local:` finds files.
type Overlays func(name string) ([]byte, fs.FS, error)

// recorder notes which files overlays bring in, so that the next build knows
// when one of them has changed.
type recorder struct {
	open Overlays

	mu   sync.Mutex
	seen map[outdir.Read]bool
}

func newRecorder(open Overlays) *recorder { return &recorder{open: open, seen: map[outdir.Read]bool{}} }

func (r *recorder) note(overlay, file string, content []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen[outdir.Read{Overlay: overlay, File: file, SHA256: digest(content)}] = true
}

// Open is an Overlays that takes notes.
func (r *recorder) Open(name string) ([]byte, fs.FS, error) {
	text, folder, err := r.open(name)
	if err != nil {
		return nil, nil, err
	}
	r.note(name, "", text)
	return text, &recordedFS{folder, r, name}, nil
}

// reads gives the notes in a fixed order.
func (r *recorder) reads() []outdir.Read {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.SortedFunc(maps.Keys(r.seen), func(a, b outdir.Read) int {
		return slices.Compare([]string{a.Overlay, a.File, a.SHA256}, []string{b.Overlay, b.File, b.SHA256})
	})
}

// recordedFS is an overlay's folder. Every way in goes through Open of the
// folder below, but reading a file is what is noted.
type recordedFS struct {
	fs.FS
	recorder *recorder
	overlay  string
}

func (f *recordedFS) ReadFile(name string) ([]byte, error) {
	content, err := fs.ReadFile(f.FS, name)
	if err == nil {
		f.recorder.note(f.overlay, path.Clean(name), content)
	}
	return content, err
}

func (f *recordedFS) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, err := fs.ReadDir(f.FS, name)
	if err == nil {
		f.recorder.note(f.overlay, path.Clean(name)+"/", listing(entries))
	}
	return entries, err
}

// listing is what a folder holds, as something to take a digest of.
func listing(entries []fs.DirEntry) []byte {
	var b strings.Builder
	for _, e := range entries {
		fmt.Fprintf(&b, "%s %s\n", e.Name(), e.Type())
	}
	return []byte(b.String())
}

// same says whether the files that went into a build are still as they were.
func same(reads []outdir.Read, open Overlays) bool {
	for _, r := range reads {
		text, folder, err := open(r.Overlay)
		if folderName, isFolder := strings.CutSuffix(r.File, "/"); err == nil && isFolder {
			var entries []fs.DirEntry
			entries, err = fs.ReadDir(folder, folderName)
			text = listing(entries)
		} else if err == nil && r.File != "" {
			text, err = fs.ReadFile(folder, r.File)
		}
		if err != nil || digest(text) != r.SHA256 {
			return false
		}
	}
	return true
}

func digest(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}
