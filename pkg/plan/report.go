package plan

import (
	"errors"
	"fmt"
	"strings"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/profile"
	"github.com/kubespore/kubespore/pkg/topology"
)

// reporter collects what is wrong.
type reporter struct {
	list     diag.List
	reported map[string]bool // a mistake in a profile shows on many hosts and is said once
}

// errorAt reports a mistake once, however many hosts show it.
func (r *reporter) errorAt(code string, at diag.Position, path, format string, args ...any) *diag.Diagnostic {
	key := code + at.String() + path
	if r.reported[key] {
		return &diag.Diagnostic{}
	}
	r.reported[key] = true
	return r.list.Errorf(code, at, path, format, args...)
}

// fail reports what went wrong in a template of the profile.
func (s scope) fail(err error) {
	var e *profile.Error
	if !errors.As(err, &e) {
		e = &profile.Error{Position: s.instance.Position, Message: err.Error()}
	}
	if d := unfit(s.topology, s.instance.Name, e); d != nil {
		if at := s.errorAt(d.Code, d.Position, d.Path, "%s", d.Message); at.Code != "" {
			at.Hint, at.Related = d.Hint, d.Related
		}
		return
	}
	message := e.Message
	if s.host != nil {
		message += fmt.Sprintf(" (for host %s)", s.host.Name)
	}
	if d := s.errorAt("P010", e.Position, "", "%s", message); e.Hint != "" {
		d.WithHint("%s", e.Hint)
	}
}

// Unfit says of a value that cannot stand where a template of the profile writes
// it that it cannot, at the line that gives it; nil when the value is not the
// topology's.
func (d *Data) Unfit(e *profile.Error) *diag.Diagnostic {
	return unfit(d.scope.topology, d.scope.instance.Name, e)
}

func unfit(t *topology.Topology, profile string, e *profile.Error) *diag.Diagnostic {
	if e.Value == "" {
		return nil
	}
	path, at, found := t.Said(profile, e.Value)
	if !found {
		return nil
	}
	d := &diag.Diagnostic{Code: "P065", Position: at, Path: path, Message: e.Message}
	return d.WithHint("leave out blanks, quotes and other marks: what reads the file would take them for its own").WithRelated(e.Position, "where it is written")
}

// suggest gives the nearest word, or all of them.
func suggest(name string, known []string, what string) string {
	if near := diag.Suggest(name, known); near != "" {
		return fmt.Sprintf("did you mean %s?", near)
	}
	if len(known) == 0 {
		return "there are no " + what
	}
	return what + ": " + joinNames(known)
}

func joinNames(names []string) string { return strings.Join(names, ", ") }

func indexPath(i int) string { return fmt.Sprintf("[%d]", i) }
