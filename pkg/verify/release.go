package verify

import (
	"embed"
	"fmt"
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
}

func loadRelease(minor string) (release, error) {
	r := release{minor: minor, known: map[string]bool{}, kinds: map[string]bool{}, above: map[string]bool{}}
	text, err := tables.ReadFile("release/" + minor + ".txt")
	if err != nil {
		return r, fmt.Errorf("no table of flags and fields for kubernetes %s", minor)
	}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		r.known[line] = true
		if words := strings.Fields(line); len(words) == 3 {
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

// has says whether a flag, field or gate exists.
func (r release) has(kind, owner, name string) bool { return r.known[kind+" "+owner+" "+name] }

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
