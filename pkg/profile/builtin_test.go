package profile_test

import (
	"testing"

	"github.com/kubespore/kubespore/pkg/profile"
	"github.com/kubespore/kubespore/profiles"
)

// The built-in profiles are as right as we ask others to make theirs.
func TestBuiltinProfilesLoad(t *testing.T) {
	c, list := profile.Load(profile.Source{Name: "profiles", FS: profiles.FS})
	for _, d := range list.Sorted() {
		t.Errorf("%s: %s: %s [%s] %s", d.Position, d.Path, d.Message, d.Code, d.Hint)
	}
	if len(c.Profiles) == 0 || len(c.Versions) < 3 {
		t.Errorf("%d profiles and %d minors, want some and at least 3", len(c.Profiles), len(c.Versions))
	}
}

func BenchmarkLoad(b *testing.B) {
	for b.Loop() {
		profile.Load(profile.Source{Name: "profiles", FS: profiles.FS})
	}
}
