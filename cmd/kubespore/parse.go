package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/pflag"

	"github.com/kubespore/kubespore/pkg/diag"
)

// usageError is a command line that makes no sense.
type usageError struct {
	message string
	hint    string
}

func (e *usageError) Error() string { return e.message }

// parse finds the command, its flags and its arguments.
func (c *call) parse(args []string) error {
	words, found := c.findCommand(args)
	if !found {
		return c.noCommand(args)
	}
	set := flagSet(c.command, &c.options)
	if err := set.Parse(words); err != nil {
		return c.badFlag(set, err)
	}
	if c.options.help {
		return nil
	}
	if err := checkChoices(c.command, &c.options); err != nil {
		return err
	}
	c.args = set.Args()
	return c.checkArguments()
}

// findCommand takes the command's name off the front of the words. Flags that
// all commands share may stand before it.
func (c *call) findCommand(args []string) ([]string, bool) {
	for i, a := range args {
		if strings.HasPrefix(a, "-") && a != "-" {
			continue
		}
		command, n := findCommand(args[i:])
		if n == 0 {
			return nil, false
		}
		c.command = command
		return append(append([]string{}, args[:i]...), args[i+n:]...), true
	}
	return nil, false
}

// noCommand is what to do when the first word is not a command: help, or an
// error that names the nearest command.
func (c *call) noCommand(args []string) error {
	words := []string{}
	for _, a := range args {
		switch {
		case a == "--help" || a == "-h":
			c.options.help = true
		case a == "--version":
			c.command, _ = findCommand([]string{"version"})
			c.options.format = "text"
			return nil
		case strings.HasPrefix(a, "-") && a != "-":
			if len(words) == 0 {
				return &usageError{message: "unknown flag " + a, hint: "flags stand behind the command: kubespore help"}
			}
		default:
			words = append(words, a)
		}
	}
	if len(words) == 0 && c.options.help {
		return nil
	}
	if len(words) == 0 {
		return &usageError{message: "no command given", hint: "kubespore help lists the commands"}
	}
	if subs := subcommands(words[0]); subs != nil {
		return wrongSubcommand(words, subs)
	}
	return didYouMean("unknown command \""+words[0]+"\"", words[0], commandNames(), "kubespore help lists the commands")
}

func wrongSubcommand(words, subs []string) error {
	choices := strings.Join(subs, " or ")
	if len(words) == 1 {
		return &usageError{message: words[0] + " does nothing by itself", hint: "write kubespore " + words[0] + " " + choices}
	}
	return didYouMean(fmt.Sprintf("unknown command \"%s %s\"", words[0], words[1]), words[1], subs, "write kubespore "+words[0]+" "+choices)
}

func didYouMean(message, word string, candidates []string, otherwise string) error {
	if near := diag.Suggest(word, candidates); near != "" {
		return &usageError{message: message, hint: "did you mean " + near + "?"}
	}
	return &usageError{message: message, hint: otherwise}
}

// badFlag puts pflag's errors into our words.
func (c *call) badFlag(set *pflag.FlagSet, err error) error {
	var unknown *pflag.NotExistError
	if errors.As(err, &unknown) {
		name := unknown.GetSpecifiedName()
		if unknown.GetSpecifiedShortnames() != "" {
			return &usageError{message: "unknown flag -" + name, hint: c.seeHelp()}
		}
		names := []string{}
		set.VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
		if near := diag.Suggest(name, names); near != "" {
			return &usageError{message: "unknown flag --" + name, hint: "did you mean --" + near + "?"}
		}
		return &usageError{message: "unknown flag --" + name, hint: c.seeHelp()}
	}
	var missing *pflag.ValueRequiredError
	if errors.As(err, &missing) {
		return &usageError{message: "--" + missing.GetFlag().Name + " needs a value", hint: c.seeHelp()}
	}
	var invalid *pflag.InvalidValueError
	if errors.As(err, &invalid) {
		return &usageError{message: fmt.Sprintf("--%s takes no value %q", invalid.GetFlag().Name, invalid.GetValue()), hint: c.seeHelp()}
	}
	return &usageError{message: "the flags cannot be read: " + err.Error(), hint: c.seeHelp()}
}

func (c *call) checkArguments() error {
	usage := "usage: " + usageLine(c.command)
	switch n := len(c.args); {
	case n < c.command.min:
		missing := strings.Trim(strings.Fields(c.command.args)[n], "[]")
		return &usageError{message: missing + " is missing", hint: usage}
	case n > c.command.max:
		return &usageError{message: fmt.Sprintf("unexpected argument %q", c.args[c.command.max]), hint: usage}
	}
	return nil
}

func (c *call) seeHelp() string { return "kubespore " + c.command.name + " --help lists the flags" }
