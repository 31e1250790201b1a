package docs

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// width is how long a line of prose may be. Tables, blocks and what cannot be
// broken, such as a URL, are longer.
const width = 100

// prosePages are all pages, those of the repository's root too.
func prosePages(t *testing.T) []string {
	t.Helper()
	return append(pages(t), "../../CHANGELOG.md", "../../CONTRIBUTING.md", "../../SECURITY.md")
}

// TestWidth holds the lines of every page to the width; -update wraps them.
func TestWidth(t *testing.T) {
	for _, page := range prosePages(t) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		want := wrap(string(text))
		if want == string(text) {
			continue
		}
		if !*update {
			t.Errorf("%s: its prose is not wrapped at %d columns: make golden", page, width)
		} else if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

var (
	item = regexp.MustCompile(`^\s*(?:[-*+]|[0-9]{1,2}\.) +`)
	// What stands for itself: headings, tables, quotations, comments, links by
	// reference, rules.
	alone = regexp.MustCompile(`^\s*(?:#{1,6} |\||>|<|\[[^\]]+\]: |---+$|===+$)`)
	// A piece of a line that is not broken: words, code, the target of a link.
	piece = regexp.MustCompile("(?:`+[^`]*`+|[^\\s`])+")
	// A word that would be something else at the beginning of a line.
	begins = regexp.MustCompile(`^(?:[-*+>|=]|#+|[0-9]+\.|~~~.*)$`)
)

// wrap fills the lines of paragraphs and of list items up to the width, and leaves
// all else as it is.
func wrap(page string) string {
	var out, paragraph []string
	first, rest := "", "" // how the first line of the paragraph begins, and the others
	flush := func() {
		if paragraph != nil {
			out = append(out, fill(strings.Join(paragraph, " "), first, rest)...)
		}
		paragraph = nil
	}
	inBlock := false
	for _, line := range strings.Split(page, "\n") {
		indented := strings.HasPrefix(line, "    ") && paragraph == nil && !item.MatchString(line)
		switch {
		case fence.MatchString(line):
			flush()
			inBlock = !inBlock
			out = append(out, line)
		case inBlock, strings.TrimSpace(line) == "", indented, alone.MatchString(line):
			flush()
			out = append(out, line)
		case item.MatchString(line):
			flush()
			first = item.FindString(line)
			rest = strings.Repeat(" ", len(first))
			paragraph = []string{strings.TrimPrefix(line, first)}
		case paragraph == nil:
			first = line[:len(line)-len(strings.TrimLeft(line, " "))]
			rest = first
			paragraph = []string{strings.TrimSpace(line)}
		default:
			paragraph = append(paragraph, strings.TrimSpace(line))
		}
	}
	flush()
	return strings.Join(out, "\n")
}

// fill breaks a text into lines.
func fill(text, first, rest string) []string {
	var lines []string
	line, empty := first, true
	for _, word := range piece.FindAllString(text, -1) {
		switch {
		case empty:
			line, empty = line+word, false
		case len([]rune(line))+1+len([]rune(word)) > width && !begins.MatchString(word):
			lines = append(lines, line)
			line = rest + word
		default:
			line += " " + word
		}
	}
	return append(lines, line)
}

// TestWrap shows what wrapping does, and that a second time changes nothing.
func TestWrap(t *testing.T) {
	long := strings.TrimSpace(strings.Repeat("word ", 30))
	code := "`" + long + "`"
	for _, test := range []struct{ in, want string }{
		{"one\ntwo\n\nthree", "one two\n\nthree"},
		{"# " + long + "\n| " + long + "\n```\n" + long + "\n```", "# " + long + "\n| " + long + "\n```\n" + long + "\n```"},
		{"- one\n  two\n- three", "- one two\n- three"},
		{"    " + long, "    " + long},
		{"- " + code + " is kept", "- " + code + "\n  is kept"},
		{strings.Repeat("x", 97) + " - more", strings.Repeat("x", 97) + " -\nmore"},
	} {
		if got := wrap(test.in); got != test.want {
			t.Errorf("%q, want %q", got, test.want)
		}
	}
	for _, line := range strings.Split(wrap(long), "\n") {
		if len(line) > width {
			t.Errorf("%d columns: %s", len(line), line)
		}
	}
	if slices.Contains(strings.Split(wrap(long), "\n"), "") {
		t.Error("an empty line")
	}
}
