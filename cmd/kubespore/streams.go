package main

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"golang.org/x/term"
)

// streams is what a run is connected to.
type streams struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	env            func(string) string
	read           map[string][]byte // texts that are in no file, for excerpts
}

// now is the build's clock: SOURCE_DATE_EPOCH when it is set.
func (s streams) now() (time.Time, error) {
	text := s.env("SOURCE_DATE_EPOCH")
	if text == "" {
		return time.Now().UTC(), nil
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil || seconds < 0 {
		return time.Time{}, &usageError{
			message: fmt.Sprintf("SOURCE_DATE_EPOCH is %q, which is not a number of seconds since 1970", text),
			hint:    "unset it, or set it to the output of: date +%s",
		}
	}
	return time.Unix(seconds, 0).UTC(), nil
}

// color follows no-color.org and the CLICOLOR convention.
func (s streams) color(w io.Writer) bool {
	switch {
	case s.env("NO_COLOR") != "":
		return false
	case s.env("CLICOLOR_FORCE") != "" && s.env("CLICOLOR_FORCE") != "0":
		return true
	case s.env("CLICOLOR") == "0" || s.env("TERM") == "dumb":
		return false
	}
	return isTerminal(w)
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
