package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
)

// screen shows what goes on: one line for each step, with what it is at while
// it lasts when somebody is looking, and how long it took when it is over.
type screen struct {
	out      io.Writer
	terminal bool
	mu       sync.Mutex
	running  string
	started  time.Time
}

func newScreen(f *os.File) *screen {
	info, err := f.Stat()
	return &screen{out: f, terminal: err == nil && info.Mode()&os.ModeCharDevice != 0}
}

const nameWidth = 46

// title begins a part of the run.
func (s *screen) title(text string) { fmt.Fprintf(s.out, "\n== %s\n", text) }

// step runs one step and gives how long it took.
func (s *screen) step(name string, do func() (string, error)) (time.Duration, error) {
	s.mu.Lock()
	s.running, s.started = name, time.Now()
	s.mu.Unlock()
	s.now("")
	note, err := do()
	took := time.Since(s.started)
	if err != nil {
		note = "FAILED"
	}
	s.clearLine()
	fmt.Fprintf(s.out, "   %-*s %7.1f s   %s\n", nameWidth, shorten(name, nameWidth), took.Seconds(), note)
	if err != nil {
		// Here as well as in the closing table, which may be hours away.
		indent(s.out, 6, err.Error())
	}
	return took, err
}

// now shows what the step is at; lines of a file say only what is new.
func (s *screen) now(what string) {
	if !s.terminal {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintf(s.out, "\r\x1b[K   %-*s %7.1f s   %s", nameWidth, shorten(s.running, nameWidth), time.Since(s.started).Seconds(), shorten(what, 90))
}

func (s *screen) clearLine() {
	if s.terminal {
		fmt.Fprint(s.out, "\r\x1b[K")
	}
}

func shorten(text string, width int) string {
	text = strings.ReplaceAll(text, "\n", " ")
	if len(text) > width {
		return text[:width-3] + "..."
	}
	return text
}

// indent writes lines a number of columns to the right.
func indent(w io.Writer, columns int, text string) {
	for line := range strings.Lines(text) {
		fmt.Fprintf(w, "%*s%s\n", columns, "", strings.TrimRight(line, "\n"))
	}
}

// result is one line of the closing table.
type result struct {
	name, summary string
	took          time.Duration
	err           error
	before        time.Time // when it passed, if not in this run
}

// table writes what was run, and the closing line. It gives the counts.
func table(w io.Writer, results []result) (passed, failed int) {
	fmt.Fprintf(w, "\n%-24s %-7s %8s  %s\n", "scenario", "", "took", "what it shows")
	for _, r := range results {
		verdict := "passed"
		if r.err != nil {
			verdict = "FAILED"
			failed++
		} else {
			passed++
		}
		fmt.Fprintf(w, "%-24s %-7s %6.0f s  %s", r.name, verdict, r.took.Seconds(), r.summary)
		if !r.before.IsZero() {
			fmt.Fprintf(w, " (%s)", r.before.Format("2006-01-02 15:04"))
		}
		fmt.Fprintln(w)
		if r.err != nil {
			indent(w, 25, r.err.Error())
		}
	}
	fmt.Fprintf(w, "%d passed, %d failed\n", passed, failed)
	return passed, failed
}
