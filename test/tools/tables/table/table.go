// Package table prints the lines of the release tables. It must not be linked
// with more than one Kubernetes component: a program's feature gates are what
// the packages linked into it have registered, so each component has a main
// package of its own here.
package table

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/util/sets"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	cliflag "k8s.io/component-base/cli/flag"
	// As every component's main package does: it adds flags.
	"k8s.io/component-base/featuregate"
	_ "k8s.io/component-base/logs/json/register"
)

// Values are the words that a flag takes, by the flag's name.
type Values map[string][]string

// Component prints every flag that the component parses, the hidden and the
// deprecated ones with them, and every feature gate it knows in this release,
// the graduated ones with them: what `--help` shows is less than both. With the
// argument `judge` it judges command lines instead.
func Component(name string, flags *pflag.FlagSet, values Values, judge func(args []string) error) {
	if len(os.Args) > 1 && os.Args[1] == "judge" {
		Judge(judge)
		return
	}
	// To the components `_` and `-` in the name of a flag are the same. Here it
	// is always `-`.
	flags.SetNormalizeFunc(cliflag.WordSepNormalizeFunc)
	flags.VisitAll(func(f *pflag.Flag) {
		fmt.Println("flag", name, f.Name, strings.Join(traits(f), " "))
		words := values[f.Name]
		if f.Name == "tls-min-version" {
			words = cliflag.TLSPossibleVersions()
		}
		if f.Name == "tls-cipher-suites" {
			words = append(cliflag.PreferredTLSCipherNames(), cliflag.InsecureTLSCipherNames()...)
		}
		for _, word := range words {
			fmt.Println("value", name, f.Name, word)
		}
	})
	specs := utilfeature.DefaultMutableFeatureGate.GetAll()
	for _, gate := range sets.List(sets.KeySet(specs)) {
		fmt.Println("gate", name, gate)
		if spec := specs[gate]; spec.LockToDefault {
			fmt.Println("locked", name, gate, spec.Default)
		} else if spec.PreRelease == featuregate.Deprecated {
			fmt.Println("deprecated", name, gate)
		}
	}
}

// traits are the type of a flag's value and what else there is to know of it.
func traits(f *pflag.Flag) []string {
	kind := strings.ToLower(strings.Map(func(r rune) rune {
		if r == ' ' {
			return '-'
		}
		return r
	}, f.Value.Type()))
	switch f.Value.(type) {
	case *cliflag.ConfigurationMap:
		kind = "configurationmap" // which takes any text, and has the type of another
	case *cliflag.LangleSeparatedMapStringString:
		kind = "thresholds"
	}
	if kind == "" {
		kind = "string"
	}
	out := []string{kind}
	if _, ok := f.Value.(pflag.SliceValue); ok || slices.Contains([]string{"mapstringbool", "mapstringstring", "configurationmap", "thresholds"}, kind) {
		out = append(out, "list")
	}
	if f.NoOptDefVal != "" {
		out = append(out, "alone") // may stand without a value
	}
	if f.Deprecated != "" {
		out = append(out, "deprecated")
	}
	return out
}
