package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/kubespore/kubespore/pkg/await"
	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/input"
	"github.com/kubespore/kubespore/pkg/topology"
)

// waitCommand is the row of the command table for those who watch.
func waitCommand() command {
	return command{
		name: "wait", group: mediaGroup, args: "TOPOLOGY", min: 1, max: 1, run: runWait, results: []any{waitResult{}},
		summary: "watch the cluster form, until every Node is ready",
		detail: `Asks the API server, with the admin.conf of the last build, until each machine that
runs a kubelet has a Node that is ready, and says what is still missing. Machines
do not need it: it only looks. --timeout ends it with exit code 1.`,
		examples: []string{"kubespore wait prod.yaml", "kubespore wait --timeout 30m --build /srv/prod prod.yaml"},
		flags:    append([]string{"build", "host", "timeout"}, loading...),
	}
}

// waitInterval is how often the API server is asked.
const waitInterval = 2 * time.Second

type waitResult struct {
	Nodes []string `json:"nodes"`
}

func runWait(c *call) int {
	limit, err := time.ParseDuration(c.options.timeout)
	if err != nil || limit <= 0 {
		return c.answer.misused(&usageError{message: fmt.Sprintf("--timeout: %q is not a time", c.options.timeout), hint: "write --timeout 20m"})
	}
	project, list := c.work.load()
	if list.HasErrors() {
		return c.answer.finish(list, nil, nil)
	}
	file := filepath.Join(c.options.build, "admin.conf")
	text, err := input.ReadFile(file)
	if err != nil {
		return c.answer.finish(append(list, cannotRead(file, err)...), nil, nil)
	}
	cluster, err := await.Open(text)
	if err != nil {
		list.Errorf("O101", diag.Position{File: file}, "", "%v", err)
		return c.answer.finish(list, nil, nil)
	}
	names := kubelets(project.Topology, c.options.hosts)
	ctx, cancel := context.WithTimeout(c.ctx, limit)
	defer cancel()
	state, err := cluster.Until(ctx, names, waitInterval, func(s await.State) { printState(c, s, names) })
	if err != nil {
		d := list.Errorf("O124", diag.Position{}, "", "the cluster is not ready: %s", stillMissing(state, names))
		d.WithHint("the console of a machine says what it waits for")
	}
	return c.answer.finish(list, waitResult{names}, func(w io.Writer) { fmt.Fprintf(w, "ready: %s\n", diag.Counted(len(names), "Node")) })
}

// kubelets gives the hosts that have a Node: all of them, or those that are named.
func kubelets(t *topology.Topology, named []string) []string {
	var out []string
	for _, h := range t.Hosts {
		if (h.HasRole("control-plane") || h.HasRole("worker")) && (len(named) == 0 || slices.Contains(named, h.Name)) {
			out = append(out, h.Name)
		}
	}
	return out
}

func printState(c *call, s await.State, names []string) {
	if !c.options.quiet {
		fmt.Fprintln(c.stderr, stillMissing(s, names))
	}
}

// mostMissing is how many machines are named at a time.
const mostMissing = 5

// stillMissing says in one line how far the cluster is.
func stillMissing(s await.State, names []string) string {
	if s.Problem != "" {
		return "the API server does not answer: " + s.Problem
	}
	missing := s.Missing(names)
	var parts []string
	for _, name := range missing[:min(len(missing), mostMissing)] {
		lack, registered := s.Nodes[name]
		if !registered {
			lack = "no Node yet"
		}
		parts = append(parts, name+" ("+lack+")")
	}
	if more := len(missing) - len(parts); more > 0 {
		parts = append(parts, fmt.Sprintf("%d more", more))
	}
	text := fmt.Sprintf("%d of %s ready", len(names)-len(missing), diag.Counted(len(names), "Node"))
	if len(parts) > 0 {
		text += "; waiting for " + strings.Join(parts, ", ")
	}
	return text
}
