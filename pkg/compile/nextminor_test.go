package compile_test

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/kubespore/kubespore/pkg/profile"
	"github.com/kubespore/kubespore/profiles"
)

// TestNextMinor adds the minor after the newest, whose row is a copy, and holds
// that hosts get the same documents but for the number: no rule ends with the
// newest minor because its condition names that one alone.
func TestNextMinor(t *testing.T) {
	catalog, list := profile.Load(profile.Source{Name: "profiles", FS: profiles.FS})
	if list.HasErrors() {
		t.Fatal(list)
	}
	newest, next, rows := nextMinor(t, catalog)
	layer := profile.Source{Name: "next", FS: rows}
	for _, p := range catalog.Profiles {
		for _, c := range p.Conditions() {
			if terms, asks := c.Settings["minor"]; asks && profile.MinorIs(newest.Minor, terms) != profile.MinorIs(next.Minor, terms) {
				t.Errorf("%s: minor: %q decides otherwise for %s than for %s: write '>=' or '<'", c.Position, terms, next.Minor, newest.Minor)
			}
		}
	}
	same := strings.NewReplacer(next.Newest, newest.Newest, next.Newest[1:], newest.Newest[1:])
	for _, example := range goldenExamples {
		now, names := goldenDocuments(t, example, newest.Minor)
		then, _ := goldenDocuments(t, example, next.Minor, layer)
		want := map[string]string{}
		for _, doc := range now {
			want[doc.Host] = strings.Join(blocks(t, doc, names), "")
		}
		for _, doc := range then {
			if have := same.Replace(strings.Join(blocks(t, doc, names), "")); have != want[doc.Host] {
				t.Errorf("%s: what %s gets at %s is not what it gets at %s\n%s", example, doc.Host, next.Minor, newest.Minor, difference(newest.Minor, next.Minor, want[doc.Host], have))
			}
		}
	}
}

// nextMinor gives the newest row of versions.yaml, a copy of it for the minor
// after that one, and the copy as a layer of profiles.
func nextMinor(t *testing.T, catalog *profile.Catalog) (newest, next profile.Version, layer fstest.MapFS) {
	t.Helper()
	newest = catalog.Versions[len(catalog.Versions)-1]
	number, err := strconv.Atoi(strings.TrimPrefix(newest.Minor, "1."))
	if err != nil {
		t.Fatal(err)
	}
	next = newest
	next.Minor = fmt.Sprintf("1.%d", number+1)
	next.Newest = "v" + next.Minor + strings.TrimPrefix(newest.Newest, "v"+newest.Minor)
	row := fmt.Sprintf("%q:\n  newest: %s\n", next.Minor, next.Newest)
	for _, name := range slices.Sorted(maps.Keys(newest.Values)) {
		row += fmt.Sprintf("  %s: %q\n", name, newest.Values[name])
	}
	return newest, next, fstest.MapFS{"versions.yaml": {Data: []byte(row)}}
}
