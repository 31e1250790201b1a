// Package table prints the lines of the release tables. It must not be linked
// with more than one Kubernetes component: a program's feature gates are what
// the packages linked into it have registered, so each component has a main
// package of its own here.
package table

import (
	"fmt"

	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/util/sets"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	cliflag "k8s.io/component-base/cli/flag"
	// As every component's main package does: it adds flags.
	_ "k8s.io/component-base/logs/json/register"
)

// Component prints every flag that the component parses, the hidden and the
// deprecated ones with them, and every feature gate it knows in this release,
// the graduated ones with them: what `--help` shows is less than both.
func Component(name string, flags *pflag.FlagSet) {
	// To the components `_` and `-` in the name of a flag are the same. Here it
	// is always `-`.
	flags.SetNormalizeFunc(cliflag.WordSepNormalizeFunc)
	flags.VisitAll(func(f *pflag.Flag) {
		fmt.Println("flag", name, f.Name)
	})
	for _, gate := range sets.List(sets.KeySet(utilfeature.DefaultMutableFeatureGate.GetAll())) {
		fmt.Println("gate", name, gate)
	}
}
