package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/kubespore/kubespore/pkg/compile"
	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/input"
	"github.com/kubespore/kubespore/profiles"
)

// answers is how a run says what came of it: diagnostics, a result and an exit code,
// in the form that the flags name.
type answers struct {
	streams
	options *answerOptions
}

// misused prints what is wrong with the command line.
func (a *answers) misused(err error) int {
	fmt.Fprintf(a.stderr, "kubespore: %s\n", err)
	var usage *usageError
	if errors.As(err, &usage) && usage.hint != "" {
		fmt.Fprintf(a.stderr, "  hint: %s\n", usage.hint)
	}
	return exitUsage
}

// answer is the form of everything printed with --format json.
type answer struct {
	OK          bool      `json:"ok"`
	Diagnostics diag.List `json:"diagnostics"`
	Result      any       `json:"result,omitempty"`
}

// finish prints the diagnostics, then the result unless there were errors, and
// gives the exit code.
func (a *answers) finish(list diag.List, result any, text func(w io.Writer)) int {
	if a.options.strict {
		list = list.Strict()
	}
	failed := list.HasErrors()
	list = diag.Clean(bounded(list.Sorted()))
	switch a.options.format {
	case "json":
		if err := a.json(list, failed, result); err != nil {
			return exitDiagnostics
		}
	case "sarif":
		if err := diag.WriteSARIF(a.stdout, list); err != nil {
			return exitDiagnostics
		}
	default:
		if a.options.format == "github" {
			diag.WriteGitHub(a.stdout, list)
		} else {
			a.diagnostics(list)
		}
		if !failed && !a.options.quiet && text != nil {
			text(a.stdout)
		}
	}
	if failed {
		return exitDiagnostics
	}
	return exitFine
}

// failed finishes with the one thing that was wrong.
func (a *answers) failed(err error) int {
	var list diag.List
	list.AddError("O101", err)
	return a.finish(list, nil, nil)
}

func (a *answers) json(list diag.List, failed bool, result any) error {
	out := answer{OK: !failed, Diagnostics: list}
	if out.Diagnostics == nil {
		out.Diagnostics = diag.List{}
	}
	if !failed {
		out.Result = result
	}
	encoder := json.NewEncoder(a.stdout)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(out)
}

// mostShown is how many diagnostics one run prints: a file of any size may be
// wrong in every line.
const mostShown = 1000

// bounded cuts a list and says so.
func bounded(list diag.List) diag.List {
	if len(list) <= mostShown {
		return list
	}
	out := slices.Clone(list[:mostShown])
	out.Errorf("O122", diag.Position{}, "", "%s more are not shown", diag.Counted(len(list)-mostShown, "message")).WithHint("correct these, and run the command again")
	return out
}

func (a *answers) diagnostics(list diag.List) {
	p := diag.Printer{ReadFile: a.source, Color: a.color(a.stderr)}
	p.Print(a.stderr, list)
	errors, warnings := list.Counts()
	if errors > 0 {
		fmt.Fprintf(a.stderr, "%s%s\n", diag.Counted(errors, "error"), also(warnings))
	}
}

func also(warnings int) string {
	if warnings == 0 {
		return ""
	}
	return ", " + diag.Counted(warnings, "warning")
}

// source gives a text for an excerpt.
func (a *answers) source(name string) ([]byte, error) {
	if text, ok := a.read[name]; ok {
		return text, nil
	}
	if inside, ours := strings.CutPrefix(name, ourProfiles+"/"); ours {
		return fs.ReadFile(profiles.FS, inside)
	}
	return input.ReadFile(name)
}

// remark tells the user something between what the consoles say.
func (a *answers) remark(format string, args ...any) {
	if !a.options.quiet {
		fmt.Fprintf(a.stderr, "kubespore: "+format+"\n", args...)
	}
}

// stages prints where the time went.
func (a *answers) stages(r compile.Result) {
	if !a.options.verbose {
		return
	}
	for _, t := range timings(r) {
		fmt.Fprintf(a.stderr, "%-10s %9.1f ms\n", t.Name, t.Milliseconds)
	}
}
