package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/mod/semver"
)

// proxy says what there is.
type proxy interface {
	// versions are the releases of a module that can be listed.
	versions(module string) ([]string, error)
	// constants are the texts that kubeadm of the newest patch at hand of a minor
	// such as 1.37 has by name.
	constants(minor string) (map[string]string, error)
}

var (
	rowLine    = regexp.MustCompile(`^"?(all|1\.\d+)"?:`)
	sourceLine = regexp.MustCompile(`^ *# (renovate|kubeadm|by hand): (.*)$`)
	valueLine  = regexp.MustCompile(`^( +[A-Za-z]+: )(.+)$`)
)

// raise gives the table with newer values, and a line for each change and for
// each value that could not be looked up.
func raise(table string, from proxy) (string, []string, error) {
	var out, report []string
	row, kind, source := "", "", ""
	for _, line := range strings.Split(table, "\n") {
		switch m := valueLine.FindStringSubmatch(line); {
		case rowLine.MatchString(line):
			row = rowLine.FindStringSubmatch(line)[1]
		case sourceLine.MatchString(line):
			s := sourceLine.FindStringSubmatch(line)
			kind, source = s[1], s[2]
		case m != nil && kind == "":
			return "", nil, fmt.Errorf("%s: no comment says where %s comes from", row, strings.TrimSpace(line))
		case m != nil:
			value, err := newer(from, row, kind, source, m[2])
			if err != nil {
				report = append(report, fmt.Sprintf("%s: %s: %v", row, strings.TrimSpace(line), err))
			} else if value != m[2] {
				report = append(report, fmt.Sprintf("%s: %s -> %s", row, strings.TrimSpace(line), value))
				line = m[1] + value
			}
			kind = ""
		}
		out = append(out, line)
	}
	return strings.Join(out, "\n"), report, nil
}

// newer gives the value that a line gets: what its source has, where that is
// newer, in the form of the old one.
func newer(from proxy, row, kind, source, old string) (string, error) {
	switch fields := attributes(source); {
	case kind == "renovate" && fields["datasource"] == "go":
		versions, err := from.versions(fields["depName"])
		if err != nil {
			return old, err
		}
		return newest(versions, fields["allowedVersions"], fields["depName"], old), nil
	case kind == "kubeadm" && regexp.MustCompile(`^\w+$`).MatchString(source):
		constants, err := from.constants(row)
		if err != nil {
			return old, err
		}
		value := constants[source]
		if value == "" {
			return old, fmt.Errorf("kubeadm has no constant %s", source)
		}
		if strings.HasPrefix(old, "v") && !strings.HasPrefix(value, "v") {
			value = "v" + strings.TrimSuffix(value, "-0") // programs, not images
		}
		return value, nil
	}
	return old, nil
}

// newest gives the newest release, or old where none is newer. k8s.io/api v0.37.2
// is tagged with Kubernetes v1.37.2, which can not be listed itself.
func newest(versions []string, within, module, old string) string {
	plain := !strings.HasPrefix(old, "v")
	best := "v" + strings.TrimPrefix(old, "v")
	for _, v := range versions {
		v, _, _ = strings.Cut(v, "+")
		if semver.Prerelease(v) != "" || within != "" && semver.MajorMinor(v) != within {
			continue
		}
		if module == "k8s.io/api" {
			v = "v1" + strings.TrimPrefix(v, "v0")
		}
		if semver.Compare(v, best) > 0 {
			best = v
		}
	}
	if plain {
		best = strings.TrimPrefix(best, "v")
	}
	return best
}

// attributes reads key=value pairs.
func attributes(text string) map[string]string {
	out := map[string]string{}
	for _, word := range strings.Fields(text) {
		if key, value, ok := strings.Cut(word, "="); ok {
			out[key] = value
		}
	}
	return out
}

// last gives the newest of some versions within a minor such as v1.37.
func last(versions []string, minor string) string {
	versions = slices.DeleteFunc(slices.Clone(versions), func(v string) bool {
		return semver.Prerelease(v) != "" || semver.MajorMinor(v) != minor
	})
	if len(versions) == 0 {
		return ""
	}
	return slices.MaxFunc(versions, semver.Compare)
}
