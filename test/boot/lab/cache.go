package lab

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/kubespore/kubespore/test/boot/osfile"
)

// Cached gives the path of something that is expensive to make, in the cache
// under a name that says all that decides what it is. It appears there whole
// or not at all, so a run may be killed at any time.
func (l *Lab) Cached(name string, ingredients []string, make func(path string) error) (string, error) {
	sum := sha256.Sum256([]byte(name + "\x00" + strings.Join(ingredients, "\x00")))
	path := filepath.Join(l.Cache, name+"-"+hex.EncodeToString(sum[:6]))
	if osfile.Exists(path) {
		return path, nil
	}
	unfinished := fmt.Sprintf("%s.%d.new", path, os.Getpid())
	if err := os.RemoveAll(unfinished); err != nil {
		return "", err
	}
	if err := make(unfinished); err != nil {
		return "", err
	}
	if err := os.Rename(unfinished, path); err != nil && !osfile.Exists(path) {
		return "", err
	}
	// Where another lab was faster, its work serves as well.
	return path, os.RemoveAll(unfinished)
}
