package topology

import (
	"embed"
	"io/fs"
	"strings"
)

//go:embed starters/*.yaml
var starters embed.FS

// Template gives a commented topology to start from.
func Template(name string) ([]byte, bool) {
	text, err := starters.ReadFile("starters/" + name + ".yaml")
	return text, err == nil
}

// Templates lists the names of the templates: ha, the one for most, first,
// then the others in alphabetical order.
func Templates() []string {
	names := []string{"ha"}
	files, _ := fs.Glob(starters, "starters/*.yaml") // the pattern is well-formed
	for _, file := range files {
		name := strings.TrimSuffix(strings.TrimPrefix(file, "starters/"), ".yaml")
		if name != "ha" {
			names = append(names, name)
		}
	}
	return names
}
