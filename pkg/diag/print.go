package diag

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Counted writes how many there are of what a noun says, as in "1 host" and
// "2 hosts".
func Counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}

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
	sources := map[string]*source{}
	for _, d := range Clean(list.Sorted()) {
		p.printOne(w, d, sources)
	}
}

func (p Printer) printOne(w io.Writer, d Diagnostic, sources map[string]*source) {
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
		line, column := window(line, d.Position.Column)
		fmt.Fprintf(w, "%5d | %s\n", d.Position.Line, line)
		if column > 0 {
			fmt.Fprintf(w, "      | %s%s\n", padding(line, column), p.paint(carets(line, column), severityColor(d.Severity)))
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
func (p Printer) excerpt(d Diagnostic, sources map[string]*source) (string, bool) {
	if d.Source != "" {
		return strings.ReplaceAll(d.Source, "\t", " "), true
	}
	if p.ReadFile == nil || d.Position.File == "" || d.Position.Line == 0 {
		return "", false
	}
	s, ok := sources[d.Position.File]
	if !ok {
		s = &source{clean: map[int]string{}}
		if text, err := p.ReadFile(d.Position.File); err == nil {
			s.lines = strings.Split(string(text), "\n")
		}
		sources[d.Position.File] = s
	}
	if d.Position.Line > len(s.lines) {
		return "", false
	}
	line, ok := s.clean[d.Position.Line]
	if !ok { // once: a thousand mistakes may stand in one line of a megabyte
		line = cleanLine(strings.TrimRight(strings.ReplaceAll(s.lines[d.Position.Line-1], "\t", " "), "\r"))
		s.clean[d.Position.Line] = line
	}
	return line, true
}

// source is a file that excerpts are taken from.
type source struct {
	lines []string
	clean map[int]string // by number: lines without secrets
}

// widest is how many characters of a line are shown, and lead how many of them
// stand before the mistake.
const widest, lead = 240, 80

// window cuts a long line around a column, and gives the column in what is left.
func window(line string, column int) (string, int) {
	if len(line) <= widest {
		return line, column
	}
	runes := []rune(line)
	from := min(max(column-1-lead, 0), len(runes))
	to := min(from+widest, len(runes))
	cut := string(runes[from:to])
	if to < len(runes) {
		cut += "…"
	}
	if from > 0 {
		return "…" + cut, column - from + 1
	}
	return cut, column
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
