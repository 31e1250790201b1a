package docs

import (
	"encoding/xml"
	"flag"
	"fmt"
	"html"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "draw the pictures anew")

// The grid of a picture, in pixels.
const (
	boxWidth, boxHeight = 190, 56
	gapX, gapY          = 60, 34
	margin, heading     = 16, 44
)

// pictureStyle serves light and dark readers.
const pictureStyle = `rect{fill:#eef4fb;stroke:#2c5f94}text{font:14px system-ui,sans-serif;fill:#14283c}` +
	`.head{font-weight:600;font-size:16px}.small{font-size:12px}path{stroke:#2c5f94;fill:none}marker path{fill:#2c5f94}` +
	`@media(prefers-color-scheme:dark){rect{fill:#16283a;stroke:#8ab8e6}text{fill:#e8f0f8}path{stroke:#8ab8e6}marker path{fill:#8ab8e6}}`

// box is one thing of a picture, at a column and a row from 1.
type box struct {
	column, row int
	lines       []string
}

func (b box) corner() (x, y int) {
	return margin + (b.column-1)*(boxWidth+gapX), heading + (b.row-1)*(boxHeight+gapY)
}

// draw makes a picture of its text: `title WORDS`, `box NAME COLUMN ROW LINE | LINE`,
// `arrow NAME NAME`.
func draw(text string) (string, error) {
	boxes := map[string]box{}
	var title, drawn strings.Builder
	width, height := 0, 0
	for number, line := range strings.Split(strings.TrimSpace(text), "\n") {
		words := strings.Fields(line)
		switch {
		case words[0] == "title":
			title.WriteString(strings.TrimPrefix(line, "title "))
		case words[0] == "box" && len(words) > 4:
			b := box{}
			if _, err := fmt.Sscan(words[2]+" "+words[3], &b.column, &b.row); err != nil {
				return "", fmt.Errorf("line %d: %w", number+1, err)
			}
			for _, l := range strings.Split(strings.Join(words[4:], " "), "|") {
				b.lines = append(b.lines, strings.TrimSpace(l))
			}
			boxes[words[1]] = b
			x, y := b.corner()
			width, height = max(width, x+boxWidth+margin), max(height, y+boxHeight+margin)
			fmt.Fprintf(&drawn, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"6\"/>\n", x, y, boxWidth, boxHeight)
			for i, l := range b.lines {
				class, at := "", y+boxHeight/2+5+(2*i-len(b.lines)+1)*10
				if i > 0 {
					class = ` class="small"`
				}
				fmt.Fprintf(&drawn, "<text%s x=\"%d\" y=\"%d\" text-anchor=\"middle\">%s</text>\n", class, x+boxWidth/2, at, html.EscapeString(l))
			}
		case words[0] == "arrow" && len(words) == 3:
			from, known := boxes[words[1]]
			to, knownToo := boxes[words[2]]
			if !known || !knownToo {
				return "", fmt.Errorf("line %d: an arrow of no box", number+1)
			}
			fmt.Fprintf(&drawn, "<path marker-end=\"url(#tip)\" d=\"%s\"/>\n", between(from, to))
		default:
			return "", fmt.Errorf("line %d: %q", number+1, line)
		}
	}
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%[1]d" height="%[2]d" role="img" aria-labelledby="title">
<title id="title">%[3]s</title>
<style>%[4]s</style>
<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto"><path d="M0 0 8 4 0 8z"/></marker></defs>
<text class="head" x="%[5]d" y="26">%[3]s</text>
%[6]s</svg>
`, width, height, html.EscapeString(title.String()), pictureStyle, margin, drawn.String()), nil
}

// between is a straight way from the edge of one box to that of another.
func between(a, b box) string {
	x1, y1 := a.corner()
	x2, y2 := b.corner()
	switch {
	case a.column < b.column:
		return fmt.Sprintf("M%d %d %d %d", x1+boxWidth, y1+boxHeight/2, x2, y2+boxHeight/2)
	case a.column > b.column:
		return fmt.Sprintf("M%d %d %d %d", x1, y1+boxHeight/2, x2+boxWidth, y2+boxHeight/2)
	case a.row < b.row:
		return fmt.Sprintf("M%d %d %d %d", x1+boxWidth/2, y1+boxHeight, x2+boxWidth/2, y2)
	}
	return fmt.Sprintf("M%d %d %d %d", x1+boxWidth/2, y1, x2+boxWidth/2, y2+boxHeight)
}

// TestPictures draws each picture of its text, and finds the page that shows it.
func TestPictures(t *testing.T) {
	texts, err := filepath.Glob("../../docs/pictures/*.txt")
	if err != nil || len(texts) < 4 {
		t.Fatalf("%d pictures: %v", len(texts), err)
	}
	shown := ""
	for _, page := range pages(t) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		shown += string(text)
	}
	for _, name := range texts {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		want, err := draw(string(text))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := xml.Unmarshal([]byte(want), new(struct{})); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		picture := strings.TrimSuffix(name, ".txt") + ".svg"
		if *update {
			write(t, picture, want)
		}
		if got, _ := os.ReadFile(picture); string(got) != want {
			t.Errorf("%s is not what its text says: run this test with -update", picture)
		}
		if !strings.Contains(shown, "pictures/"+filepath.Base(picture)+")") {
			t.Errorf("no page shows %s", picture)
		}
	}
}
