package profile

import (
	"regexp"
	"strings"
	"testing"

	"github.com/kubespore/kubespore/profiles"
)

// TestEveryFunctionIsUsed holds that the language has no function that no
// built-in profile calls: a reader who learns it learns what is of use.
func TestEveryFunctionIsUsed(t *testing.T) {
	c, list := Load(Source{Name: "profiles", FS: profiles.FS})
	if list.HasErrors() {
		t.Fatal(list)
	}
	var actions strings.Builder
	for _, p := range c.Profiles {
		for _, text := range p.everyTemplate() {
			for _, a := range regexp.MustCompile(`(?s)\{\{.*?\}\}`).FindAllString(text.Raw, -1) {
				actions.WriteString(regexp.MustCompile(`"(\\.|[^"\\])*"`).ReplaceAllString(a, `""`) + "\n")
			}
		}
	}
	for _, name := range functionNames() {
		if !regexp.MustCompile(`(^|[\s(|])` + name + `[\s)}]`).MatchString(actions.String()) {
			t.Errorf("no built-in profile calls %s: remove it", name)
		}
	}
}

// TestEverySettingIsUsed fails on a setting of a cluster that no
// condition of a built-in profile compares.
func TestEverySettingIsUsed(t *testing.T) {
	c, list := Load(Source{Name: "profiles", FS: profiles.FS})
	if list.HasErrors() {
		t.Fatal(list)
	}
	used := map[string]bool{}
	for _, p := range c.Profiles {
		for _, when := range p.Conditions() {
			for name := range when.Settings {
				used[name] = true
			}
		}
	}
	for name := range settings {
		if !used[name] {
			t.Errorf("no condition of a built-in profile compares the setting %s: remove it", name)
		}
	}
}
