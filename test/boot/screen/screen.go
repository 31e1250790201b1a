// Package screen prints what the lab does, one line a step, and the final table.
package screen

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
)

// Screen shows what goes on: one line for each step, with what it is at while
// it lasts when someone is looking, and how long it took when it is over.
type Screen struct {
	out      io.Writer
	terminal bool
	mu       sync.Mutex
	running  string
	started  time.Time
}

// New prints to a file; on a terminal, the line of the running step changes.
func New(f *os.File) *Screen {
	info, err := f.Stat()
	return &Screen{out: f, terminal: err == nil && info.Mode()&os.ModeCharDevice != 0}
}

const nameWidth = 46

// Title begins a part of the run.
func (s *Screen) Title(text string) { fmt.Fprintf(s.out, "\n== %s\n", text) }

// Step runs one step and gives how long it took.
func (s *Screen) Step(name string, do func() (string, error)) (time.Duration, error) {
	s.mu.Lock()
	s.running, s.started = name, time.Now()
	s.mu.Unlock()
	s.Now("")
	note, err := do()
	took := time.Since(s.started)
	if err != nil {
		note = "FAILED"
	}
	s.clearLine()
	fmt.Fprintf(s.out, "   %-*s %7.1f s   %s\n", nameWidth, Shorten(name, nameWidth), took.Seconds(), note)
	if err != nil {
		// Here as well as in the closing table, which may be hours away.
		indent(s.out, 6, err.Error())
	}
	return took, err
}

// Now shows what the step is at; lines of a file say only what is new.
func (s *Screen) Now(what string) {
	if !s.terminal {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintf(s.out, "\r\x1b[K   %-*s %7.1f s   %s", nameWidth, Shorten(s.running, nameWidth), time.Since(s.started).Seconds(), Shorten(what, 90))
}

func (s *Screen) clearLine() {
	if s.terminal {
		fmt.Fprint(s.out, "\r\x1b[K")
	}
}

// Shorten makes one line of a text, of a width.
func Shorten(text string, width int) string {
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

// Result is one line of the closing table.
type Result struct {
	Name, Summary string
	Took          time.Duration
	Err           error
	Before        time.Time // when it passed, if not in this run
}

// Table writes what was run, and the closing line. It gives the counts.
func Table(w io.Writer, results []Result) (passed, failed int) {
	fmt.Fprintf(w, "\n%-24s %-7s %8s  %s\n", "scenario", "", "took", "what it shows")
	for _, r := range results {
		verdict := "passed"
		if r.Err != nil {
			verdict = "FAILED"
			failed++
		} else {
			passed++
		}
		fmt.Fprintf(w, "%-24s %-7s %6.0f s  %s", r.Name, verdict, r.Took.Seconds(), r.Summary)
		if !r.Before.IsZero() {
			fmt.Fprintf(w, " (%s)", r.Before.Format("2006-01-02 15:04"))
		}
		fmt.Fprintln(w)
		if r.Err != nil {
			indent(w, 25, r.Err.Error())
		}
	}
	fmt.Fprintf(w, "%d passed, %d failed\n", passed, failed)
	return passed, failed
}
