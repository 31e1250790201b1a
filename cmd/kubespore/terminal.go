package main

import (
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// color follows no-color.org and the CLICOLOR convention.
func (c *call) color(w io.Writer) bool {
	switch {
	case c.env("NO_COLOR") != "":
		return false
	case c.env("CLICOLOR_FORCE") != "" && c.env("CLICOLOR_FORCE") != "0":
		return true
	case c.env("CLICOLOR") == "0" || c.env("TERM") == "dumb":
		return false
	}
	return isTerminal(w)
}

// watched says whether someone looks at progress.
func (c *call) watched() bool {
	return !c.options.quiet && c.options.format != "json" && isTerminal(c.stderr)
}

// progress gives a function that draws a bar for each stage, or nil where
// no one looks.
func (c *call) progress() func(stage string, done, total int) {
	bars := c.bars(progressbar.OptionShowCount())
	if bars == nil {
		return nil
	}
	return func(stage string, done, total int) { bars(stage, int64(done), int64(total)) }
}

// byteProgress gives a function that draws a bar for each part that is copied
// or read, or nil where no one looks.
func (c *call) byteProgress() func(part string, done, total int64) {
	return c.bars(progressbar.OptionShowBytes(true))
}

// bars draws a bar for one part after the other, with how far it is in the
// given unit.
func (c *call) bars(unit progressbar.Option) func(part string, done, total int64) {
	if !c.watched() {
		return nil
	}
	var bar *progressbar.ProgressBar
	current := ""
	return func(part string, done, total int64) {
		if part != current {
			current = part
			bar = progressbar.NewOptions64(total,
				progressbar.OptionSetWriter(c.stderr),
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
