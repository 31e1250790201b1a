package profile

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/kubespore/kubespore/pkg/diag"
)

// Error is what went wrong in a template, in the words of its author.
type Error struct {
	Position diag.Position
	Message  string
	Hint     string
	Value    string // that cannot stand where the template writes it
}

func (e *Error) Error() string { return e.Message }

// Report adds the error to a list.
func (e *Error) Report(list *diag.List, code, path string) {
	d := list.Errorf(code, e.Position, path, "%s", e.Message)
	if e.Hint != "" {
		d.WithHint("%s", e.Hint)
	}
}

var (
	// text/template writes: template: NAME:LINE[:COLUMN]: [executing "NAME" at <EXPRESSION>: ]MESSAGE
	templateError = regexp.MustCompile(`(?s)^template: .*?:(\d+)(?::(\d+))?: (?:executing ".*?" at <(.*?)>: )?(.*)$`)
	guardCall     = regexp.MustCompile(`\(([^()]*) \| (?:word|asTOML|inDouble|inShell)\)`) // what the loader added
	callError     = regexp.MustCompile(`^error calling \w+: `)
)

// reword turns the messages of text/template into the words of docs/profiles.md.
var reword = []struct {
	match *regexp.Regexp
	as    string
}{
	{regexp.MustCompile(`^map has no entry for key "(.*)"$`), `there is no "$1" here`},
	{regexp.MustCompile(`^can't evaluate field (\S+) in type .*$`), `there is no field $1 here`},
	{regexp.MustCompile(`^nil (?:pointer evaluating|data; no entry for key) .*$`), `there is nothing behind this: a text without a host has no .Host`},
	{regexp.MustCompile(`^nil data; .*$`), `there is nothing here`},
	{regexp.MustCompile(`^wrong number of args for (\w+): want (.*) got (\d+)$`), `$1 wants $2 values, not $3`},
	{regexp.MustCompile(`^wrong type for value; expected (\S+); got (\S+)$`), `this must be of type $1, not $2`},
	{regexp.MustCompile(`^function "(.*)" not defined$`), `there is no function $1`},
	{regexp.MustCompile(`^range can't iterate over .*$`), `range needs a list or a map`},
	{regexp.MustCompile(`^error calling (\w+): runtime error: .*$`), `$1: the value does not fit`},
}

// explain gives the position and the message of an error of text/template.
func (t *Template) explain(err error) *Error {
	var own *Error
	if errors.As(err, &own) {
		return own // a text behind this one, already explained
	}
	m := templateError.FindStringSubmatch(err.Error())
	if m == nil {
		return &Error{Position: t.at.position(1, 1), Message: plainMessage(err.Error())}
	}
	line, _ := strconv.Atoi(m[1])
	column := 0
	if m[2] != "" {
		column, _ = strconv.Atoi(m[2])
		column++ // it counts from 0
	}
	message := plainMessage(m[4])
	if m[3] != "" {
		message = fmt.Sprintf("{{ %s }}: %s", guardCall.ReplaceAllString(strings.TrimSpace(m[3]), "$1"), message)
	}
	e := &Error{Position: t.at.position(line, column), Message: message}
	if u := (*unfit)(nil); errors.As(err, &u) {
		e.Message, e.Value = u.Error(), u.value
	}
	if f := undefined.FindStringSubmatch(m[4]); f != nil {
		e.Hint = hintFor(f[1], functionNames(), "functions")
	}
	return e
}

var undefined = regexp.MustCompile(`^function "(.*)" not defined$`)

// plainMessage takes the library's words out of a message.
func plainMessage(message string) string {
	for _, r := range reword {
		if r.match.MatchString(message) {
			return strings.ReplaceAll(r.match.ReplaceAllString(message, r.as), "*plan.", "")
		}
	}
	return callError.ReplaceAllString(message, "")
}

// hintFor suggests the nearest word, or all of them when none is near.
func hintFor(name string, known []string, what string) string {
	if near := diag.Suggest(name, known); near != "" {
		return fmt.Sprintf("did you mean %s?", near)
	}
	if len(known) == 0 {
		return fmt.Sprintf("there are no %s", what)
	}
	return fmt.Sprintf("%s: %s", what, strings.Join(known, ", "))
}
