package report

import (
	"strconv"
	"time"
)

// timelineWidth is how wide a timeline is drawn, in pixels.
const timelineWidth = 250

// Timeline is lives of certificates on one axis of time.
type Timeline struct {
	Width int
	Ticks []Tick
	Marks []Tick // today, renew by, boot by
	Rows  []TimelineRow
}

// Tick is a place on the axis.
type Tick struct {
	X     int
	Label string
	Kind  string
}

// TimelineRow is a certificate with its bar.
type TimelineRow struct {
	Life
	X, Width int
	Renew    int // where it is due
}

// timeline draws lives from the first beginning to the last end.
func timeline(lives []Life, marks []Tick, times []time.Time) Timeline {
	t := Timeline{Width: timelineWidth}
	if len(lives) == 0 {
		return t
	}
	from, until := lives[0].From, lives[0].Until
	for _, l := range lives {
		if l.From.Before(from) {
			from = l.From
		}
		if l.Until.After(until) {
			until = l.Until
		}
	}
	place := func(at time.Time) int {
		return int(int64(timelineWidth-4)*(at.Unix()-from.Unix())/max(1, until.Unix()-from.Unix())) + 2
	}
	step := 1 + (until.Year()-from.Year())/6
	for year := from.Year() + 1; year <= until.Year(); year += step {
		if x := place(time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC)); x < timelineWidth-26 {
			t.Ticks = append(t.Ticks, Tick{X: x, Label: strconv.Itoa(year)})
		}
	}
	for i, m := range marks {
		if at := times[i]; !at.IsZero() && !at.Before(from) && !at.After(until) {
			m.X = place(at)
			t.Marks = append(t.Marks, m)
		}
	}
	for _, l := range lives {
		x := place(l.From)
		t.Rows = append(t.Rows, TimelineRow{Life: l, X: x, Width: max(3, place(l.Until)-x), Renew: place(l.RenewBy)})
	}
	return t
}
