package pki

import (
	"path"
	"strings"

	"github.com/kubespore/kubespore/pkg/document"
)

// statesName is the file of a host that says what builds have made of it: the
// states of its documents, the newest last. Kits lead from them to the newest.
const statesName = "states"

// statesKept is how many states of a host are remembered: a machine that missed
// fewer kits than that takes the next one.
const statesKept = 8

const stateHeader = "state "

func statesFile(host string) string { return "hosts/" + host + "/" + statesName }

func isStates(name string) bool {
	return strings.HasPrefix(name, "hosts/") && strings.Count(name, "/") == 2 && path.Base(name) == statesName
}

// States gives what builds have made of a host, the newest last.
func (s *Store) States(host string) ([]document.State, error) {
	text, _, err := s.read(statesFile(host))
	if err != nil {
		return nil, failure(err)
	}
	var out []document.State
	for _, block := range splitStates(string(text)) {
		state, err := document.ParseState(block)
		if err != nil {
			return nil, failure(err)
		}
		out = append(out, state)
	}
	return out, nil
}

// Remember keeps the state of a host's document, from Commit on. A state that
// comes back is the newest again.
func (s *Store) Remember(host string, state document.State) error {
	text, _, err := s.read(statesFile(host))
	if err != nil {
		return failure(err)
	}
	newest := state.String()
	kept := []string{}
	blocks := splitStates(string(text))
	if len(blocks) > 0 && blocks[len(blocks)-1] == newest {
		return nil
	}
	for _, block := range blocks {
		if block != newest {
			kept = append(kept, block)
		}
	}
	kept = append(kept[max(0, len(kept)-statesKept+1):], newest)
	var b strings.Builder
	for _, block := range kept {
		b.WriteString(stateHeader + "\n" + block)
	}
	s.write(statesFile(host), []byte(b.String()))
	return nil
}

func splitStates(text string) []string {
	parts := strings.Split(text, stateHeader+"\n")
	return parts[1:]
}
