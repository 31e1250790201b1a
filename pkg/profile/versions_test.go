package profile

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
)

func TestMinorIs(t *testing.T) {
	for _, c := range []struct {
		minor string
		terms []string
		want  bool
	}{
		{"1.36", []string{"1.36"}, true},
		{"1.37", []string{"1.36"}, false},
		{"1.36", []string{">=1.36"}, true},
		{"1.100", []string{">=1.36"}, true},
		{"1.9", []string{">=1.36"}, false},
		{"1.36", []string{"<1.36"}, false},
		{"1.35", []string{"<1.36"}, true},
		{"1.36", []string{">=1.35 <1.37"}, true},
		{"1.37", []string{">=1.35 <1.37"}, false},
		{"1.37", []string{"<1.35", "1.37"}, true},
		{"1.36", nil, false},
	} {
		if got := MinorIs(c.minor, c.terms); got != c.want {
			t.Errorf("MinorIs(%s, %q) = %v", c.minor, c.terms, got)
		}
	}
}

// TestVersionsAt reads mistakes in versions.yaml: each is reported at its value.
func TestVersionsAt(t *testing.T) {
	const text = "'1.36':\n  newest: v1.37.0\n  endOfLife: soon\n"
	_, list := Load(Source{Name: "x", FS: fstest.MapFS{"versions.yaml": {Data: []byte(text)}}})
	var got []string
	for _, d := range list.Sorted() {
		got = append(got, fmt.Sprint(d.Code, " ", d.Position))
	}
	if want := "F006 x/versions.yaml:2:11, F006 x/versions.yaml:3:14"; strings.Join(got, ", ") != want {
		t.Errorf("%v, want %s", list, want)
	}
}
