package diag

import "errors"

// Failure is one diagnostic as an error, for functions that stop at the first
// thing that is wrong, such as opening a folder.
type Failure struct{ Diagnostic }

// Failf makes a failure. Give it a hint by WithHint before returning it.
func Failf(code string, at Position, format string, args ...any) *Failure {
	var list List
	return &Failure{*list.Errorf(code, at, "", format, args...)}
}

// Error gives the message alone; a [Printer] shows the rest.
func (f *Failure) Error() string { return f.Message }

// WithHint adds what the user should type.
func (f *Failure) WithHint(format string, args ...any) *Failure {
	f.Diagnostic.WithHint(format, args...)
	return f
}

// AddError adds an error that a function returned: the diagnostic inside it
// when it holds one, its text under the given code when it does not.
func (l *List) AddError(code string, err error) {
	var f *Failure
	switch {
	case err == nil:
	case errors.As(err, &f):
		*l = append(*l, f.Diagnostic)
	default:
		l.Errorf(code, Position{}, "", "%s", err)
	}
}
