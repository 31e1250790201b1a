package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/kubespore/kubespore/pkg/topology"
)

// completeArgument gives what may stand at the place of a command's next
// argument, by its name in the usage line.
func completeArgument(c *call, row command) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if row.max >= 0 && len(args) >= row.max {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		switch name := row.argument(len(args)); {
		case name == "HOST":
			return hostNames(c, args), cobra.ShellCompDirectiveNoFileComp
		case name == "PATH":
			return nil, cobra.ShellCompDirectiveNoFileComp
		case strings.HasPrefix(name, "TOPOLOGY") && !strings.Contains(name, "|BUILD"):
			return []cobra.Completion{"yaml", "yml"}, cobra.ShellCompDirectiveFilterFileExt
		}
		return nil, cobra.ShellCompDirectiveDefault
	}
}

// completeFlag registers what may stand behind a flag.
func completeFlag(c *call, cmd *cobra.Command, f flag) {
	complete := func(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		switch {
		case f.name == "template":
			return topology.Templates(), cobra.ShellCompDirectiveNoFileComp
		case f.name == "host":
			return hostNames(c, args), cobra.ShellCompDirectiveNoFileComp
		case f.choices != nil:
			return f.choices, cobra.ShellCompDirectiveNoFileComp
		case f.value == "DIR":
			return nil, cobra.ShellCompDirectiveFilterDirs
		case f.value == "FILE" || f.value == "SOURCE" || f.value == "DEVICE":
			return nil, cobra.ShellCompDirectiveDefault
		}
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	// The only error is a flag that was registered twice, which a test of the table would see.
	_ = cmd.RegisterFlagCompletionFunc(f.name, complete)
}

// hostNames gives the hosts of the topology that the first argument names, as
// far as it can be read, with what each is.
func hostNames(c *call, args []string) []cobra.Completion {
	if len(args) == 0 || args[0] == "-" {
		return nil
	}
	project, _ := c.work.of(args[0]).load()
	if project == nil || project.Topology == nil {
		return nil
	}
	var names []cobra.Completion
	for _, h := range project.Topology.Hosts {
		names = append(names, cobra.CompletionWithDesc(h.Name, roles(h.Roles)))
	}
	return names
}
