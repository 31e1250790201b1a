package profile

import (
	"regexp"
	"strings"
	"testing"

	"github.com/kubespore/kubespore/profiles"
)

// TestEveryFunctionIsUsed holds that the language has no function that no
// built-in profile calls: whoever learns it learns what is of use.
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
