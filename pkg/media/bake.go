package media

import (
	_ "embed" // the script
	"slices"
	"strings"

	"github.com/kubespore/kubespore/pkg/profile"
)

//go:embed bake.sh
var bake string

// Bake gives the script that makes a golden image of a stock image of one of the
// systems, those that read cloud-init: others apply their document at the first boot
// of an untouched image only.
func Bake(systems []*profile.System) string {
	var ready, untouched []string
	for _, s := range systems {
		switch {
		case s.OSRelease == "":
		case slices.Contains(s.Formats, cloudInit):
			ready = append(ready, s.OSRelease)
		default:
			untouched = append(untouched, s.OSRelease)
		}
	}
	return strings.NewReplacer("{cloud-init}", strings.Join(ready, " "), "{ignition}", strings.Join(untouched, " ")).Replace(bake)
}
