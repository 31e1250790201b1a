package verify

import (
	"bytes"
	"maps"
	"slices"
	"strings"

	systemd "github.com/coreos/go-systemd/v22/unit"

	"github.com/kubespore/kubespore/pkg/document"
)

// unit is a unit with its drop-ins, as systemd would read them.
type unit struct {
	name    string
	item    string
	enabled bool
	masked  bool
	ours    bool // the document holds the unit itself, not only drop-ins of an image's unit
	options []*systemd.UnitOption
	digest  string
	broken  error
}

// unitList gives the units of a document, sorted by name.
func (m *machine) unitList() []*unit {
	var out []*unit
	byName := map[string]*unit{}
	get := func(e *document.Entry) *unit {
		u := byName[e.Unit]
		if u == nil {
			u = &unit{name: e.Unit, item: e.Item}
			byName[e.Unit] = u
			out = append(out, u)
		}
		return u
	}
	for i := range m.entries {
		e := &m.entries[i]
		switch e.Kind {
		case document.KindUnit:
			u := get(e)
			u.item, u.ours, u.masked = e.Item, len(e.Content) > 0, e.Masked
			u.enabled = e.Enabled != nil && *e.Enabled
			u.read(e.Content, true)
		case document.KindDropin:
			get(e).read(e.Content, false)
		}
	}
	slices.SortFunc(out, func(a, b *unit) int { return strings.Compare(a.name, b.name) })
	return out
}

// read adds a file's options: a unit's own before those of drop-ins, whatever
// the order in which they come.
func (u *unit) read(text []byte, first bool) {
	options, err := systemd.DeserializeOptions(bytes.NewReader(text))
	if err != nil {
		u.broken = err
		return
	}
	if first {
		u.options = append(options, u.options...)
	} else {
		u.options = append(u.options, options...)
	}
	u.digest = digest([]byte(u.digest), text)
}

// values gives the values of options, an empty assignment having reset those
// before it, as systemd does for lists.
func (u *unit) values(section string, names ...string) []string {
	var out []string
	for _, name := range names {
		var one []string
		for _, o := range u.options {
			if o.Section != section || o.Name != name {
				continue
			}
			if o.Value == "" {
				one = nil
				continue
			}
			one = append(one, o.Value)
		}
		out = append(out, one...)
	}
	return out
}

// unitNames gives the values of options that are lists of unit names.
func (u *unit) unitNames(section string, names ...string) []string {
	var out []string
	for _, v := range u.values(section, names...) {
		out = append(out, strings.Fields(v)...)
	}
	return out
}

// value gives the last value of an option.
func (u *unit) value(section, name string) string {
	all := u.values(section, name)
	if len(all) == 0 {
		return ""
	}
	return all[len(all)-1]
}

// expand splits a command line and replaces $NAME and ${NAME} by what the
// unit's environment says of it; unknown ones vanish, as they do at run time
// when an optional EnvironmentFile is not there.
func (m *machine) expand(u *unit, line string) []string {
	environment := m.environment(u)
	var out []string
	for _, argument := range fields(line) {
		switch {
		case strings.HasPrefix(argument, "${") && strings.HasSuffix(argument, "}"):
			out = append(out, environment[argument[2:len(argument)-1]])
		case strings.HasPrefix(argument, "$"):
			out = append(out, fields(environment[argument[1:]])...)
		default:
			out = append(out, argument)
		}
	}
	return out
}

// environment gives the variables of a unit; files come after assignments and
// win (man systemd.exec).
func (m *machine) environment(u *unit) map[string]string {
	out := map[string]string{}
	for _, v := range u.values("Service", "Environment") {
		for _, assignment := range fields(v) {
			name, value, _ := strings.Cut(assignment, "=")
			out[name] = value
		}
	}
	for _, file := range u.values("Service", "EnvironmentFile") {
		maps.Copy(out, environmentFile(string(m.content(strings.TrimPrefix(file, "-")))))
	}
	return out
}

// fields splits at blanks outside quotes and takes the quotes away.
func fields(s string) []string {
	var out []string
	var field strings.Builder
	var quote rune
	open := false
	flush := func() {
		if open {
			out = append(out, field.String())
			field.Reset()
			open = false
		}
	}
	for _, r := range s {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			field.WriteRune(r)
		case r == '"' || r == '\'':
			quote, open = r, true
		case r == ' ' || r == '\t' || r == '\n' || r == '\\':
			flush()
		default:
			field.WriteRune(r)
			open = true
		}
	}
	flush()
	return out
}
