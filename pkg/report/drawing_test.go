package report

import (
	"fmt"
	"testing"
)

// TestDraw holds boxes apart from each other and inside of their band, no matter what
// stands in a place.
func TestDraw(t *testing.T) {
	boxes := func(n int) (out []Box) {
		for i := range n {
			out = append(out, Box{Title: fmt.Sprint("w", i), Lines: []string{"10.0.0.1", "worker"}})
		}
		return out
	}
	lane := Lane{Kind: laneWorker, Title: "Workers", Note: "many machines"}
	for rack, n := range []int{1, 1, 1, 1, 4, 1, 8, 2, 1, 1} {
		lane.Places = append(lane.Places, Place{Network: "10.0.0.0/24", Rack: fmt.Sprint("rack", rack), Boxes: boxes(n)})
	}
	lane.Places = append(lane.Places, Place{Network: "2001:db8:1234:5678::/64, 10.0.0.0/24", Boxes: boxes(1)}, Place{Boxes: []Box{{Title: "wide", Wide: true}}})
	p := draw([]Lane{lane, lane}, []Link{{From: 0, To: 0}, {From: 0, To: 1}, {From: 1, To: 0}})
	if len(p.Lanes) != 2 || len(p.Lanes[0].Boxes) != 23 || len(p.Lines) != 3 {
		t.Fatalf("%d lanes, %d boxes, %d lines", len(p.Lanes), len(p.Lanes[0].Boxes), len(p.Lines))
	}
	for _, l := range p.Lanes {
		for i, a := range l.Boxes {
			if a.Y < l.Y || a.Y+a.Height > l.Y+l.Height || a.X+a.Width > p.Lines[0].X {
				t.Errorf("%s at %d, %d leaves its band", a.Full, a.X, a.Y)
			}
			for _, b := range l.Boxes[:i] {
				if a.X < b.X+b.Width && b.X < a.X+a.Width && a.Y < b.Y+b.Height && b.Y < a.Y+a.Height {
					t.Errorf("%s and %s overlap at %d, %d", a.Full, b.Full, a.X, a.Y)
				}
			}
			for _, text := range l.Texts {
				if text.Y > a.Y && text.Y < a.Y+a.Height && text.X >= a.X && text.X < a.X+a.Width {
					t.Errorf("%s is covered by %s", text.Text, a.Full)
				}
			}
		}
	}
	if a, b := p.Lanes[0], p.Lanes[1]; a.Y+a.Height > b.Y {
		t.Error("the bands overlap")
	}
}
