package upkeep

import (
	"testing"
)

// TestShown reads the commands of a page, and what they are to show.
func TestShown(t *testing.T) {
	page := "\n## Check\n```sh norun at=m1\nls\n```\n\n```text shows\na ... b\nc\n```\n\n```sh norun at=m2\nid\n```\n"
	got, err := typedIn(page, "Check")
	if err != nil || len(got) != 2 || got[0] != (typed{"m1", "ls\n", "a ... b\nc\n"}) || got[1] != (typed{"m2", "id\n", ""}) {
		t.Fatalf("%+v, %v", got, err)
	}
	for output, right := range map[string]bool{
		"x\n  a   1 2 b\nc\n": true,
		"a b\nc\n":            false, // ... stands for something
		"c\na 1 b\n":          false,
		"a 1 b\ncc\n":         false,
	} {
		if err := shownBy(output, got[0].shows); (err == nil) != right {
			t.Errorf("%q: %v", output, err)
		}
	}
}
