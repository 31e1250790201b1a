// Package schema reads files of YAML by a table of their keys, from which the JSON
// Schema and the reference of the file are written too.
package schema

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/yamlfile"
)

// MaxMistakes is how many mistakes are said of a file.
const MaxMistakes = 1_000

// Codes are the codes under which a format reports mistakes.
type Codes struct {
	yamlfile.Codes
	UnknownKey, Missing, Exclusive, Choice, Duplicate string
}

// Format is what one format of files has for itself.
type Format struct {
	Codes     Codes
	Former    map[string]string       // names that keys had, with what they are called now: see diag.Renamed
	Elsewhere func(key string) string // a hint for a key that other tools have, or ""; nil for none
}

// Decoder carries what all kinds share while a file is read: where each value
// stands and what is wrong so far.
type Decoder struct {
	*yamlfile.Reader
	Codes     Codes // of the format
	Positions map[string]diag.Position
	List      diag.List
	Failed    map[string]bool // paths that hold a mistake, and all paths above them
	Owner     any             // what the kinds of one format share
	format    Format
	depth     int // of values that hold themselves
}

// NewDecoder gives the decoder of one file.
func NewDecoder(file string, of Format, owner any) *Decoder {
	d := &Decoder{format: of, Codes: of.Codes, Owner: owner, Positions: map[string]diag.Position{}, Failed: map[string]bool{}}
	d.Reader = &yamlfile.Reader{File: file, Codes: of.Codes.Codes, Report: d.report, Elsewhere: map[*yaml.Node]string{}}
	return d
}

// At gives the position of a path, or of the nearest value around it.
func (d *Decoder) At(path string) diag.Position { return Nearest(d.Positions, d.File, path) }

// Nearest gives the position of a path, or of the nearest value around it; the
// file where there is none.
func Nearest(positions map[string]diag.Position, file, path string) diag.Position {
	for {
		if at, ok := positions[path]; ok {
			return at
		}
		if path == "" {
			return diag.Position{File: file}
		}
		path = yamlfile.Parent(path)
	}
}

// Record remembers where a path stands. Nodes of built-in defaults have no line, so
// that a path which the file does not hold keeps none.
func (d *Decoder) Record(path string, n *yaml.Node) {
	if n.Line > 0 {
		d.Positions[path] = d.Position(n)
	}
}

// Errorf reports a mistake at a path and marks the path, so that later checks leave
// alone what could not be read.
func (d *Decoder) Errorf(code, path, format string, args ...any) *diag.Diagnostic {
	path = d.written(path)
	return d.ErrorAt(d.At(path), code, path, format, args...)
}

// Fault reports what is wrong with a text at a path.
func (d *Decoder) Fault(f *Fault, path string) *diag.Diagnostic {
	code := f.Code
	if code == "" {
		code = d.Codes.Choice
	}
	wrong := d.Errorf(code, path, "%s", f.Message)
	wrong.Hint = f.Hint
	return wrong
}

// mistyped reports a value of another type.
func (d *Decoder) mistyped(n *yaml.Node, expected, path string) *diag.Diagnostic {
	return d.Errorf(d.Codes.Type, path, "expected %s, found %s", expected, yamlfile.Describe(n))
}

// report takes the mistakes that every YAML file may have.
func (d *Decoder) report(at diag.Position, code, path, format string, args ...any) *diag.Diagnostic {
	if at == (diag.Position{}) {
		return d.Errorf(code, path, format, args...)
	}
	return d.ErrorAt(at, code, path, format, args...)
}

// ErrorAt is Errorf with a position that is not the path's.
func (d *Decoder) ErrorAt(at diag.Position, code, path, format string, args ...any) *diag.Diagnostic {
	for p := path; p != ""; p = yamlfile.Parent(p) {
		d.Failed[p] = true
	}
	switch {
	case d.Stopped:
		return new(diag.Diagnostic) // what comes after the last message is left out
	case len(d.Elsewhere) > 0 && d.said(at, code, format, args...):
		return new(diag.Diagnostic)
	case len(d.List) >= MaxMistakes:
		d.Stopped = true
		return d.List.Errorf(d.Codes.Limit, at, path, "more than %d mistakes: the rest of the file was not read", MaxMistakes)
	}
	return d.List.Errorf(code, at, path, format, args...)
}

// said says whether a mistake has been reported: what rows of an inventory share
// is read with each of them.
func (d *Decoder) said(at diag.Position, code, format string, args ...any) bool {
	message := fmt.Sprintf(format, args...)
	return slices.ContainsFunc(d.List, func(other diag.Diagnostic) bool {
		return other.Position == at && other.Code == code && other.Message == message
	})
}

// written gives the path of a list's first element as the file has it: where
// one value stands for a list of one, that value's own.
func (d *Decoder) written(path string) string {
	short, cut := strings.CutSuffix(path, "[0]")
	if _, ok := d.Positions[path]; ok || !cut {
		return path
	}
	return short
}

// OK says whether nothing at a path or below it was wrong so far.
func (d *Decoder) OK(path string) bool { return len(d.Failed) == 0 || !d.Failed[path] }

// Warnf reports what works but is unlikely to be meant.
func (d *Decoder) Warnf(code, path, format string, args ...any) *diag.Diagnostic {
	if d.Stopped {
		return new(diag.Diagnostic)
	}
	path = d.written(path)
	return d.List.Warnf(code, d.At(path), path, format, args...)
}
