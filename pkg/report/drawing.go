package report

import "strings"

// The measures of the picture, in pixels.
const (
	laneLabel  = 160
	boxWidth   = 172
	boxGap     = 12
	boxesInRow = 3
	lineHeight = 16
	lanePad    = 14
	laneGap    = 10
	columnStep = 30
	arrowSpace = 20
)

// Picture is the topology as it is drawn.
type Picture struct {
	Width, Height int
	Lanes         []DrawnLane
	Lines         []DrawnLine
}

// DrawnLane is a band with boxes in it.
type DrawnLane struct {
	Kind, Title, Note string
	Y, Width, Height  int
	Head              []DrawnText // the title, then the note
	Texts             []DrawnText // above the boxes of each place
	Boxes             []DrawnBox
}

// DrawnText is a line of text.
type DrawnText struct {
	X, Y int
	Text string
}

// DrawnBox is a box with its lines of text.
type DrawnBox struct {
	X, Y, Width, Height int
	Title               DrawnText
	Full                string // the title, uncut
	Lines               []DrawnText
	Many                bool
}

// DrawnLine leads from one lane to another, or back into the same.
type DrawnLine struct {
	Number         int
	X, From, To    int // To is the tip
	Badge          int // y of the number
	Loop           bool
	FromLane, Lane string // kind of the first, title of the last
}

// draw lays the picture out: lanes below each other, and a column for each link.
func draw(lanes []Lane, links []Link) Picture {
	left := laneLabel + boxesInRow*(boxWidth+boxGap)
	p := Picture{Width: left + len(links)*columnStep + arrowSpace}
	y := 0
	for _, l := range lanes {
		d := drawLane(l, y)
		d.Width = p.Width
		p.Lanes = append(p.Lanes, d)
		y += d.Height + laneGap
	}
	p.Height = y - laneGap
	for i, link := range links {
		from, to := p.Lanes[link.From], p.Lanes[link.To]
		line := DrawnLine{Number: i + 1, X: left + arrowSpace/2 + i*columnStep + columnStep/2, FromLane: from.Kind, Lane: to.Title, Loop: link.From == link.To}
		switch {
		case line.Loop:
			line.Badge = from.Y + from.Height/2 - 12
			line.From, line.To = line.Badge+10, from.Y+from.Height-10
		case link.From < link.To:
			line.Badge = from.Y + from.Height/2
			line.From, line.To = line.Badge+10, to.Y+to.Height/2
		default:
			line.Badge = from.Y + from.Height/2
			line.From, line.To = line.Badge-10, to.Y+to.Height/2
		}
		p.Lines = append(p.Lines, line)
	}
	return p
}

func drawLane(l Lane, y int) DrawnLane {
	d := DrawnLane{Kind: l.Kind, Title: l.Title, Note: l.Note, Y: y, Head: []DrawnText{{18, y + 31, l.Title}}}
	for i, line := range wrap(l.Note, 20) {
		d.Head = append(d.Head, DrawnText{18, y + 50 + i*lineHeight, line})
	}
	at, next, column := y+lanePad, y+lanePad, 0
	for _, place := range l.Places {
		name := placeName(place)
		small := len(place.Boxes) == 1 && !place.Boxes[0].Wide && len(name) <= 26
		if !small || column == boxesInRow {
			at, column = next, 0
		}
		bottom := d.place(place, name, column, at)
		next = max(next, bottom+boxGap)
		if column++; !small {
			column = boxesInRow
		}
	}
	at = next
	d.Height = max(at-boxGap+lanePad-y, lanePad+d.Head[len(d.Head)-1].Y-y)
	return d
}

// place draws what stands in one place, from a column on, and gives where it ends.
func (d *DrawnLane) place(p Place, name string, column, at int) int {
	if name != "" {
		d.Texts = append(d.Texts, DrawnText{laneLabel + column*(boxWidth+boxGap), at + 10, name})
		at += lineHeight + 4
	}
	lines := 0
	for _, b := range p.Boxes {
		lines = max(lines, len(b.Lines))
	}
	height := (lines+1)*lineHeight + 14
	for i, b := range p.Boxes {
		if i > 0 && i%boxesInRow == 0 {
			at += height + boxGap
		}
		d.Boxes = append(d.Boxes, drawBox(b, laneLabel+(column+i)%boxesInRow*(boxWidth+boxGap), at, height))
	}
	return at + height
}

func drawBox(b Box, x, y, height int) DrawnBox {
	width, most := boxWidth, 22 // characters that fit
	if b.Wide {
		width, most = 2*boxWidth+boxGap, 44
	}
	d := DrawnBox{X: x, Y: y, Width: width, Height: height, Full: b.Title, Many: b.Many, Title: DrawnText{x + 12, y + 21, clip(b.Title, most-1)}}
	for i, line := range b.Lines {
		d.Lines = append(d.Lines, DrawnText{x + 12, y + 21 + (i+1)*lineHeight, clip(line, most)})
	}
	return d
}

func placeName(p Place) string {
	switch {
	case p.Rack == "":
		return p.Network
	case strings.HasPrefix(strings.ToLower(p.Rack), "rack"):
		return p.Network + ", " + p.Rack
	}
	return p.Network + ", rack " + p.Rack
}

// wrap breaks a text at blanks into lines of so many characters.
func wrap(text string, most int) []string {
	var out []string
	for _, word := range strings.Fields(text) {
		if last := len(out) - 1; last >= 0 && len(out[last])+1+len(word) <= most {
			out[last] += " " + word
		} else {
			out = append(out, word)
		}
	}
	return out
}
