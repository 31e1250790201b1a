package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/kubespore/kubespore/pkg/diag"
)

// usageError is a command line that makes no sense.
type usageError struct {
	message string
	hint    string
}

func (e *usageError) Error() string { return e.message }

func didYouMean(message, name string, candidates []string, otherwise string) error {
	if near := diag.Suggest(name, candidates); near != "" {
		return &usageError{message: message, hint: "did you mean " + near + "?"}
	}
	return &usageError{message: message, hint: otherwise}
}

// noCommand is what a command that only leads to others has to say.
func noCommand(cmd *cobra.Command, args []string) error {
	command := strings.TrimSpace(strings.TrimPrefix(cmd.CommandPath(), cmd.Root().Name()))
	var names []string
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			names = append(names, sub.Name())
		}
	}
	otherwise := "kubespore help lists the commands"
	if command != "" {
		otherwise = "write kubespore " + command + " " + strings.Join(names, " or ")
	}
	switch {
	case len(args) > 0:
		return didYouMean(fmt.Sprintf("unknown command %q", strings.TrimSpace(command+" "+args[0])), args[0], names, otherwise)
	case command == "":
		return &usageError{message: "no command given", hint: otherwise}
	}
	return &usageError{message: command + " does nothing by itself", hint: otherwise}
}

// badFlag puts pflag's errors into our words.
func badFlag(cmd *cobra.Command, err error) error {
	seeHelp := cmd.CommandPath() + " --help lists the flags"
	var unknown *pflag.NotExistError
	if errors.As(err, &unknown) {
		name := unknown.GetSpecifiedName()
		if name == "o" && cmd.Flags().Lookup("build") != nil {
			return &usageError{message: "-o is the folder that a command writes, and " + cmd.CommandPath() + " only reads", hint: "the build that it reads is --build DIR"}
		}
		if unknown.GetSpecifiedShortnames() != "" {
			return &usageError{message: "unknown flag -" + name, hint: seeHelp}
		}
		names := []string{}
		cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
		if near := diag.Suggest(name, names); near != "" {
			return &usageError{message: "unknown flag --" + name, hint: "did you mean --" + near + "?"}
		}
		if !cmd.HasParent() {
			seeHelp = "flags stand behind the command: kubespore help"
		}
		return &usageError{message: "unknown flag --" + name, hint: seeHelp}
	}
	var missing *pflag.ValueRequiredError
	if errors.As(err, &missing) {
		return &usageError{message: "--" + missing.GetFlag().Name + " needs a value", hint: seeHelp}
	}
	var invalid *pflag.InvalidValueError
	if errors.As(err, &invalid) {
		return &usageError{message: fmt.Sprintf("--%s takes no value %q", invalid.GetFlag().Name, invalid.GetValue()), hint: seeHelp}
	}
	return &usageError{message: "the flags cannot be read: " + err.Error(), hint: seeHelp}
}

// checkArguments refuses too few and too many.
func (row command) checkArguments(cmd *cobra.Command, args []string) error {
	usage := "usage: " + cmd.UseLine()
	switch n := len(args); {
	case n < row.min:
		return &usageError{message: row.argument(n) + " is missing", hint: usage}
	case row.max >= 0 && n > row.max:
		return &usageError{message: fmt.Sprintf("unexpected argument %q", args[row.max]), hint: usage}
	}
	return nil
}

// argument gives the n-th name in a command's usage line; of a list, the last.
func (row command) argument(n int) string {
	names := strings.Fields(row.args)
	return strings.Trim(names[min(n, len(names)-1)], "[].")
}

// printUsage is the part of help that cobra makes of a command: how it is
// called, what is below it, its flags and examples.
func printUsage(cmd *cobra.Command) error {
	w := cmd.OutOrStderr()
	fmt.Fprintf(w, "usage: %s\n", cmd.UseLine())
	if len(cmd.Aliases) > 0 {
		fmt.Fprintf(w, "also called: %s\n", strings.Join(cmd.Aliases, ", "))
	}
	if cmd.HasSubCommands() {
		printCommands(w, cmd)
	}
	printFlags(w, "flags", cmd.LocalFlags())
	printFlags(w, "flags of every command", cmd.InheritedFlags())
	if cmd.Example != "" {
		fmt.Fprintf(w, "\nexamples:\n  %s\n", strings.ReplaceAll(cmd.Example, "\n", "\n  "))
	}
	if cmd.HasSubCommands() {
		fmt.Fprintf(w, "\n%s COMMAND --help explains a command, with examples.\n", cmd.CommandPath())
	}
	return nil
}

// printCommands lists what is below a command, by groups where there are some.
func printCommands(w io.Writer, cmd *cobra.Command) {
	groups := cmd.Groups()
	if len(groups) == 0 {
		groups = []*cobra.Group{{Title: "commands:"}}
	}
	for _, group := range groups {
		fmt.Fprintf(w, "\n%s\n", group.Title)
		for _, sub := range cmd.Commands() {
			if sub.GroupID == group.ID && (sub.IsAvailableCommand() || sub.Name() == "help") {
				fmt.Fprintf(w, "  %-*s  %s\n", sub.NamePadding(), sub.Name(), sub.Short)
			}
		}
	}
}

func printFlags(w io.Writer, title string, set *pflag.FlagSet) {
	if !set.HasAvailableFlags() {
		return
	}
	width := 0
	set.VisitAll(func(f *pflag.Flag) { width = max(width, len(flagNames(f))) })
	fmt.Fprintf(w, "\n%s:\n", title)
	set.VisitAll(func(f *pflag.Flag) {
		fmt.Fprintf(w, "  %-*s  %s\n", width, flagNames(f), flagUsage(f))
	})
}

func flagNames(f *pflag.Flag) string {
	names := "    --" + f.Name
	if f.Shorthand != "" {
		names = "-" + f.Shorthand + ", --" + f.Name
	}
	return strings.TrimRight(names+" "+annotation(f, valueName), " ")
}

func flagUsage(f *pflag.Flag) string {
	usage := f.Usage
	if value := annotation(f, valueName); value != "" && f.Value.Type() == "string" && f.DefValue != "" {
		usage += " (default: " + f.DefValue + ")"
	}
	if variable := annotation(f, environmentName); variable != "" {
		usage += " [$" + variable + "]"
	}
	return usage
}

func annotation(f *pflag.Flag, name string) string {
	return strings.Join(f.Annotations[name], "")
}
