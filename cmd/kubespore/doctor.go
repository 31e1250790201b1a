package main

import (
	"bytes"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"go.yaml.in/yaml/v3"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/doctor"
	"github.com/kubespore/kubespore/pkg/input"
	"github.com/kubespore/kubespore/pkg/yamlfile"
)

func doctorCommand() command {
	return command{
		name: "doctor", group: mediaGroup, args: "[CODE|FILE|FOLDER [TOPOLOGY]]", max: 2, run: runDoctor,
		summary: "say what a machine's console or journal means, and what to do",
		detail: `Reads what was copied from a machine: its console, the output of journalctl, or -
for standard input. A folder is the mounted disk of a machine: the last report of
its console is read from there. With a code that state alone, and without anything
all of them. With a topology it names the line that decides. Needs no network.`,
		examples: []string{"kubespore doctor console.log", "journalctl -b | kubespore doctor - prod.yaml", "kubespore doctor D204", "kubespore doctor /mnt"},
		flags:    []string{"format"},
		results:  []any{[]doctor.State{}, []diagnosis{}},
	}
}

// lastReport is where a machine keeps what its console said last.
const lastReport = "etc/issue.d/kubespore.issue"

// diagnosis is a state of a machine, and the line of the topology that decides it.
type diagnosis struct {
	doctor.Finding
	At string `json:"at,omitempty"`
}

func runDoctor(c *call) int {
	if len(c.args) == 0 {
		return c.answer.finish(nil, doctor.States(), printStates)
	}
	what := c.args[0]
	var found []doctor.Finding
	if codeRule.MatchString(what) {
		state, ok := doctor.Lookup(what)
		if !ok {
			return c.answer.misused(didYouMean("unknown code "+what, what, stateCodes(), "kubespore doctor lists them; kubespore explain has the codes of diagnostics"))
		}
		found = []doctor.Finding{{State: state}}
	} else {
		text, err := machineText(c.stdin, what)
		if err == nil {
			found, err = doctor.Read(bytes.NewReader(text))
		}
		if err != nil {
			return c.answer.finish(cannotRead(what, err), nil, nil)
		}
	}
	var topology *yaml.Node
	var list diag.List
	if len(c.args) > 1 {
		if topology, list = readNode(c.args[1]); list.HasErrors() {
			return c.answer.finish(list, nil, nil)
		}
	}
	result := []diagnosis{}
	for _, f := range found {
		d := diagnosis{Finding: f}
		if n := decides(topology, f.Topology); n != nil {
			d.At = diag.Position{File: c.args[1], Line: n.Line, Column: n.Column}.String()
		}
		result = append(result, d)
	}
	return c.answer.finish(nil, result, func(w io.Writer) { printDiagnoses(w, result) })
}

func machineText(stdin io.Reader, name string) ([]byte, error) {
	if name == "-" {
		return input.ReadAll(stdin)
	}
	if isFolder(name) {
		name = filepath.Join(name, lastReport)
	}
	return input.ReadFile(name)
}

func readNode(name string) (*yaml.Node, diag.List) {
	text, err := input.ReadFile(name)
	if err != nil {
		return nil, cannotRead(name, err)
	}
	node, fault := yamlfile.One(name, text)
	if fault != nil {
		var list diag.List
		list.Errorf("O101", fault.At, "", "%s", fault.Message)
		return nil, list
	}
	return node, nil
}

// decides finds the innermost part of a path that a topology has.
func decides(topology *yaml.Node, path string) *yaml.Node {
	if topology == nil || path == "" {
		return nil
	}
	var last *yaml.Node
	for _, key := range strings.Split(path, ".") {
		if topology = yamlfile.Value(topology, key); topology == nil {
			break
		}
		last = topology
	}
	return last
}

func stateCodes() []string {
	var out []string
	for _, s := range doctor.States() {
		out = append(out, s.Code)
	}
	return out
}

func printStates(w io.Writer) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, s := range doctor.States() {
		fmt.Fprintf(t, "%s\t%s\t%s\n", s.Code, s.Profile, s.Says)
	}
	_ = t.Flush()
}

func printDiagnoses(w io.Writer, found []diagnosis) {
	if len(found) == 0 {
		fmt.Fprintln(w, "nothing in it is a state that kubespore knows")
	}
	for i, d := range found {
		if i > 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprint(w, d.Finding)
		if d.At != "" {
			fmt.Fprintf(w, "  decided at %s (%s)\n", d.At, d.Topology)
		}
	}
}
