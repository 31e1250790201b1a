// Package yamlfile reads the YAML that users write: topologies, profiles and
// objects of a cluster. It says in plain words, at the user's line, what is wrong
// with a text, and bounds what a few lines can make a machine do.
package yamlfile

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

// MaxBytes is how much is read. It is far beyond any file that is written by hand or for one cluster.
const MaxBytes = 16 << 20

// Fault is why a text cannot be read.
type Fault struct {
	Kind          FaultKind
	At            diag.Position
	Message, Hint string
}

// FaultKind is what sort of fault a text has.
type FaultKind int

// Kinds of faults.
const (
	Syntax  FaultKind = iota // the text breaks the rules of YAML
	Empty                    // there is no document
	Several                  // there is more than one document
	TooLong                  // the text is longer than what is read
)

// One reads a text of exactly one document and gives the value in it.
func One(file string, data []byte) (*yaml.Node, *Fault) {
	documents, fault := read(file, data)
	start := diag.Position{File: file, Line: 1, Column: 1}
	switch {
	case fault != nil:
		return nil, fault
	case len(documents) > 1:
		second := documents[1]
		return nil, &Fault{Kind: Several, At: diag.Position{File: file, Line: max(second.Line, 1), Column: second.Column}, Message: "the file holds more than one document"}
	case len(documents) == 0 || isEmpty(documents[0]):
		return nil, &Fault{Kind: Empty, At: start, Message: "the file is empty"}
	}
	return documents[0].Content[0], nil
}

// read gives the first documents of a text, two at most.
func read(file string, data []byte) ([]*yaml.Node, *Fault) {
	if len(data) > MaxBytes {
		return nil, &Fault{Kind: TooLong, At: diag.Position{File: file},
			Message: "the file has " + strconv.Itoa(len(data)) + " bytes, more than the " + strconv.Itoa(MaxBytes>>20) + " MiB that are read"}
	}
	if at, ok := plainText(file, data); !ok {
		return nil, &Fault{At: at, Message: "the file must be UTF-8 text with ordinary line ends"}
	}
	var out []*yaml.Node
	for reader := yaml.NewDecoder(bytes.NewReader(data)); len(out) < 2; {
		document, err := next(reader)
		if err != nil {
			return nil, syntax(file, data, err)
		}
		if document == nil {
			break
		}
		out = append(out, document)
	}
	return out, nil
}

func isEmpty(document *yaml.Node) bool {
	return len(document.Content) == 0 || document.Content[0].Kind == yaml.ScalarNode && document.Content[0].ShortTag() == "!!null"
}

// next reads one document; nil and no error at the end of the text. The parser
// panics on a few texts that it takes for impossible; these are mistakes of the
// user like all others.
func next(reader *yaml.Decoder) (document *yaml.Node, err error) {
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
func plainText(file string, data []byte) (diag.Position, bool) {
	line, start := 1, 0
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		bare := r == '\r' && (i+1 >= len(data) || data[i+1] != '\n')
		if r == utf8.RuneError && size == 1 || bare || r == 0x85 || r == 0x2028 || r == 0x2029 {
			return diag.Position{File: file, Line: line, Column: utf8.RuneCount(data[start:i]) + 1}, false
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

// reasons says in the user's words what the parser complains about. Complaints
// of the grammar (late) name the line before the one meant.
var reasons = []struct {
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

// syntax explains an error of the parser.
func syntax(file string, data []byte, err error) *Fault {
	parts := syntaxLine.FindStringSubmatch(strings.ReplaceAll(err.Error(), "\n", " "))
	at, complaint := diag.Position{File: file, Line: 1}, ""
	if parts != nil {
		complaint = parts[2]
		if line, err := strconv.Atoi(parts[1]); err == nil {
			at.Line = line
		}
	}
	if name := unknownAnchor.FindStringSubmatch(complaint); name != nil {
		return &Fault{At: find(file, data, "*"+name[1]), Message: "the alias *" + name[1] + " stands for nothing: there is no &" + name[1] + " before it",
			Hint: "quote text that begins with an asterisk"}
	}
	message, hint := "the structure cannot be understood", "check indentation, quotes and brackets around this line"
	for _, r := range reasons {
		if strings.HasPrefix(complaint, r.complaint) {
			message, hint = r.message, r.hint
			if r.late {
				at.Line++
			}
		}
	}
	at.Line = min(at.Line, 1+bytes.Count(data, []byte("\n")))
	return &Fault{At: at, Message: "this is not YAML: " + message, Hint: hint}
}

// find gives the first place of a text in the file.
func find(file string, data []byte, text string) diag.Position {
	i := max(0, bytes.Index(data, []byte(text)))
	start := bytes.LastIndexByte(data[:i], '\n') + 1
	return diag.Position{File: file, Line: 1 + bytes.Count(data[:i], []byte("\n")), Column: 1 + utf8.RuneCount(data[start:i])}
}
