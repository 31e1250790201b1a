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

// watched says whether somebody looks at progress.
func (c *call) watched() bool {
	return !c.options.quiet && c.options.format != "json" && isTerminal(c.stderr)
}

// progress gives a function that draws a bar for each stage, or nil where
// nobody looks.
func (c *call) progress() func(stage string, done, total int) {
	if !c.watched() {
		return nil
	}
	var bar *progressbar.ProgressBar
	current := ""
	return func(stage string, done, total int) {
		if stage != current {
			current = stage
			bar = progressbar.NewOptions(total,
				progressbar.OptionSetWriter(c.stderr),
				progressbar.OptionSetDescription(stage),
				progressbar.OptionSetWidth(30),
				progressbar.OptionShowCount(),
				progressbar.OptionThrottle(100*time.Millisecond),
				progressbar.OptionClearOnFinish())
		}
		// A bar that cannot be drawn is no reason to stop a build.
		_ = bar.Set(done)
	}
}
