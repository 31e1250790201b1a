package verify

import (
	"embed"
	"fmt"
	"slices"
	"strings"
)

// The tables say which flags, configuration fields and feature gates exist in
// a release. test/tools/tables writes them from the releases themselves.
//
//go:embed release/*.txt
var tables embed.FS

// release is what exists in one Kubernetes minor.
type release struct {
	minor string
	known map[string]bool // "flag kube-apiserver advertise-address"
	kinds map[string]bool // "flag kube-apiserver": programs and types that the table covers
	above map[string]bool // fields that have fields of their own

	traits map[string][]string // of "flag kube-apiserver v": its type and what else the table says
	values map[string][]string // of "kube-apiserver authorization-mode": the words that it takes
}

func loadRelease(minor string) (release, error) {
	r := release{minor: minor, known: map[string]bool{}, kinds: map[string]bool{}, above: map[string]bool{},
		traits: map[string][]string{}, values: map[string][]string{}}
	text, err := tables.ReadFile("release/" + minor + ".txt")
	if err != nil {
		return r, fmt.Errorf("no table of flags and fields for kubernetes %s", minor)
	}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		words := strings.Fields(line)
		if len(words) < 3 {
			continue
		}
		name := strings.Join(words[:3], " ")
		r.known[name] = true
		switch words[0] {
		case "value":
			r.values[words[1]+" "+words[2]] = append(r.values[words[1]+" "+words[2]], words[3])
		case "flag", "locked":
			r.traits[name] = words[3:]
		}
		if words[0] == "flag" || words[0] == "gate" || words[0] == "field" || words[0] == "version" {
			r.kinds[words[0]+" "+words[1]] = true
			if i := strings.LastIndex(line, "."); words[0] == "field" && i > 0 {
				r.above[strings.TrimSuffix(line[:i], "[]")] = true
			}
		}
	}
	return r, nil
}

// covers says whether the table knows a program or type at all.
func (r release) covers(kind, owner string) bool { return r.kinds[kind+" "+owner] }

// exists says whether a flag, field or gate exists.
func (r release) exists(kind, owner, name string) bool { return r.known[kind+" "+owner+" "+name] }

// hasBelow says whether a field has fields of its own in the table.
func (r release) hasBelow(owner, field string) bool { return r.above["field "+owner+" "+field] }

// names gives all names of one kind, for "did you mean".
func (r release) names(kind, owner string) []string {
	var out []string
	prefix := kind + " " + owner + " "
	for line := range r.known {
		if name, ok := strings.CutPrefix(line, prefix); ok {
			out = append(out, name)
		}
	}
	return out
}

// flag gives the type of a flag's value and whether its values add up or it may
// stand without one.
func (r release) flag(program, name string) (kind string, list, alone bool) {
	traits := r.traits["flag "+program+" "+name]
	if len(traits) == 0 {
		return "", false, true
	}
	return traits[0], slices.Contains(traits, "list"), slices.Contains(traits, "alone")
}

// locked gives the one value that a feature gate takes; "" for one that takes both.
func (r release) locked(program, gate string) string {
	return strings.Join(r.traits["locked "+program+" "+gate], "")
}
