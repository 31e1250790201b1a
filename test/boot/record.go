package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// record remembers which scenarios have passed with the files of a tree, so that a
// run of hours may be ended, and gone on with later. Labs share it, as their cache.
type record struct{ folder string }

// entry is how a scenario passed.
type entry struct {
	At   time.Time     `json:"at"`
	Took time.Duration `json:"took"`
}

// noPart are the parts of a tree that make no difference to what a machine does (.git is
// a file in a second work tree); nor do pages and unit tests.
var noPart = []string{".git", "bin", "docs", "testdata"}

// recordOf is the record of a tree as it stands.
func recordOf(cache, tree string) (record, error) {
	sum := sha256.New()
	err := fs.WalkDir(os.DirFS(tree), ".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case slices.Contains(noPart, path):
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		case !d.Type().IsRegular() || filepath.Ext(path) == ".md", strings.HasSuffix(path, "_test.go"):
			return nil
		}
		return addFile(sum, tree, path)
	})
	return record{filepath.Join(cache, "passed-"+hex.EncodeToString(sum.Sum(nil)[:6]))}, err
}

// addFile adds a file's path, length and bytes to a sum.
func addFile(sum io.Writer, tree, path string) error {
	text, err := os.ReadFile(filepath.Join(tree, path))
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(sum, "%s\x00%d\x00%s", path, len(text), text)
	return err
}

// passed gives how a scenario passed, or nil where it has not.
func (r record) passed(scenario string) *entry {
	text, err := os.ReadFile(filepath.Join(r.folder, scenario))
	var e entry
	if err != nil || json.Unmarshal(text, &e) != nil {
		return nil
	}
	return &e
}

// add notes how a scenario passed: all of it or, with an error, nothing.
func (r record) add(scenario string, e entry) error {
	text, err := json.Marshal(e)
	if err != nil {
		return err
	}
	path := filepath.Join(r.folder, scenario)
	if err := errors.Join(os.MkdirAll(r.folder, 0o755), os.WriteFile(path+".new", text, 0o644)); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
