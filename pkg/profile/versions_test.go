package profile

import "testing"

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
