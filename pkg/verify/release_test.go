package verify

import (
	"testing"

	"github.com/kubespore/kubespore/pkg/profile"
	"github.com/kubespore/kubespore/profiles"
)

// TestEveryMinorHasATable holds that the proofs know the flags and fields of
// each minor that can be built.
func TestEveryMinorHasATable(t *testing.T) {
	catalog, list := profile.Load(profile.Source{Name: "profiles", FS: profiles.FS})
	if list.HasErrors() {
		t.Fatal(list)
	}
	for _, minor := range catalog.Minors() {
		if table, err := loadRelease(minor); err != nil || !table.exists("flag", "kube-apiserver", "etcd-servers") {
			t.Errorf("%s: %v: write it with test/tools/tables", minor, err)
		}
	}
}
