package diag

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Printer writes diagnostics for people. The first line of each stands alone
// for grep and editors; the excerpt and the hint follow, indented.
type Printer struct {
	// ReadFile gives the text of a file for excerpts; nil prints none.
	ReadFile func(name string) ([]byte, error)
	// Color turns on ANSI colours.
	Color bool
}

// Print writes the list in file order.
func (p Printer) Print(w io.Writer, list List) {
	sources := map[string][]string{}
	for _, d := range Clean(list.Sorted()) {
		p.printOne(w, d, sources)
	}
}

func (p Printer) printOne(w io.Writer, d Diagnostic, sources map[string][]string) {
	var b strings.Builder
	if at := d.Position.String(); at != "" {
		b.WriteString(at + ": ")
	}
	b.WriteString(p.paint(d.Severity.String()+":", severityColor(d.Severity)) + " ")
	if d.Path != "" {
		b.WriteString(d.Path + ": ")
	}
	fmt.Fprintln(w, b.String()+d.Message+" ["+d.Code+"]")
	if line, ok := p.excerpt(d, sources); ok {
		fmt.Fprintf(w, "%5d | %s\n", d.Position.Line, line)
		if d.Position.Column > 0 {
			fmt.Fprintf(w, "      | %s%s\n", padding(line, d.Position.Column), p.paint(carets(line, d.Position.Column), severityColor(d.Severity)))
		}
	}
	for _, r := range d.Related {
		fmt.Fprintf(w, "  see: %s: %s\n", r.Position, r.Note)
	}
	if d.Hint != "" {
		fmt.Fprintf(w, "  %s %s\n", p.paint("hint:", "36"), d.Hint)
	}
}

// excerpt gives the source line, with tabs as single spaces so that the caret
// below it stands in the right column.
func (p Printer) excerpt(d Diagnostic, sources map[string][]string) (string, bool) {
	if d.Source != "" {
		return strings.ReplaceAll(d.Source, "\t", " "), true
	}
	if p.ReadFile == nil || d.Position.File == "" || d.Position.Line == 0 {
		return "", false
	}
	lines, ok := sources[d.Position.File]
	if !ok {
		if text, err := p.ReadFile(d.Position.File); err == nil {
			lines = strings.Split(string(text), "\n")
		}
		sources[d.Position.File] = lines
	}
	if d.Position.Line > len(lines) {
		return "", false
	}
	return cleanLine(strings.TrimRight(strings.ReplaceAll(lines[d.Position.Line-1], "\t", " "), "\r")), true
}

func (p Printer) paint(s, color string) string {
	if !p.Color {
		return s
	}
	return "\x1b[" + color + "m" + s + "\x1b[0m"
}

func severityColor(s Severity) string {
	if s == Warning {
		return "33"
	}
	return "31"
}

// padding gives the blanks before the caret. Columns count characters, as the
// YAML parser does.
func padding(line string, column int) string {
	return strings.Repeat(" ", min(column-1, utf8.RuneCountInString(line)))
}

// carets underlines the word at a column: up to the next blank or delimiter.
func carets(line string, column int) string {
	runes := []rune(line)
	n := 0
	for i := column - 1; i < len(runes) && !strings.ContainsRune(" ,]}", runes[i]); i++ {
		n++
	}
	return strings.Repeat("^", max(n, 1))
}
