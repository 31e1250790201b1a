package report_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// walk visits every element of a page.
func walk(t testing.TB, page []byte, visit func(*html.Node)) {
	t.Helper()
	root, err := html.Parse(bytes.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	for n := range root.Descendants() {
		if n.Type == html.ElementNode {
			visit(n)
		}
	}
}

func attribute(n *html.Node, name string) (string, bool) {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val, true
		}
	}
	return "", false
}

// text gives what stands in an element, blanks joined.
func text(n *html.Node) string {
	var words []string
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			words = append(words, strings.Fields(d.Data)...)
		}
	}
	return strings.Join(words, " ")
}

// checkPage holds a page to what makes it one of its own and readable by all.
func checkPage(t testing.TB, page []byte) {
	t.Helper()
	ids, count := map[string]int{}, map[string]int{}
	var targets []string
	level := 0
	walk(t, page, func(n *html.Node) {
		count[n.Data]++
		if id, has := attribute(n, "id"); has {
			ids[id]++
		}
		for _, name := range []string{"src", "srcset", "data", "action", "poster", "style", "onload", "onclick", "background"} {
			if value, has := attribute(n, name); has {
				t.Errorf("<%s> has %s=%q", n.Data, name, value)
			}
		}
		for _, name := range []string{"href", "xlink:href"} {
			if value, has := attribute(n, name); has {
				target, inside := strings.CutPrefix(value, "#")
				if !inside {
					t.Errorf("<%s> leads out to %s", n.Data, value)
				}
				targets = append(targets, target)
			}
		}
		for _, name := range []string{"aria-labelledby", "aria-describedby", "headers"} {
			value, _ := attribute(n, name)
			targets = append(targets, strings.Fields(value)...)
		}
		switch n.Data {
		case "script", "link", "img", "iframe", "object", "embed", "form", "base":
			t.Errorf("the page has <%s>", n.Data)
		case "table":
			checkTable(t, n)
		case "h1", "h2", "h3":
			if at := int(n.Data[1] - '0'); at > level+1 {
				t.Errorf("%s follows a heading of level %d", n.Data, level)
			} else {
				level = at
			}
		case "svg":
			hidden, _ := attribute(n, "aria-hidden")
			if role, _ := attribute(n, "role"); hidden != "true" && role != "img" {
				t.Error("a drawing is neither hidden nor an image with a name")
			}
		case "style":
			if style := n.FirstChild.Data; strings.Contains(style, "url(") || strings.Contains(style, "@import") {
				t.Error("the style names something outside of the page")
			}
		}
	})
	for _, target := range targets {
		if ids[target] != 1 {
			t.Errorf("%d elements have the id %q, which something names", ids[target], target)
		}
	}
	for _, landmark := range []string{"header", "nav", "main", "footer", "h1", "title"} {
		// A drawing has a title of its own.
		if n := count[landmark]; n != 1 && landmark != "title" || n == 0 {
			t.Errorf("the page has %d <%s>", n, landmark)
		}
	}
	for _, secret := range []string{"PRIVATE KEY", "BEGIN CERTIFICATE", "$6$", "ssh-ed25519", "LS0tLS1CRUdJTi"} {
		if bytes.Contains(page, []byte(secret)) {
			t.Errorf("the page holds %q", secret)
		}
	}
	if bytes.Contains(page, []byte("ZgotmplZ")) {
		t.Error("the template refused a value")
	}
}

// checkTable demands a caption, columns with a scope, and rows that fill them.
func checkTable(t testing.TB, table *html.Node) {
	t.Helper()
	captions, columns := 0, 0
	left := []int{} // rows that a cell of each column still covers
	for n := range table.Descendants() {
		switch n.Data {
		case "caption":
			captions++
		case "th":
			if scope, _ := attribute(n, "scope"); !slices.Contains([]string{"col", "row", "rowgroup"}, scope) {
				t.Errorf("a heading of a table has the scope %q: %s", scope, text(n))
			}
			if text(n) == "" {
				t.Error("a heading of a table is empty")
			}
		}
		if n.Data != "tr" {
			continue
		}
		width := 0
		for i := range left {
			if left[i] > 0 {
				left[i]--
				width++
			}
		}
		for cell := range n.ChildNodes() {
			if cell.Data != "td" && cell.Data != "th" {
				continue
			}
			width += number(cell, "colspan")
			left = append(left, number(cell, "rowspan")-1)
		}
		if columns == 0 {
			columns = width
		}
		if width != columns {
			t.Errorf("a row has %d cells, not %d: %s", width, columns, text(n))
		}
	}
	if captions != 1 {
		t.Errorf("a table has %d captions", captions)
	}
	if box, _ := attribute(table.Parent, "tabindex"); box != "0" {
		t.Error("a table stands in no box that scrolls by keys")
	}
}

func number(n *html.Node, name string) int {
	value, has := attribute(n, name)
	out := 0
	for _, digit := range value {
		out = out*10 + int(digit-'0')
	}
	if !has {
		return 1
	}
	return out
}

// readable writes what a page says: headings, paragraphs, and rows of tables.
func readable(t testing.TB, page []byte) string {
	t.Helper()
	var b strings.Builder
	walk(t, page, func(n *html.Node) {
		switch n.Data {
		case "h1", "h2", "h3":
			b.WriteString("\n" + strings.Repeat("#", int(n.Data[1]-'0')) + " " + text(n) + "\n")
		case "caption":
			b.WriteString("\n[" + text(n) + "]\n")
		case "p", "li", "dt", "dd", "figcaption", "desc":
			b.WriteString(text(n) + "\n")
		case "tr":
			var cells []string
			for cell := range n.ChildNodes() {
				if cell.Type == html.ElementNode {
					cells = append(cells, text(cell))
				}
			}
			b.WriteString(strings.Join(cells, " | ") + "\n")
		}
	})
	return b.String()
}
