package profile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/kubespore/kubespore/pkg/diag"
)

// decoder walks through one YAML file, reporting every mistake at its place
// and remembering where each value stands.
type decoder struct {
	file      string
	list      *diag.List
	positions map[string]diag.Position
	systems   []asked // names of systems
}

// node is a YAML value and its path in the file.
type node struct {
	*yaml.Node
	path string
}

// fields says which keys an object may have and what to do with their values.
type fields map[string]func(node)

// read parses a file of exactly one document. It reports and gives false when
// there is nothing to decode.
func (d *decoder) read(text []byte) (node, bool) {
	var document, second yaml.Node
	dec := yaml.NewDecoder(bytes.NewReader(text))
	switch err := dec.Decode(&document); {
	case errors.Is(err, io.EOF):
		d.list.Errorf("F002", diag.Position{File: d.file}, "", "the file is empty")
		return node{}, false
	case err != nil:
		d.syntax(err)
		return node{}, false
	}
	if err := dec.Decode(&second); !errors.Is(err, io.EOF) {
		d.list.Errorf("F002", diag.Position{File: d.file, Line: max(second.Line, 1)}, "", "the file holds more than one YAML document").
			WithHint("keep one document; there is no use for a second")
		return node{}, false
	}
	if !d.expand(document.Content[0], nil, new(int)) {
		return node{}, false
	}
	return node{document.Content[0], ""}, true
}

// expand puts the anchored values in the place of their aliases. An alias
// inside its own value, or values that grow beyond any use, are refused.
func (d *decoder) expand(n *yaml.Node, around []*yaml.Node, total *int) bool {
	const most, deepest = 20_000, 64
	if *total++; *total > most || len(around) > deepest || slices.Contains(around, n) {
		d.list.Errorf("F002", diag.Position{File: d.file, Line: n.Line, Column: n.Column}, "", "the values are nested too deep, or aliases lead to themselves").
			WithHint("write the values out, without aliases")
		return false
	}
	around = append(around, n)
	for i, c := range n.Content {
		if c.Kind == yaml.AliasNode {
			c = c.Alias
			n.Content[i] = c
		}
		if !d.expand(c, around, total) {
			return false
		}
	}
	return true
}

var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)

// syntax reports an error of the YAML parser at the line that it names.
func (d *decoder) syntax(err error) {
	at := diag.Position{File: d.file, Line: 1}
	message := err.Error()
	if m := yamlLine.FindStringSubmatch(message); m != nil {
		message = strings.TrimPrefix(message, m[0])
		if line, err := strconv.Atoi(m[1]); err == nil {
			at.Line = line
		}
	}
	d.list.Errorf("F002", at, "", "this is not YAML: %s", message)
}

func (d *decoder) at(n node) diag.Position {
	return diag.Position{File: d.file, Line: n.Line, Column: n.Column}
}

func (d *decoder) wrong(n node, format string, args ...any) *diag.Diagnostic {
	return d.list.Errorf("F004", d.at(n), n.path, format, args...)
}

// isKind checks the kind of a value.
func (d *decoder) isKind(n node, kind yaml.Kind, what string) bool {
	if n.path != "" {
		d.positions[n.path] = d.at(n)
	}
	if n.Kind != kind {
		d.wrong(n, "this must be %s", what)
	}
	return n.Kind == kind
}

// pairs calls f for each key of a mapping, in order, with the key's node.
func (d *decoder) pairs(n node, what string, f func(key string, keyNode, value node)) {
	if !d.isKind(n, yaml.MappingNode, what) {
		return
	}
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k := n.Content[i]
		key := node{k, joinPath(n.path, k.Value)}
		if k.Kind != yaml.ScalarNode {
			d.wrong(key, "a key must be one word")
			continue
		}
		if line, twice := seen[k.Value]; twice {
			d.list.Errorf("F008", d.at(key), key.path, "the key %s appears twice", k.Value).
				WithRelated(diag.Position{File: d.file, Line: line}, "here first")
			continue
		}
		seen[k.Value] = k.Line
		f(k.Value, key, node{n.Content[i+1], key.path})
	}
}

// object decodes a mapping with known keys.
func (d *decoder) object(n node, what string, known fields, required ...string) {
	found := map[string]bool{}
	d.pairs(n, what, func(key string, keyNode, value node) {
		found[key] = true
		decode, ok := known[key]
		if !ok {
			decode = known[d.unknown(keyNode, key, slices.Sorted(maps.Keys(known)))]
		}
		if decode != nil {
			decode(value)
		}
	})
	if n.Kind != yaml.MappingNode {
		return
	}
	for _, key := range required {
		if !found[key] {
			d.list.Errorf("F005", d.at(n), n.path, "%s is missing", key).WithHint("add %s", key)
		}
	}
}

// unknown reports a key that is not known. It gives the key that was meant
// where this is plain, so that its value is read, or "".
func (d *decoder) unknown(n node, key string, known []string) string {
	if name := diag.Renamed(key, known, formerKeys); name != "" {
		d.list.Errorf("F003", d.at(n), n.path, "the key %s is called %s now", key, name).WithHint("write %s", name)
		return name
	}
	diagnostic := d.list.Errorf("F003", d.at(n), n.path, "unknown key %s", key)
	if near := diag.Suggest(key, known); near != "" {
		diagnostic.WithHint("did you mean %s?", near)
	} else {
		diagnostic.WithHint("known keys: %s", strings.Join(known, ", "))
	}
	return ""
}

// items calls f for each element of a list. A single value stands for a list
// of one, as in `roles: control-plane`.
func (d *decoder) items(n node, f func(node)) {
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		return
	}
	if n.Kind != yaml.SequenceNode {
		f(node{n.Node, n.path + "[0]"})
		return
	}
	if n.path != "" {
		d.positions[n.path] = d.at(n)
	}
	for i, c := range n.Content {
		f(node{c, fmt.Sprintf("%s[%d]", n.path, i)})
	}
}

// scalar gives a value as it is written.
func (d *decoder) scalar(n node, what string) (string, bool) {
	if !d.isKind(n, yaml.ScalarNode, what) {
		return "", false
	}
	if n.Tag == "!!null" {
		d.wrong(n, "this must be %s", what)
		return "", false
	}
	return n.Value, true
}

// The functions below make decoders for the values of object.

func (d *decoder) str(into *string) func(node) {
	return func(n node) {
		if s, ok := d.scalar(n, "a text"); ok {
			*into = s
		}
	}
}

func (d *decoder) strs(into *[]string) func(node) {
	return func(n node) {
		d.items(n, func(n node) {
			if s, ok := d.scalar(n, "a text"); ok {
				*into = append(*into, s)
			}
		})
	}
}

func (d *decoder) boolean(into *bool) func(node) {
	return func(n node) {
		if !d.isKind(n, yaml.ScalarNode, "true or false") {
			return
		}
		if n.Tag != "!!bool" || n.Decode(into) != nil {
			d.wrong(n, "this must be true or false")
		}
	}
}

func (d *decoder) integer(into *int) func(node) {
	return func(n node) {
		if !d.isKind(n, yaml.ScalarNode, "a whole number") {
			return
		}
		if n.Tag != "!!int" || n.Decode(into) != nil {
			d.wrong(n, "this must be a whole number")
		}
	}
}

func (d *decoder) optional(into **int) func(node) {
	return func(n node) {
		*into = new(int)
		d.integer(*into)(n)
	}
}

// enum decodes one of a closed list of words.
func (d *decoder) enum(into *string, known []string) func(node) {
	return func(n node) {
		if s, ok := d.scalar(n, "one of "+strings.Join(known, ", ")); ok {
			*into = s
			d.checkEnum(n, s, known)
		}
	}
}

func (d *decoder) enums(into *[]string, known []string) func(node) {
	return func(n node) {
		d.strs(into)(n)
		d.items(n, func(n node) {
			if n.Kind == yaml.ScalarNode {
				d.checkEnum(n, n.Value, known)
			}
		})
	}
}

// checkEnum checks that a word is one of a list.
func (d *decoder) checkEnum(n node, word string, known []string) {
	if slices.Contains(known, word) {
		return
	}
	diagnostic := d.list.Errorf("F006", d.at(n), n.path, "%q is not known here", word)
	if near := diag.Suggest(word, known); near != "" {
		diagnostic.WithHint("did you mean %s?", near)
	} else {
		diagnostic.WithHint("write one of: %s", strings.Join(known, ", "))
	}
}

func (d *decoder) text(into *Text) func(node) {
	return func(n node) {
		s, ok := d.scalar(n, "a text")
		if !ok {
			return
		}
		at := d.at(n)
		parsed, err := parseTemplate(d.file, s, at, n.Style)
		if err != nil {
			err.Report(d.list, "F009", n.path)
			return
		}
		parsed.guardWords()
		*into = Text{parsed, at}
	}
}

func (d *decoder) texts(into *[]Text) func(node) {
	return func(n node) {
		d.items(n, func(n node) {
			var t Text
			if d.text(&t)(n); t.Template != nil {
				*into = append(*into, t)
			}
		})
	}
}

func joinPath(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
