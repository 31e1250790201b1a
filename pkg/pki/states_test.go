package pki

import (
	"fmt"
	"slices"
	"testing"

	"github.com/kubespore/kubespore/pkg/document"
)

// The last states of a host are remembered, each once, and no document is made
// of them.
func TestStates(t *testing.T) {
	s := mustOpen(t, built(t, smallPlan()))
	before, err := s.Digest()
	if err != nil {
		t.Fatal(err)
	}
	state := func(n int) document.State {
		return document.State{"/etc/a": fmt.Sprintf("file 0644 root root %d", n), "unit:a.service": "enable"}
	}
	for _, n := range []int{1, 2, 2, 3, 1, 4, 5, 6, 7, 8, 9} {
		if err := s.Remember("cp1", state(n)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Commit(); err != nil {
		t.Fatal(err)
	}
	states, err := s.States("cp1")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, x := range states {
		got = append(got, x["/etc/a"][len("file 0644 root root "):])
	}
	if want := []string{"3", "1", "4", "5", "6", "7", "8", "9"}; !slices.Equal(got, want) {
		t.Errorf("remembered %v, not %v", got, want)
	}
	if after, err := s.Digest(); err != nil || after != before {
		t.Errorf("documents depend on it: %v", err)
	}
	if list := s.Verify(noon); len(list) > 0 {
		t.Errorf("a store with states: %v", list)
	}
	if states, err := s.States("w1"); err != nil || len(states) > 0 {
		t.Errorf("w1: %v, %v", states, err)
	}
}
