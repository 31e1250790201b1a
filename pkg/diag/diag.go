package diag

import (
	"fmt"
	"slices"
	"strings"
)

// Severity says whether a diagnostic stops a build.
type Severity int

const (
	// Error stops a build: nothing is written.
	Error Severity = iota
	// Warning is printed and does not stop a build unless --strict is given.
	Warning
)

// String gives the word printed after the position.
func (s Severity) String() string {
	if s == Warning {
		return "warning"
	}
	return "error"
}

// MarshalText writes the severity as its word.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Position is a place in a file. Line and Column start at 1; 0 means unknown.
type Position struct {
	File   string `json:"file,omitempty"`
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
}

// String gives file:line:column, leaving out what is unknown.
func (p Position) String() string {
	switch {
	case p.File == "" && p.Line == 0:
		return ""
	case p.Line == 0:
		return p.File
	case p.Column == 0:
		return fmt.Sprintf("%s:%d", p.File, p.Line)
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// Before orders positions by file, line and column.
func (p Position) Before(q Position) int {
	if c := strings.Compare(p.File, q.File); c != 0 {
		return c
	}
	if p.Line != q.Line {
		return p.Line - q.Line
	}
	return p.Column - q.Column
}

// Related is a second place that explains a diagnostic, such as the first use
// of a name that must be unique.
type Related struct {
	Position Position `json:"position"`
	Note     string   `json:"note"`
}

// Diagnostic is one mistake.
type Diagnostic struct {
	Severity Severity  `json:"severity"`
	Code     string    `json:"code"` // stable, listed in docs/diagnostics.md: T topology, F profile, P plan, R render, V verify, K keys, O output
	Position Position  `json:"position"`
	Path     string    `json:"path,omitempty"` // where in the document, as in hosts[2].address
	Message  string    `json:"message"`        // lower case, no final period
	Hint     string    `json:"hint,omitempty"` // what to type instead
	Related  []Related `json:"related,omitempty"`
	// Source replaces the excerpt where the position is in a text that is in
	// no file, such as a rendered template. It is the one line to show.
	Source string `json:"source,omitempty"`
}

// WithHint adds what the user should type.
func (d *Diagnostic) WithHint(format string, args ...any) *Diagnostic {
	d.Hint = fmt.Sprintf(format, args...)
	return d
}

// WithRelated adds a second place and what is there.
func (d *Diagnostic) WithRelated(at Position, format string, args ...any) *Diagnostic {
	d.Related = append(d.Related, Related{at, fmt.Sprintf(format, args...)})
	return d
}

// WithSource gives the line to show when the position is in no file on disk.
func (d *Diagnostic) WithSource(line string) *Diagnostic {
	d.Source = line
	return d
}

// List collects diagnostics. The zero value is ready to use.
type List []Diagnostic

// Errorf adds an error. The pointer is good until the next call on the list.
func (l *List) Errorf(code string, at Position, path, format string, args ...any) *Diagnostic {
	return l.add(Error, code, at, path, format, args...)
}

// Warnf adds a warning. The pointer is good until the next call on the list.
func (l *List) Warnf(code string, at Position, path, format string, args ...any) *Diagnostic {
	return l.add(Warning, code, at, path, format, args...)
}

func (l *List) add(s Severity, code string, at Position, path, format string, args ...any) *Diagnostic {
	*l = append(*l, Diagnostic{Severity: s, Code: code, Position: at, Path: path, Message: fmt.Sprintf(format, args...)})
	return &(*l)[len(*l)-1]
}

// Append adds another list.
func (l *List) Append(other List) { *l = append(*l, other...) }

// HasErrors says whether a build must stop.
func (l List) HasErrors() bool {
	return slices.ContainsFunc(l, func(d Diagnostic) bool { return d.Severity == Error })
}

// Strict gives the list with every warning as an error.
func (l List) Strict() List {
	out := slices.Clone(l)
	for i := range out {
		out[i].Severity = Error
	}
	return out
}

// Sorted gives the list in file order without exact repeats, the order in
// which a reader walks through the file.
func (l List) Sorted() List {
	out := slices.Clone(l)
	slices.SortStableFunc(out, func(a, b Diagnostic) int {
		if c := a.Position.Before(b.Position); c != 0 {
			return c
		}
		if c := strings.Compare(a.Code, b.Code); c != 0 {
			return c
		}
		return strings.Compare(a.Message, b.Message)
	})
	return slices.CompactFunc(out, func(a, b Diagnostic) bool {
		return a.Position == b.Position && a.Code == b.Code && a.Path == b.Path && a.Message == b.Message
	})
}

// Counts gives the number of errors and of warnings.
func (l List) Counts() (errors, warnings int) {
	for _, d := range l {
		if d.Severity == Error {
			errors++
		} else {
			warnings++
		}
	}
	return errors, warnings
}
