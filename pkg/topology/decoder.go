package topology

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/kubespore/kubespore/pkg/diag"
)

// Bounds on what a file may ask for. All are far beyond any real cluster and
// stop a file, by accident or by intent, from eating the machine.
const (
	maxBytes    = 16 << 20
	maxHosts    = 20_000
	maxEntries  = 1_000   // entries of every other list and mapping
	maxParts    = 256     // interfaces or disks of a host
	maxDepth    = 64      // nesting of profile parameters
	maxAliased  = 100_000 // nodes read again through aliases
	maxMistakes = 1_000
)

// decoder carries what all kinds share while a file is read: where each value
// stands and what is wrong so far.
type decoder struct {
	file      string
	positions map[string]diag.Position
	list      diag.List
	failed    map[string]bool // paths that hold a mistake, and all paths above them
	aliased   int
	known     Known
	pools     *map[string][]pair // what has been read of the document's pools
	stopped   bool               // a bound was reached: the rest of the file is not read
}

func newDecoder(file string) *decoder {
	return &decoder{file: file, positions: map[string]diag.Position{}, failed: map[string]bool{}}
}

// at gives the position of a path, or of the nearest value around it.
func (d *decoder) at(path string) diag.Position {
	t := Topology{File: d.file, positions: d.positions}
	return t.At(path)
}

// record remembers where a path stands. Nodes of built-in defaults have no
// line, so that a path which the file does not hold keeps none.
func (d *decoder) record(path string, n *yaml.Node) {
	if n.Line > 0 {
		d.positions[path] = d.position(n)
	}
}

func (d *decoder) position(n *yaml.Node) diag.Position {
	return diag.Position{File: d.file, Line: n.Line, Column: n.Column}
}

// errorf reports a mistake at a path and marks the path, so that later checks
// leave alone what could not be read.
func (d *decoder) errorf(code, path, format string, args ...any) *diag.Diagnostic {
	path = d.written(path)
	return d.errorAt(d.at(path), code, path, format, args...)
}

func (d *decoder) errorAt(at diag.Position, code, path, format string, args ...any) *diag.Diagnostic {
	for p := path; p != ""; p = Parent(p) {
		d.failed[p] = true
	}
	switch {
	case d.stopped:
		return new(diag.Diagnostic) // said after the last word
	case len(d.list) >= maxMistakes:
		d.stopped = true
		return d.list.Errorf(codeLimit, at, path, "more than %d mistakes: the rest of the file was not read", maxMistakes)
	}
	return d.list.Errorf(code, at, path, format, args...)
}

// written gives the path of a list's first element as the file has it: where
// one value stands for a list of one, that value's own.
func (d *decoder) written(path string) string {
	short, cut := strings.CutSuffix(path, "[0]")
	if _, ok := d.positions[path]; ok || !cut {
		return path
	}
	return short
}

// ok says whether nothing at a path or below it was wrong so far.
func (d *decoder) ok(path string) bool { return len(d.failed) == 0 || !d.failed[path] }

// stop reports that a bound is reached and reads no further.
func (d *decoder) stop(path, format string, args ...any) *diag.Diagnostic {
	diagnostic := d.errorf(codeLimit, path, format, args...)
	d.stopped = true
	return diagnostic
}

// fits refuses a list or mapping with more entries than are read: proofs compare
// many of them with each other.
func (d *decoder) fits(path string, entries, limit int) bool {
	if entries > limit {
		d.stop(path, "%d entries stand here, more than the %d that are read", entries, limit).WithHint("remove some")
	}
	return entries <= limit
}

// follow gives the node that an alias stands for. What is read through
// aliases is counted: a few lines of aliases of aliases can stand for
// billions of values.
func (d *decoder) follow(n *yaml.Node, path string) *yaml.Node {
	for n.Kind == yaml.AliasNode && !d.stopped {
		n = n.Alias
		d.aliased += nodes(n)
		if d.aliased > maxAliased {
			d.stop(path, "aliases stand for more than %d values", maxAliased).WithHint("write the values out instead of aliases of aliases")
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

// pair is a key of a mapping and its value.
type pair struct {
	key   string
	at    *yaml.Node // the key
	value *yaml.Node
}

// pairs gives the entries of a mapping. Keys that are not text and keys given
// twice are reported; merge keys (<<) bring in what the mapping itself lacks.
func (d *decoder) pairs(n *yaml.Node, path string) []pair {
	if !d.fits(path, len(n.Content)/2, maxEntries) {
		return nil
	}
	out := make([]pair, 0, len(n.Content)/2)
	var merged []*yaml.Node
	var places map[string]int // only for mappings in which looking through all keys is slow
	if len(n.Content) > 32 {
		places = map[string]int{}
	}
	for i := 0; i+1 < len(n.Content) && !d.stopped; i += 2 {
		key := d.follow(n.Content[i], path)
		if key.Kind == yaml.ScalarNode && key.ShortTag() == "!!merge" {
			merged = append(merged, n.Content[i+1])
			continue
		}
		if key.Kind != yaml.ScalarNode || key.ShortTag() == "!!null" {
			d.errorAt(d.position(n.Content[i]), codeType, path, "a key must be text, not %s", describeNode(key)).WithHint("write key: value")
			continue
		}
		if first := find(out, places, key.Value); first >= 0 {
			d.errorAt(d.position(n.Content[i]), codeDuplicateKey, joinPath(path, key.Value), "the key %s is given twice", clip(key.Value)).
				WithHint("keep one of them").
				WithRelated(d.position(out[first].at), "given here first")
			continue
		}
		if places != nil {
			places[key.Value] = len(out)
		}
		out = append(out, pair{key.Value, n.Content[i], n.Content[i+1]})
	}
	return d.merge(out, merged, path)
}

func find(pairs []pair, places map[string]int, key string) int {
	if places != nil {
		if i, ok := places[key]; ok {
			return i
		}
		return -1
	}
	return slices.IndexFunc(pairs, func(p pair) bool { return p.key == key })
}

// merge adds the entries of merged mappings whose keys are not there yet.
func (d *decoder) merge(out []pair, merged []*yaml.Node, path string) []pair {
	if len(merged) == 0 {
		return out
	}
	have := make(map[string]bool, len(out))
	for _, p := range out {
		have[p.key] = true
	}
	for _, node := range merged {
		sources := []*yaml.Node{node}
		if list := d.follow(node, path); list.Kind == yaml.SequenceNode {
			sources = list.Content
		}
		for _, source := range sources {
			from := d.follow(source, path)
			if d.stopped {
				return out
			}
			if from.Kind != yaml.MappingNode {
				d.errorAt(d.position(source), codeType, path, "<< takes a mapping, not %s", describeNode(from)).WithHint("name an anchor: <<: *shared")
				continue
			}
			for _, p := range d.pairs(from, path) {
				if !have[p.key] {
					have[p.key] = true
					out = append(out, p)
				}
			}
		}
	}
	return out
}

// describeNode says what a node is, in the words of messages.
func describeNode(n *yaml.Node) string {
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

// joinPath appends a key to a path.
func joinPath(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// element is the path of an item of a list.
func element(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }

// suggest gives the candidate that a mistyped word of sensible length means.
func suggest(word string, candidates []string) string {
	if len(word) > 64 {
		return ""
	}
	return diag.Suggest(word, candidates)
}

// clip shortens what a file holds for a message.
func clip(text string) string {
	text = strings.ToValidUTF8(text, "?")
	if runes := []rune(text); len(runes) > 60 {
		return string(runes[:57]) + "..."
	}
	return text
}

// warnf reports what works but is unlikely to be meant.
func (d *decoder) warnf(code, path, format string, args ...any) *diag.Diagnostic {
	if d.stopped {
		return new(diag.Diagnostic)
	}
	path = d.written(path)
	return d.list.Warnf(code, d.at(path), path, format, args...)
}
