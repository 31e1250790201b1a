package plan

import (
	"errors"
	"fmt"
	"strings"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/profile"
)

// errorAt reports a mistake once, however many hosts show it.
func (b *build) errorAt(code string, at diag.Position, path, format string, args ...any) *diag.Diagnostic {
	key := code + at.String() + path
	if b.reported[key] {
		return &diag.Diagnostic{}
	}
	b.reported[key] = true
	return b.list.Errorf(code, at, path, format, args...)
}

// template reports what went wrong in a template of a profile.
func (b *build) template(s scope, err error) {
	var e *profile.Error
	if !errors.As(err, &e) {
		e = &profile.Error{Position: s.use.Position, Message: err.Error()}
	}
	message := e.Message
	if s.host != nil {
		message += fmt.Sprintf(" (for host %s)", s.host.Name)
	}
	if d := b.errorAt("P010", e.Position, "", "%s", message); e.Hint != "" {
		d.WithHint("%s", e.Hint)
	}
}

// suggest gives the nearest word, or all of them.
func suggest(word string, known []string, what string) string {
	if near := diag.Suggest(word, known); near != "" {
		return fmt.Sprintf("did you mean %s?", near)
	}
	if len(known) == 0 {
		return "there are no " + what
	}
	return what + ": " + joinWords(known)
}

func joinWords(words []string) string { return strings.Join(words, ", ") }

func indexPath(i int) string { return fmt.Sprintf("[%d]", i) }
