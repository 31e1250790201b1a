package pki

import (
	"slices"
	"testing"

	"github.com/kubespore/kubespore/pkg/durable"
)

// TestMedia keeps what sealed media need: made once, no part of any document.
func TestMedia(t *testing.T) {
	dir := built(t, smallPlan())
	before, err := mustOpenReadOnly(t, dir).Digest()
	if err != nil {
		t.Fatal(err)
	}
	for _, next := range []string{"first", "second"} {
		s, err := Open(dir, Options{})
		if err != nil {
			t.Fatal(err)
		}
		create := func() ([]byte, error) { return []byte(next), nil }
		for _, get := range []func() ([]byte, error){
			func() ([]byte, error) { return s.MediaKey("w1", create) },
			func() ([]byte, error) { return s.Sealed("0123", create) },
		} {
			if got, err := get(); err != nil || string(got) != "first" {
				t.Errorf("%s, %v", got, err)
			}
		}
		if err := s.Commit(); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	names, err := durable.Files(dir)
	if err != nil || !slices.Contains(names, "hosts/w1/stick.secret") || !slices.Contains(names, "sealed/0123.age") {
		t.Error(names, err)
	}
	s := mustOpenReadOnly(t, dir)
	if list := s.Verify(noon); len(list) > 0 {
		t.Error(list)
	}
	if after, err := s.Digest(); err != nil || after != before {
		t.Error("the next build would not find the store unchanged", err)
	}
}
