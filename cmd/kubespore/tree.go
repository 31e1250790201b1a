package main

import (
	"strings"

	"github.com/spf13/cobra"
)

// commandTree makes cobra's commands of the table. What a command line says goes into
// the call.
func commandTree(c *call) *cobra.Command {
	root := &cobra.Command{
		Use:   "kubespore COMMAND [flags] [arguments]",
		Short: "an offline compiler for Kubernetes clusters",
		Long: `kubespore compiles a topology file into one first-boot document for each machine
of a Kubernetes cluster. Power the machines on, in any order.

Exit codes: 0 fine, 1 mistakes in the input or work that could not be done,
2 a wrong command line, 3 something changes (diff --exit-code).`,
		Version:       programVersion(),
		Args:          cobra.ArbitraryArgs,
		RunE:          noCommand,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetFlagErrorFunc(badFlag)
	root.SetUsageFunc(printUsage)
	root.SetHelpCommand(helpCommand())
	for _, title := range []string{topologyGroup, keysGroup, payloadGroup, mediaGroup, programGroup} {
		root.AddGroup(&cobra.Group{ID: title, Title: title})
	}
	root.SetHelpCommandGroupID(programGroup)
	root.SetCompletionCommandGroupID(programGroup)
	for _, f := range flagsOf(everywhere) {
		f.bindTo(root.PersistentFlags(), &c.options)
	}
	above := map[string]*cobra.Command{}
	for _, p := range parents() {
		above[p.name] = &cobra.Command{Use: p.name, Short: p.summary, GroupID: p.group, Args: cobra.ArbitraryArgs, RunE: noCommand}
		root.AddCommand(above[p.name])
	}
	for _, row := range commands() {
		leaf := leaf(c, row)
		if parent, _, two := strings.Cut(row.name, " "); two {
			above[parent].AddCommand(leaf)
			continue
		}
		leaf.GroupID = row.group
		root.AddCommand(leaf)
	}
	return root
}

// leaf makes cobra's command of one row.
func leaf(c *call, row command) *cobra.Command {
	words := strings.Fields(row.name)
	leaf := &cobra.Command{
		Use:               strings.TrimSpace(words[len(words)-1] + " [flags] " + row.args),
		Aliases:           row.aliases,
		Hidden:            row.hidden,
		Short:             row.summary,
		Long:              strings.TrimSpace(row.summary + "\n\n" + row.detail),
		Example:           strings.Join(row.examples, "\n"),
		Args:              row.checkArguments,
		ValidArgsFunction: completeArgument(c, row),
	}
	flags := flagsOf(row.flags)
	leaf.Flags().SetNormalizeFunc(today(flags))
	for _, f := range flags {
		f.bindTo(leaf.Flags(), &c.options)
		completeFlag(c, leaf, f)
	}
	leaf.RunE = func(cmd *cobra.Command, args []string) error {
		for _, f := range flags {
			if err := f.settle(cmd.Flags(), &c.options, c.env); err != nil {
				return err
			}
		}
		c.begin(row, args)
		c.code = row.run(c)
		return nil
	}
	return leaf
}

// helpCommand is cobra's, but for a mistyped name: that is an error.
func helpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "explain a command",
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
			var names []cobra.Completion
			if at, left, err := cmd.Root().Find(args); err == nil && len(left) == 0 {
				for _, sub := range at.Commands() {
					if sub.IsAvailableCommand() {
						names = append(names, cobra.CompletionWithDesc(sub.Name(), sub.Short))
					}
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			at, left, err := cmd.Root().Find(args)
			if err != nil || len(left) > 0 && at.HasSubCommands() {
				return noCommand(at, left)
			}
			at.InitDefaultHelpFlag()
			return at.Help()
		},
	}
}
