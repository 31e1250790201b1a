package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/input"
	"github.com/kubespore/kubespore/pkg/pki"
	"github.com/kubespore/kubespore/profiles"
)

// call is one run of the program: what was asked and where to answer.
type call struct {
	ctx            context.Context
	tidying        *sync.WaitGroup // held until what must not stay is gone
	command        command
	options        options
	args           []string
	code           int // what the program exits with
	stdin          io.Reader
	stdout, stderr io.Writer
	env            func(string) string
	read           map[string][]byte // texts that are in no file, for excerpts
	unlocked       *pki.Unlock       // what was given for a sealed store
}

// misused prints what is wrong with the command line.
func (c *call) misused(err error) int {
	fmt.Fprintf(c.stderr, "kubespore: %s\n", err)
	var usage *usageError
	if errors.As(err, &usage) && usage.hint != "" {
		fmt.Fprintf(c.stderr, "  hint: %s\n", usage.hint)
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
func (c *call) finish(list diag.List, result any, text func(w io.Writer)) int {
	if c.options.strict {
		list = list.Strict()
	}
	failed := list.HasErrors()
	list = diag.Clean(bounded(list.Sorted()))
	switch c.options.format {
	case "json":
		if err := c.printAnswer(list, failed, result); err != nil {
			return exitDiagnostics
		}
	case "sarif":
		if err := diag.WriteSARIF(c.stdout, list); err != nil {
			return exitDiagnostics
		}
	default:
		if c.options.format == "github" {
			diag.WriteGitHub(c.stdout, list)
		} else {
			c.printDiagnostics(list)
		}
		if !failed && !c.options.quiet && text != nil {
			text(c.stdout)
		}
	}
	if failed {
		return exitDiagnostics
	}
	return exitFine
}

func (c *call) printAnswer(list diag.List, failed bool, result any) error {
	a := answer{OK: !failed, Diagnostics: list}
	if a.Diagnostics == nil {
		a.Diagnostics = diag.List{}
	}
	if !failed {
		a.Result = result
	}
	encoder := json.NewEncoder(c.stdout)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(a)
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

func (c *call) printDiagnostics(list diag.List) {
	p := diag.Printer{ReadFile: c.source, Color: c.color(c.stderr)}
	p.Print(c.stderr, list)
	errors, warnings := list.Counts()
	if errors > 0 {
		fmt.Fprintf(c.stderr, "%s%s\n", diag.Counted(errors, "error"), also(warnings))
	}
}

func also(warnings int) string {
	if warnings == 0 {
		return ""
	}
	return ", " + diag.Counted(warnings, "warning")
}

func isFolder(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.IsDir()
}

// source gives a text for an excerpt.
func (c *call) source(name string) ([]byte, error) {
	if text, ok := c.read[name]; ok {
		return text, nil
	}
	if inside, ours := strings.CutPrefix(name, ourProfiles+"/"); ours {
		return fs.ReadFile(profiles.FS, inside)
	}
	return input.ReadFile(name)
}

// now is the build's clock: SOURCE_DATE_EPOCH when it is set.
func (c *call) now() (time.Time, error) {
	text := c.env("SOURCE_DATE_EPOCH")
	if text == "" {
		return time.Now().UTC(), nil
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil || seconds < 0 {
		return time.Time{}, &usageError{
			message: fmt.Sprintf("SOURCE_DATE_EPOCH is %q, which is not a number of seconds since 1970", text),
			hint:    "unset it, or set it to the output of: date +%s",
		}
	}
	return time.Unix(seconds, 0).UTC(), nil
}
