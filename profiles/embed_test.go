package profiles_test

import (
	"io/fs"
	"path"
	"testing"

	"github.com/kubespore/kubespore/profiles"
)

// TestEmbedded holds that the program carries profiles and no code.
func TestEmbedded(t *testing.T) {
	err := fs.WalkDir(profiles.FS, ".", func(name string, d fs.DirEntry, err error) error {
		if path.Ext(name) == ".go" {
			t.Errorf("%s is in the program", name)
		}
		return err
	})
	if _, missing := fs.Stat(profiles.FS, "versions.yaml"); err != nil || missing != nil {
		t.Error(err, missing)
	}
}
