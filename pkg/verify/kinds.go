package verify

import (
	"embed"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/kubespore/kubespore/pkg/objects"
)

// The tables say what the API server of a release serves and demands.
// test/tools/kinds writes them from the releases themselves.
//
//go:embed kinds/*.txt
var kindTables embed.FS

// gone.yaml says which versions of kinds are no longer served, since when, and what
// to write instead.
//
//go:embed gone.yaml
var goneTable []byte

// kinds is what the API server of one minor serves and demands.
type kinds struct {
	minor    string
	served   map[string]bool            // "apps/v1 Deployment": by default
	off      map[string]bool            // the same, when runtime-config turns the version on
	groups   map[string]bool            // that have a served kind in this release or had one earlier
	required map[string][]string        // by type, as in apps/v1.DeploymentSpec
	absent   map[string]map[string]bool // type, field: of a newer release
	demands  demandRules
	gone     map[string]map[string]struct{ Since, Write string }
}

func loadKinds(minor string) (kinds, error) {
	k := kinds{minor: minor, served: map[string]bool{}, off: map[string]bool{}, groups: map[string]bool{},
		required: map[string][]string{}, absent: map[string]map[string]bool{}}
	text, err := kindTables.ReadFile("kinds/" + minor + ".txt")
	if err != nil {
		return k, fmt.Errorf("no table of kinds for kubernetes %s", minor)
	}
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		if len(words) < 3 {
			continue
		}
		switch words[0] {
		case "served":
			k.served[words[1]+" "+words[2]] = true
			k.groups[objects.Group(words[1])] = true
		case "off":
			k.off[words[1]+" "+words[2]] = true
			k.groups[objects.Group(words[1])] = true
		case "required":
			k.required[words[1]] = words[2:]
		case "absent":
			k.absent[words[1]] = map[string]bool{}
			for _, field := range words[2:] {
				k.absent[words[1]][field] = true
			}
		}
	}
	if k.demands, err = loadDemands(); err != nil {
		return k, err
	}
	if err := yaml.Unmarshal(goneTable, &k.gone); err != nil {
		return k, err
	}
	for version := range k.gone {
		k.groups[objects.Group(version)] = true
	}
	return k, nil
}

// builtin says whether a group can only be one of Kubernetes' own: it has no dot, or
// the release knows it, or it is named as those are.
func (k kinds) builtin(group string) bool {
	return !strings.Contains(group, ".") || k.groups[group] || strings.HasSuffix(group, ".k8s.io") && strings.Count(group, ".") == 2
}

// unserved says why the API server has no such kind, and what to write. on says
// whether runtime-config turns a version on.
func (k kinds) unserved(apiVersion, kind string, on func(apiVersion string) bool) (because, hint string) {
	name := apiVersion + " " + kind
	switch gone, was := k.gone[apiVersion][kind]; {
	case k.served[name], k.off[name] && on(apiVersion):
		return "", ""
	case was && gone.Write == "":
		return fmt.Sprintf("kubernetes has no kind %s since %s", kind, gone.Since), "take the object out"
	case was:
		return fmt.Sprintf("kubernetes does not serve %s as %s since %s", kind, apiVersion, gone.Since), writeVersion(gone.Write)
	}
	var others, sameGroup []string
	for _, known := range slices.Sorted(maps.Keys(k.served)) {
		version, other, _ := strings.Cut(known, " ")
		if other == kind {
			others = append(others, version)
		}
		if version == apiVersion {
			sameGroup = append(sameGroup, other)
		}
	}
	if len(others) > 0 {
		return fmt.Sprintf("kubernetes %s does not serve %s as %s", k.minor, kind, apiVersion), writeVersion(strings.Join(others, " or "))
	}
	if k.off[name] {
		return fmt.Sprintf("kubernetes %s serves %s of %s only when it is told to", k.minor, kind, apiVersion),
			fmt.Sprintf("write apiServerExtraArgs: [runtime-config=%s=true] under profiles.control-plane, or take the object out", apiVersion)
	}
	return fmt.Sprintf("kubernetes %s has no kind %s in %s", k.minor, kind, apiVersion), didYouMean(kind, sameGroup)
}

func writeVersion(version string) string {
	return "write apiVersion: " + version + ", and what it has new: kubectl convert does most of it"
}
