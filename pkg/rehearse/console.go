package rehearse

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"sync"
)

// lines writes what a machine says a line at a time, with its name before each,
// and without what moves cursors and changes colours.
type lines struct {
	name string
	out  io.Writer
	turn *sync.Mutex // shared by all that write to out
	rest []byte      // of a line that has no end yet
}

// longestLine is written even though it has no end.
const longestLine = 4096

var escapes = regexp.MustCompile(`\x1b(?:\[[0-9;?]*[A-Za-z]|[()][A-Z0-9]|[=>78cDEHM])|[\x00-\x08\x0b-\x1f]`)

func (l *lines) Write(p []byte) (int, error) {
	l.rest = append(l.rest, p...)
	for {
		line, after, found := bytes.Cut(l.rest, []byte("\n"))
		if !found {
			break
		}
		l.say(string(line))
		l.rest = after
	}
	if len(l.rest) > longestLine {
		l.flush()
	}
	return len(p), nil
}

// flush writes a line that has no end.
func (l *lines) flush() {
	if len(l.rest) > 0 {
		l.say(string(l.rest))
		l.rest = nil
	}
}

func (l *lines) say(line string) {
	l.turn.Lock()
	defer l.turn.Unlock()
	fmt.Fprintf(l.out, "%s | %s\n", l.name, escapes.ReplaceAllString(line, ""))
}

// tail keeps the end of what a program complains of.
type tail []byte

func (t *tail) Write(p []byte) (int, error) {
	*t = append(*t, p...)
	*t = (*t)[max(0, len(*t)-longestLine):]
	return len(p), nil
}
