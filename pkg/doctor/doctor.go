package doctor

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
)

// State is something that a machine says of itself.
type State struct {
	Code     string `json:"code"` // stable: never used for another state
	Profile  string `json:"profile"`
	Says     string `json:"says"` // what differs from machine to machine stands in <...>
	Cause    string `json:"cause"`
	Remedy   string `json:"remedy"`
	Topology string `json:"topology,omitempty"` // where the topology decides it
}

// Finding is a state that a text shows.
type Finding struct {
	State
	Line int    `json:"line"` // the first one, from 1
	Text string `json:"text"`
}

// String is what a finding says to the operator, in three lines: the code with the
// line that was read, the cause and the remedy. The program of the machines
// prints the same.
func (f Finding) String() string {
	return fmt.Sprintf("%s: %s\n  cause:  %s\n  remedy: %s\n", f.Code, cmp.Or(f.Text, f.Says), f.Cause, f.Remedy)
}

// States gives all states, in the order of their codes.
func States() []State {
	return slices.Concat(payloadStates(), machineStates(), clusterStates(), kitStates(), unitStates())
}

// Lookup finds a state by its code.
func Lookup(code string) (State, bool) {
	for _, s := range States() {
		if s.Code == code {
			return s, true
		}
	}
	return State{}, false
}

// varying is what differs from machine to machine.
var varying = regexp.MustCompile(`<[^<>]+>`)

// Pattern matches what a state says, anywhere in a line.
func (s State) Pattern() *regexp.Regexp {
	literals := varying.Split(s.Says, -1)
	for i := range literals {
		literals[i] = regexp.QuoteMeta(literals[i])
	}
	return regexp.MustCompile(strings.Join(literals, ".+"))
}

// longest is the longest line that is read.
const longest = 1 << 20

// Read finds the states that a console's or a journal's text shows, each once,
// in the order in which they come.
func Read(text io.Reader) ([]Finding, error) {
	states := States()
	patterns := make([]*regexp.Regexp, len(states))
	for i, s := range states {
		patterns[i] = s.Pattern()
	}
	found := []Finding{}
	lines := bufio.NewScanner(text)
	lines.Buffer(nil, longest)
	for n := 1; lines.Scan(); n++ {
		for i, p := range patterns {
			if p != nil && p.MatchString(lines.Text()) {
				found = append(found, Finding{states[i], n, strings.TrimSpace(lines.Text())})
				patterns[i] = nil
			}
		}
	}
	return found, lines.Err()
}
