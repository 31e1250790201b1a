package topology

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/kubespore/kubespore/pkg/diag"
)

// load parses the file into the mapping at its top; nil when there is none.
func (d *decoder) load(data []byte) *yaml.Node {
	if len(data) > maxBytes {
		d.stop("", "the file has %d bytes, more than the %d MiB that are read", len(data), maxBytes>>20).
			WithHint("declare hosts of one kind as a range: names: \"w[001-300]\"")
		return nil
	}
	if at, ok := d.plainText(data); !ok {
		d.errorAt(at, codeSyntax, "", "the file must be UTF-8 text with ordinary line ends")
		return nil
	}
	reader := yaml.NewDecoder(bytes.NewReader(data))
	document, err := nextDocument(reader)
	if err == nil {
		var second *yaml.Node
		if second, err = nextDocument(reader); second != nil {
			d.errorAt(d.position(second), codeDocument, "", "the file holds more than one document").
				WithHint("keep one topology in a file and remove the line ---")
			return nil
		}
	}
	if document == nil && err == nil || document != nil && isEmpty(document) {
		d.errorAt(diag.Position{File: d.file, Line: 1, Column: 1}, codeDocument, "", "the file is empty").WithHint("kubespore init writes a topology to start from")
		return nil
	}
	if err != nil {
		d.syntaxError(data, err)
		return nil
	}
	d.record("", document.Content[0])
	root := d.follow(document.Content[0], "")
	if root.Kind != yaml.MappingNode {
		d.errorAt(d.position(root), codeDocument, "", "a topology is a mapping, not %s", describeNode(root)).WithHint("begin with: apiVersion: %s", apiVersion)
		return nil
	}
	return root
}

func isEmpty(document *yaml.Node) bool {
	return len(document.Content) == 0 || document.Content[0].Kind == yaml.ScalarNode && document.Content[0].ShortTag() == "!!null"
}

// nextDocument reads one document; nil and no error at the end of the file. The
// parser panics on a few texts that it takes for impossible; for whoever
// wrote the file they are mistakes like others.
func nextDocument(reader *yaml.Decoder) (document *yaml.Node, err error) {
	defer func() {
		if recover() != nil {
			document, err = nil, errors.New("yaml: the structure cannot be understood")
		}
	}()
	var node yaml.Node
	switch err := reader.Decode(&node); {
	case errors.Is(err, io.EOF):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return &node, nil
}

// plainText refuses what editors and our excerpts count differently from the
// YAML parser: bytes that are not UTF-8 and exotic line ends.
func (d *decoder) plainText(data []byte) (diag.Position, bool) {
	line, start := 1, 0
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		bare := r == '\r' && (i+1 >= len(data) || data[i+1] != '\n')
		if r == utf8.RuneError && size == 1 || bare || r == 0x85 || r == 0x2028 || r == 0x2029 {
			return diag.Position{File: d.file, Line: line, Column: utf8.RuneCount(data[start:i]) + 1}, false
		}
		i += size
		if r == '\n' {
			line, start = line+1, i
		}
	}
	return diag.Position{}, true
}

var (
	syntaxLine    = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)$`)
	unknownAnchor = regexp.MustCompile(`^unknown anchor '(.*)' referenced$`)
)

// syntaxReasons says in the user's words what the parser complains about.
// Complaints of the grammar (late) name the line before the one meant.
var syntaxReasons = []struct {
	complaint, message, hint string
	late                     bool
}{
	{"found character that cannot start any token", "a value cannot begin with this character", "indent with blanks, not tabs, and quote values that begin with @, ` or %", false},
	{"found a tab character that violates indentation", "a tab is used for indentation", "indent with blanks", false},
	{"mapping values are not allowed in this context", "a second \": \" stands in a value", "quote the value, or check the indentation", false},
	{"could not find expected ':'", "a key without its colon", "write key: value", false},
	{"found unexpected end of stream", "a quote is opened and never closed", "close the quote", false},
	{"did not find expected ',' or ']'", "a list [...] is not closed, or lacks a comma", "close it with ]", true},
	{"did not find expected ',' or '}'", "a mapping {...} is not closed, or lacks a comma", "close it with }", true},
	{"did not find expected key", "the indentation of this block changes in between", "give all keys of a mapping the same indentation", true},
	{"did not find expected '-' indicator", "this list is followed by something that is not an item", "begin each item with - at the same indentation", true},
	{"did not find expected node content", "a value is missing", "give a value", true},
	{"found unknown escape character", "an unknown escape in double quotes", "use single quotes, or write the backslash twice", false},
}

// syntaxError reports text that is not YAML.
func (d *decoder) syntaxError(data []byte, err error) {
	parts := syntaxLine.FindStringSubmatch(strings.ReplaceAll(err.Error(), "\n", " "))
	at, complaint := diag.Position{File: d.file, Line: 1}, ""
	if parts != nil {
		complaint = parts[2]
		if line, err := strconv.Atoi(parts[1]); err == nil {
			at.Line = line
		}
	}
	if name := unknownAnchor.FindStringSubmatch(complaint); name != nil {
		d.errorAt(d.find(data, "*"+name[1]), codeSyntax, "", "the alias *%s stands for nothing: there is no &%s before it", name[1], name[1]).
			WithHint("quote text that begins with an asterisk")
		return
	}
	message, hint := "the structure cannot be understood", "check indentation, quotes and brackets around this line"
	for _, r := range syntaxReasons {
		if strings.HasPrefix(complaint, r.complaint) {
			message, hint = r.message, r.hint
			if r.late {
				at.Line++
			}
		}
	}
	at.Line = min(at.Line, 1+bytes.Count(data, []byte("\n")))
	d.errorAt(at, codeSyntax, "", "this is not YAML: %s", message).WithHint("%s", hint)
}

// find gives the first place of a text in the file.
func (d *decoder) find(data []byte, text string) diag.Position {
	i := max(0, bytes.Index(data, []byte(text)))
	start := bytes.LastIndexByte(data[:i], '\n') + 1
	return diag.Position{File: d.file, Line: 1 + bytes.Count(data[:i], []byte("\n")), Column: 1 + utf8.RuneCount(data[start:i])}
}

// looks is a line at the top level that only a topology has.
var looks = regexp.MustCompile(`(?m)^["']?apiVersion["']?\s*:\s*["']?kubespore/`)

// Looks says whether a text is meant as a topology, be it right or wrong: it
// names our apiVersion.
func Looks(text []byte) bool { return looks.Match(text) }
