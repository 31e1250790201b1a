package durable_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/kubespore/kubespore/pkg/durable"
)

func TestFilesBehindALink(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "disk/keys"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "disk/keys/one"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "store")
	if err := os.Symlink("disk", link); err != nil {
		t.Fatal(err)
	}
	if got, err := durable.Files(link); err != nil || !slices.Equal(got, []string{"keys/one"}) {
		t.Errorf("%v, %v", got, err)
	}
	if got, err := durable.Files(filepath.Join(dir, "none")); err != nil || len(got) > 0 {
		t.Errorf("of no folder: %v, %v", got, err)
	}
}
