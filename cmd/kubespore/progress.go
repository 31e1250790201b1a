package main

import (
	"io"
	"time"

	"github.com/schollz/progressbar/v3"
)

// bars draws how far a run is, where someone looks.
type bars struct {
	out     io.Writer
	options *answerOptions
}

// watched says whether someone looks at progress.
func (b *bars) watched() bool {
	return !b.options.quiet && b.options.format != "json" && isTerminal(b.out)
}

// counted gives a function that draws a bar for each stage, or nil where
// no one looks.
func (b *bars) counted() func(stage string, done, total int) {
	draw := b.draw(progressbar.OptionShowCount())
	if draw == nil {
		return nil
	}
	return func(stage string, done, total int) { draw(stage, int64(done), int64(total)) }
}

// bytes gives a function that draws a bar for each part that is copied
// or read, or nil where no one looks.
func (b *bars) bytes() func(part string, done, total int64) {
	return b.draw(progressbar.OptionShowBytes(true))
}

func (b *bars) of(name string) func(done, total int) {
	draw := b.counted()
	if draw == nil {
		return nil
	}
	return func(done, total int) { draw(name, done, total) }
}

// draw draws a bar for one part after the other, with how far it is in the
// given unit.
func (b *bars) draw(unit progressbar.Option) func(part string, done, total int64) {
	if !b.watched() {
		return nil
	}
	var bar *progressbar.ProgressBar
	current := ""
	return func(part string, done, total int64) {
		if part != current {
			current = part
			bar = progressbar.NewOptions64(total,
				progressbar.OptionSetWriter(b.out),
				progressbar.OptionSetDescription(part),
				progressbar.OptionSetWidth(30),
				unit,
				progressbar.OptionThrottle(100*time.Millisecond),
				progressbar.OptionClearOnFinish())
		}
		// A bar that cannot be drawn does not stop the command.
		_ = bar.Set64(done)
	}
}
