package verify

import (
	"strings"
	"testing"
)

// What stands in gone.yaml is served by no release that has a table.
func TestGoneIsGone(t *testing.T) {
	files, err := kindTables.ReadDir("kinds")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		k, err := loadKinds(strings.TrimSuffix(f.Name(), ".txt"))
		if err != nil {
			t.Fatal(err)
		}
		if len(k.gone) == 0 || len(k.served) < 60 || len(k.required) < 300 {
			t.Errorf("%s: %d versions gone, %d kinds served, %d types with required fields", k.minor, len(k.gone), len(k.served), len(k.required))
		}
		for version, byKind := range k.gone {
			for kind, g := range byKind {
				if k.served[version+" "+kind] {
					t.Errorf("%s serves %s of %s", k.minor, kind, version)
				}
				if g.Write != "" && !k.served[g.Write+" "+kind] {
					t.Errorf("%s does not serve %s of %s, which the hint names", k.minor, kind, g.Write)
				}
			}
		}
	}
	for _, r := range []string{"1.34", "1.35", "1.36"} {
		if _, err := loadKinds(r); err != nil {
			t.Error(err)
		}
	}
}
