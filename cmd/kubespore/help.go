package main

import (
	"fmt"
	"io"
	"strings"
)

func runHelp(c *call) int {
	if len(c.args) == 0 {
		overview(c.stdout)
		return exitFine
	}
	words := c.args
	c.command = command{}
	if _, found := c.findCommand(words); !found {
		if subs := subcommands(words[0]); subs != nil && len(words) == 1 {
			c.command.name = words[0]
			overview(c.stdout)
			return exitFine
		}
		return c.misused(c.noCommand(words))
	}
	c.help(c.stdout)
	return exitFine
}

// help explains the command, or the program when there is none.
func (c *call) help(w io.Writer) {
	if c.command.name == "" {
		overview(w)
		return
	}
	fmt.Fprintf(w, "%s\n\nusage: %s\n", c.command.summary, usageLine(c.command))
	if c.command.detail != "" {
		fmt.Fprintf(w, "\n%s\n", c.command.detail)
	}
	fmt.Fprint(w, "\nflags:\n")
	for _, f := range flagsOf(c.command) {
		fmt.Fprintf(w, "  %-20s %s\n", flagForm(f), flagUsage(f))
	}
	fmt.Fprint(w, "\nexamples:\n")
	for _, e := range c.command.examples {
		fmt.Fprintf(w, "  %s\n", e)
	}
}

func overview(w io.Writer) {
	fmt.Fprint(w, `kubespore compiles a topology file into one first-boot document for each machine
of a Kubernetes cluster. Power the machines on, in any order.

usage: kubespore COMMAND [flags] [arguments]

commands:
`)
	width := 0
	for _, c := range commands() {
		width = max(width, len(c.name))
	}
	for _, c := range commands() {
		fmt.Fprintf(w, "  %-*s  %s\n", width, c.name, c.summary)
	}
	fmt.Fprint(w, `
kubespore COMMAND --help explains a command, with examples.

exit codes: 0 fine, 1 mistakes in the input or work that could not be done,
2 a wrong command line.
`)
}

func usageLine(c command) string {
	return strings.TrimSpace("kubespore " + c.name + " [flags] " + c.args)
}

func flagForm(f flag) string {
	form := "    --" + f.name
	if f.short != "" {
		form = "-" + f.short + ", --" + f.name
	}
	if f.value != "" {
		form += " " + f.value
	}
	return form
}

func flagUsage(f flag) string {
	if f.initial != "" {
		return f.usage + " (default: " + f.initial + ")"
	}
	return f.usage
}
