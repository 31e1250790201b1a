package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/kubespore/kubespore/pkg/topology"
)

// shell is a shell that we complete for.
type shell struct {
	name  string
	write func(io.Writer)
}

func shells() []shell {
	return []shell{{"bash", bashCompletion}, {"fish", fishCompletion}, {"zsh", zshCompletion}}
}

func runCompletion(c *call) int {
	names := []string{}
	for _, s := range shells() {
		if s.name == c.args[0] {
			s.write(c.stdout)
			return exitFine
		}
		names = append(names, s.name)
	}
	return c.misused(didYouMean(fmt.Sprintf("unknown shell %q", c.args[0]), c.args[0], names, "write "+strings.Join(names, ", ")))
}

// choicesOf gives the words that may follow a flag.
func choicesOf(f flag) []string {
	if f.name == "template" {
		return topology.Templates()
	}
	return f.choices
}

// firstWords gives the command names and the summary of each; a group such as
// pki has the summaries of its commands.
func firstWords() [][2]string {
	var out [][2]string
	for _, name := range commandNames() {
		summary := strings.Join(subcommands(name), ", ")
		if i := slices.IndexFunc(commands(), func(c command) bool { return c.name == name }); i >= 0 {
			summary = commands()[i].summary
		}
		out = append(out, [2]string{name, summary})
	}
	return out
}

// completionWords gives what may stand behind a command: second words, shells, commands.
func completionWords(name string) []string {
	switch {
	case subcommands(name) != nil:
		return subcommands(name)
	case name == "completion":
		return []string{"bash", "fish", "zsh"}
	case name == "help":
		return commandNames()
	}
	return nil
}

func longFlags(c command) []string {
	var out []string
	for _, f := range flagsOf(c) {
		out = append(out, "--"+f.name)
	}
	return out
}

func bashCompletion(w io.Writer) {
	fmt.Fprint(w, `# bash completion for kubespore
_kubespore() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}
    COMPREPLY=()
    case $before in
`)
	for _, f := range flagTable() {
		switch {
		case f.value == "DIR":
			fmt.Fprintf(w, "    %s) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- \"$word\"); return ;;\n", flagPattern(f))
		case choicesOf(f) != nil:
			fmt.Fprintf(w, "    %s) mapfile -t COMPREPLY < <(compgen -W %q -- \"$word\"); return ;;\n", flagPattern(f), strings.Join(choicesOf(f), " "))
		}
	}
	fmt.Fprintf(w, `    esac
    if ((COMP_CWORD == 1)); then
        mapfile -t COMPREPLY < <(compgen -W %q -- "$word")
        return
    fi
    local flags="" words=""
    case "${COMP_WORDS[1]} ${COMP_WORDS[2]}" in
`, strings.Join(commandNames(), " "))
	for _, c := range commands() {
		fmt.Fprintf(w, "    %q*) flags=%q ;;\n", c.name+" ", strings.Join(longFlags(c), " "))
	}
	fmt.Fprint(w, "    esac\n    ((COMP_CWORD == 2)) && case ${COMP_WORDS[1]} in\n")
	for _, name := range commandNames() {
		if completionWords(name) != nil {
			fmt.Fprintf(w, "    %s) words=%q ;;\n", name, strings.Join(completionWords(name), " "))
		}
	}
	fmt.Fprint(w, `    esac
    if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$flags" -- "$word")
    elif [[ -n $words ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
    else
        compopt -o filenames
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
    fi
}
complete -F _kubespore kubespore
`)
}

func flagPattern(f flag) string {
	if f.short != "" {
		return "-" + f.short + "|--" + f.name
	}
	return "--" + f.name
}

func zshCompletion(w io.Writer) {
	fmt.Fprint(w, "#compdef kubespore\n_kubespore() {\n  if ((CURRENT == 2)); then\n    local -a commands=(\n")
	for _, c := range firstWords() {
		fmt.Fprintf(w, "      %s\n", quoteShell(c[0]+":"+c[1]))
	}
	fmt.Fprint(w, "    )\n    _describe command commands\n    return\n  fi\n  case \"$words[2] $words[3] \" in\n")
	for _, c := range commands() {
		fmt.Fprintf(w, "  (%s*)\n    _arguments -s \\\n", quoteShell(c.name+" "))
		for _, f := range flagsOf(c) {
			fmt.Fprintf(w, "      %s \\\n", zshFlag(f))
		}
		fmt.Fprintf(w, "      %s ;;\n", zshArguments(c))
	}
	for _, name := range commandNames() {
		if subcommands(name) != nil {
			fmt.Fprintf(w, "  (%s*) compadd -- %s ;;\n", quoteShell(name+" "), strings.Join(subcommands(name), " "))
		}
	}
	fmt.Fprint(w, "  esac\n}\n_kubespore \"$@\"\n")
}

func zshFlag(f flag) string {
	about := "[" + f.usage + "]"
	switch {
	case f.value == "DIR":
		about += ":folder:_files -/"
	case choicesOf(f) != nil:
		about += ":" + f.name + ":(" + strings.Join(choicesOf(f), " ") + ")"
	case f.value != "":
		about += ":" + strings.ToLower(f.value) + ":"
	}
	repeat := ""
	if _, many := f.bind(&options{}).(*[]string); many {
		repeat = "*"
	}
	if f.short == "" {
		return quoteShell(repeat + "--" + f.name + about)
	}
	return "{-" + f.short + ",--" + f.name + "}" + quoteShell(about)
}

func zshArguments(c command) string {
	if w := completionWords(c.name); w != nil {
		return quoteShell("*:word:(" + strings.Join(w, " ") + ")")
	}
	return quoteShell("*:file:_files")
}

func fishCompletion(w io.Writer) {
	fmt.Fprint(w, "# fish completion for kubespore\n")
	for _, c := range firstWords() {
		fmt.Fprintf(w, "complete -c kubespore -n __fish_use_subcommand -f -a %s -d %s\n", c[0], quoteShell(c[1]))
		if completionWords(c[0]) != nil {
			fmt.Fprintf(w, "complete -c kubespore -n '__fish_seen_subcommand_from %s' -f -a %s\n", c[0], quoteShell(strings.Join(completionWords(c[0]), " ")))
		}
	}
	for _, f := range flagTable() {
		var takers []string
		for _, c := range commands() {
			if slices.ContainsFunc(flagsOf(c), func(g flag) bool { return g.name == f.name }) {
				takers = append(takers, strings.Fields(c.name)[0])
			}
		}
		line := fmt.Sprintf("complete -c kubespore -n '__fish_seen_subcommand_from %s' -l %s", strings.Join(slices.Compact(takers), " "), f.name)
		if f.short != "" {
			line += " -s " + f.short
		}
		switch {
		case f.value == "DIR":
			line += " -x -a '(__fish_complete_directories)'"
		case choicesOf(f) != nil:
			line += " -x -a " + quoteShell(strings.Join(choicesOf(f), " "))
		case f.value != "":
			line += " -x"
		}
		fmt.Fprintf(w, "%s -d %s\n", line, quoteShell(f.usage))
	}
}

// quoteShell quotes a word for all three shells.
func quoteShell(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
