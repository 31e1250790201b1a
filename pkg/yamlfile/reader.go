package yamlfile

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/kubespore/kubespore/pkg/diag"
)

// Bounds on what a file may hold. All are far beyond any real cluster and stop
// a file, by accident or by intent, from filling the machine.
const (
	MaxEntries = 1_000   // entries of a list or mapping
	maxAliased = 100_000 // nodes read again through aliases
)

// Codes are the codes under which a format reports the mistakes that every
// format has.
type Codes struct{ Limit, Type, DuplicateKey string }

// Reader walks through the tree of one file.
type Reader struct {
	File  string
	Codes Codes
	// Report takes a mistake and gives its diagnostic, for hints. The zero
	// position stands for that of the path.
	Report func(at diag.Position, code, path, format string, args ...any) *diag.Diagnostic
	// Elsewhere has the files of nodes that stand in another one.
	Elsewhere map[*yaml.Node]string
	// Stopped says that a bound was reached: the rest of the file is not read.
	Stopped bool
	aliased int
}

// Position gives the place of a node.
func (r *Reader) Position(n *yaml.Node) diag.Position {
	at := diag.Position{File: r.File, Line: n.Line, Column: n.Column}
	if file, ok := r.Elsewhere[n]; ok {
		at.File = file
	}
	return at
}

// Stop reports that a bound is reached and reads no further.
func (r *Reader) Stop(path, format string, args ...any) *diag.Diagnostic {
	diagnostic := r.Report(diag.Position{}, r.Codes.Limit, path, format, args...)
	r.Stopped = true
	return diagnostic
}

// Fits refuses a list or mapping with more entries than are read: proofs compare
// many of them with each other.
func (r *Reader) Fits(path string, entries, limit int) bool {
	if entries > limit {
		r.Stop(path, "%d entries stand here, more than the %d that are read", entries, limit).WithHint("remove some")
	}
	return entries <= limit
}

// Follow gives the node that an alias stands for. What is read through
// aliases is counted: a few lines of aliases of aliases can stand for
// billions of values.
func (r *Reader) Follow(n *yaml.Node, path string) *yaml.Node {
	for n.Kind == yaml.AliasNode && !r.Stopped {
		n = n.Alias
		r.aliased += nodes(n)
		if r.aliased > maxAliased {
			r.Stop(path, "aliases stand for more than %d values", maxAliased).WithHint("write the values out instead of aliases of aliases")
		}
	}
	return n
}

// nodes counts the nodes of a tree, without those behind aliases in it.
func nodes(n *yaml.Node) int {
	count := 1
	for _, child := range n.Content {
		count += nodes(child)
	}
	return count
}

// Pair is a key of a mapping and its value.
type Pair struct {
	Key   string
	At    *yaml.Node // the key
	Value *yaml.Node
}

// Pairs gives the entries of a mapping. Keys that are not text and keys given
// twice are reported; merge keys (<<) bring in what the mapping itself lacks.
func (r *Reader) Pairs(n *yaml.Node, path string) []Pair {
	if !r.Fits(path, len(n.Content)/2, MaxEntries) {
		return nil
	}
	out := make([]Pair, 0, len(n.Content)/2)
	var merged []*yaml.Node
	var places map[string]int // only for mappings in which looking through all keys is slow
	if len(n.Content) > 32 {
		places = map[string]int{}
	}
	for i := 0; i+1 < len(n.Content) && !r.Stopped; i += 2 {
		key := r.Follow(n.Content[i], path)
		if key.Kind == yaml.ScalarNode && key.ShortTag() == "!!merge" {
			merged = append(merged, n.Content[i+1])
			continue
		}
		if key.Kind != yaml.ScalarNode || key.ShortTag() == "!!null" {
			r.Report(r.Position(n.Content[i]), r.Codes.Type, path, "a key must be text, not %s", Describe(key)).WithHint("write key: value")
			continue
		}
		if first := findKey(out, places, key.Value); first >= 0 {
			r.Report(r.Position(n.Content[i]), r.Codes.DuplicateKey, Join(path, key.Value), "the key %s is given twice", Clip(key.Value)).
				WithHint("keep one of them").
				WithRelated(r.Position(out[first].At), "given here first")
			continue
		}
		if places != nil {
			places[key.Value] = len(out)
		}
		out = append(out, Pair{key.Value, n.Content[i], n.Content[i+1]})
	}
	return r.merge(out, merged, path)
}

func findKey(pairs []Pair, places map[string]int, key string) int {
	if places != nil {
		if i, ok := places[key]; ok {
			return i
		}
		return -1
	}
	return Find(pairs, key)
}

// Find gives the place of a key, or -1.
func Find(pairs []Pair, key string) int {
	return slices.IndexFunc(pairs, func(p Pair) bool { return p.Key == key })
}

// merge adds the entries of merged mappings whose keys are not there yet.
func (r *Reader) merge(out []Pair, merged []*yaml.Node, path string) []Pair {
	if len(merged) == 0 {
		return out
	}
	have := make(map[string]bool, len(out))
	for _, p := range out {
		have[p.Key] = true
	}
	for _, node := range merged {
		sources := []*yaml.Node{node}
		if list := r.Follow(node, path); list.Kind == yaml.SequenceNode {
			sources = list.Content
		}
		for _, source := range sources {
			from := r.Follow(source, path)
			if r.Stopped {
				return out
			}
			if from.Kind != yaml.MappingNode {
				r.Report(r.Position(source), r.Codes.Type, path, "<< takes a mapping, not %s", Describe(from)).WithHint("name an anchor: <<: *shared")
				continue
			}
			for _, p := range r.Pairs(from, path) {
				if !have[p.Key] {
					have[p.Key] = true
					out = append(out, p)
				}
			}
		}
	}
	return out
}

// Value gives the value of a key of a mapping, and what it stands for where it is an
// alias; nil where there is none.
func Value(n *yaml.Node, key string) *yaml.Node {
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value != key {
			continue
		}
		if value := n.Content[i+1]; value.Kind != yaml.AliasNode {
			return value
		}
		return n.Content[i+1].Alias
	}
	return nil
}

// Describe says what a node is, in the words of messages.
func Describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	}
	switch n.ShortTag() {
	case "!!null":
		return "nothing"
	case "!!bool":
		return "a boolean"
	case "!!int", "!!float":
		return "a number"
	case "!!timestamp":
		return "a date"
	case "!!str":
		return "text"
	}
	return "a value of type " + n.ShortTag()
}

// Join appends a key to a path.
func Join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// Parent gives the path of what holds a value: a mapping or a list; "" at the top.
func Parent(path string) string {
	for i := len(path) - 1; i > 0; i-- {
		if path[i] == '.' || path[i] == '[' {
			return path[:i]
		}
	}
	return ""
}

// Element is the path of an item of a list.
func Element(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }

// Suggest gives the candidate that a mistyped word of sensible length means.
func Suggest(name string, candidates []string) string {
	if len(name) > 64 {
		return ""
	}
	return diag.Suggest(name, candidates)
}

// Clip shortens what a file holds for a message.
func Clip(text string) string {
	text = strings.ToValidUTF8(text, "?")
	if runes := []rune(text); len(runes) > 60 {
		return string(runes[:57]) + "..."
	}
	return text
}
