package topology

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const badFiles = "../../testdata/bad/*.yaml"

var wanted = regexp.MustCompile(`(?m)^# want: (\S+) (T[0-9]{3})$`)

// TestBadTopologies holds that each wrong topology gives exactly the
// diagnostics that its comments want, at their places. Codes of other
// packages are checked where those packages come together.
func TestBadTopologies(t *testing.T) {
	files, err := filepath.Glob(badFiles)
	if err != nil || len(files) < 80 {
		t.Fatalf("%d bad topologies, want 80 or more (%v)", len(files), err)
	}
	seen := map[string]bool{}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var want, have []string
			for _, w := range wanted.FindAllStringSubmatch(string(text), -1) {
				want = append(want, w[1]+" "+w[2])
				seen[w[2]] = true
			}
			known := testKnown
			known.Read = func(name string) ([]byte, error) { return os.ReadFile(filepath.Join(filepath.Dir(badFiles), name)) }
			_, list := Parse("", text, known)
			for _, d := range list {
				have = append(have, strings.TrimPrefix(d.Position.String(), ":")+" "+d.Code)
				if d.Hint == "" && len(d.Related) == 0 {
					t.Errorf("%s: %s: no hint", d.Code, d.Message)
				}
				if d.Message != strings.TrimRight(d.Message, ".") {
					t.Errorf("%s: %s: ends with a period", d.Code, d.Message)
				}
			}
			slices.Sort(want)
			slices.Sort(have)
			if !slices.Equal(want, have) {
				t.Errorf("want %q\nhave %q\n%v", want, have, list)
			}
		})
	}
	for _, c := range meanings() {
		if !seen[c.Code] {
			t.Errorf("no bad topology shows %s, %s", c.Code, c.Title)
		}
	}
}

func TestPositionWithoutFile(t *testing.T) {
	_, list := Parse("", []byte("kind: Topology\nhosts: 7\n"), testKnown)
	if got := fmt.Sprint(list[len(list)-1].Position.Line); got != "2" {
		t.Errorf("the last mistake is in line %s, want 2", got)
	}
}
