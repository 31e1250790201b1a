package profile

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Wrong says what is wrong with a value of a parameter.
type Wrong struct {
	Path    string // inside the value: "", [2] or .key
	Code    string // of the diagnostic, where the type has one of its own
	Message string
	Hint    string
}

// Zero is what templates see when neither the topology nor the profile sets
// the parameter.
func (p *Param) Zero() any { return types[p.Type].zero }

// Accept checks a value as YAML gives it and turns it into the form that
// templates see.
func (p *Param) Accept(v any) (any, []Wrong) {
	out, problems := p.accept(p.Type, v, "")
	if p.Secret && len(problems) > 0 {
		return out, p.secretly()
	}
	return out, problems
}

// secretly says what a secret must be, without repeating what it is.
func (p *Param) secretly() []Wrong {
	rule := ""
	if p.Pattern != "" {
		rule = " that matches " + p.Pattern
	}
	hint := p.Hint
	if hint == "" {
		hint = "put a text in quotes"
	}
	return newWrong("", hint, "this must be a %s%s; what it is now is not shown", p.Type, rule)
}

func (p *Param) accept(kind string, v any, where string) (any, []Wrong) {
	switch kind {
	case "list", "hosts":
		return p.acceptList(kind, v, where)
	case "map":
		return p.acceptMap(v, where)
	case "flags":
		return acceptFlags(v, where)
	case "integer", "port":
		n, ok := v.(int)
		if !ok {
			return nil, newWrong(where, "", "this must be a whole number, not %s", describeValue(v))
		}
		return n, p.acceptNumber(kind, n, where)
	case "boolean":
		b, ok := v.(bool)
		if !ok {
			return nil, newWrong(where, "", "this must be true or false, not %s", describeValue(v))
		}
		return b, nil
	case "size", "ports":
		if n, ok := v.(int); ok {
			v = strconv.Itoa(n)
		}
	}
	return p.acceptText(kind, v, where)
}

func (p *Param) acceptText(kind string, v any, where string) (any, []Wrong) {
	s, ok := v.(string)
	if !ok {
		return nil, newWrong(where, "put it in quotes", "this must be a text, not %s", describeValue(v))
	}
	if kind == "enum" || len(p.Enum) > 0 {
		if !slices.Contains(p.Enum, s) {
			return nil, newWrong(where, hintFor(s, p.Enum, "write one of"), "%q is not one of the choices", s)
		}
	}
	if p.pattern != nil && kind != FileParam && !p.pattern.MatchString(s) {
		return nil, newWrong(where, p.Hint, "%q does not match %s", s, p.Pattern)
	}
	// Whatever language a text ends up in, a line of its own there would be the
	// user's and not the profile's.
	t := types[kind]
	if strings.ContainsFunc(s, unicode.IsControl) && !t.lines {
		return nil, newWrong(where, "write it in one line", "%q holds a line break or another control character", s)
	}
	if len(s) > longestText && !t.lines {
		return nil, newWrong(where, fmt.Sprintf("write %d bytes at most", longestText), "the text is too long: %d bytes", len(s))
	}
	if t.parse == nil || s == "" {
		return s, nil
	}
	canonical, fault := t.parse(s)
	if fault != nil {
		return nil, []Wrong{{Path: where, Code: fault.Code, Message: fault.Message, Hint: fault.Hint}}
	}
	return canonical, nil
}

func (p *Param) acceptNumber(kind string, n int, where string) []Wrong {
	shape := types[kind].shape
	low, high := cmp.Or(p.Minimum, shape.Minimum), cmp.Or(p.Maximum, shape.Maximum)
	switch {
	case low != nil && n < *low:
		return newWrong(where, "", "%d is less than %d", n, *low)
	case high != nil && n > *high:
		return newWrong(where, "", "%d is more than %d", n, *high)
	}
	return nil
}

func (p *Param) items(kind string) string {
	if p.Items == "" || kind == "hosts" {
		return "string"
	}
	return p.Items
}

func (p *Param) acceptList(kind string, v any, where string) (any, []Wrong) {
	list, ok := v.([]any)
	if !ok {
		return nil, newWrong(where, fmt.Sprintf("write [%v]", v), "this must be a list, not %s", describeValue(v))
	}
	out, problems := make([]any, len(list)), p.acceptCount(len(list), where)
	for i, e := range list {
		accepted, w := p.accept(p.items(kind), e, fmt.Sprintf("%s[%d]", where, i))
		out[i], problems = accepted, append(problems, w...)
	}
	return out, append(problems, p.repeats(list, where)...)
}

// repeats finds elements that have a value in common which must tell them apart.
func (p *Param) repeats(list []any, where string) []Wrong {
	var problems []Wrong
	for _, together := range p.Unique {
		names := strings.Fields(together)
		last := names[len(names)-1]
		first := map[string]int{}
		for i, e := range list {
			m, _ := e.(map[string]any)
			if m[last] == nil {
				continue
			}
			var values []any
			for _, name := range names {
				values = append(values, m[name])
			}
			key := fmt.Sprintf("%#v", values)
			if before, seen := first[key]; seen {
				problems = append(problems, newWrong(fmt.Sprintf("%s[%d].%s", where, i, last), fmt.Sprintf("join this element and element %d of the list, or give one of them another %s", before, strings.Join(names, " or ")),
					"%v is the %s of two elements", m[last], last)...)
				continue
			}
			first[key] = i
		}
	}
	return problems
}

// countsElements says whether minimum and maximum are about the length of a list; of a
// list of numbers they are about the elements.
func (p *Param) countsElements() bool {
	kind := p.items("list")
	return p.Type == "hosts" || p.Type == "list" && kind != "integer" && kind != "port"
}

// acceptCount holds the length of a list within minimum and maximum.
func (p *Param) acceptCount(n int, where string) []Wrong {
	if !p.countsElements() {
		return nil
	}
	switch {
	case p.Minimum != nil && n < *p.Minimum:
		return newWrong(where, "", "there must be %d or more", *p.Minimum)
	case p.Maximum != nil && n > *p.Maximum:
		return newWrong(where, "", "there must be %d or fewer", *p.Maximum)
	}
	return nil
}

func (p *Param) acceptMap(v any, where string) (any, []Wrong) {
	m, ok := v.(map[string]any)
	if !ok {
		return nil, newWrong(where, "", "this must be a map, not %s", describeValue(v))
	}
	for key := range m {
		if len(key) > longestText { // a reader of YAML ends there
			return nil, newWrong(where, fmt.Sprintf("write %d bytes at most", longestText), "a key is too long: %d bytes", len(key))
		}
	}
	if len(p.Fields) > 0 {
		return p.acceptFields(m, where)
	}
	if p.Items == "map" || (p.Type != "map" && p.Items == "") {
		return m, nil // maps of anything: the profile's templates know
	}
	out, problems := map[string]any{}, []Wrong(nil)
	for _, k := range slices.Sorted(maps.Keys(m)) {
		kind := p.Items
		if p.Type != "map" {
			return m, problems
		}
		if kind == "" {
			out[k] = m[k]
			continue
		}
		if p.keys != nil && !p.keys.MatchString(k) {
			problems = append(problems, newWrong(where+"."+k, "", "the key %q does not match %s", k, p.Keys)...)
			continue
		}
		accepted, w := p.accept(kind, m[k], where+"."+k)
		out[k], problems = accepted, append(problems, w...)
	}
	return out, problems
}

// acceptFields checks an element whose keys are declared. What it does not say
// has the default of its key.
func (p *Param) acceptFields(m map[string]any, where string) (any, []Wrong) {
	out, problems := map[string]any{}, []Wrong(nil)
	var names []string
	for i := range p.Fields {
		q := &p.Fields[i]
		names = append(names, q.Name)
		v, given := m[q.Name]
		switch {
		case given && v != nil:
			accepted, w := q.accept(q.Type, v, where+"."+q.Name)
			out[q.Name], problems = accepted, append(problems, w...)
		case q.Required:
			problems = append(problems, newWrong(where, fmt.Sprintf("add %s: %s", q.Name, q.Doc), "%s is missing", q.Name)...)
		case q.Default != nil:
			out[q.Name] = q.Default
		default:
			out[q.Name] = q.Zero()
		}
	}
	for _, key := range slices.Sorted(maps.Keys(m)) {
		if !slices.Contains(names, key) {
			problems = append(problems, newWrong(where+"."+key, hintFor(key, names, "keys"), "there is no key %s here", key)...)
		}
	}
	return out, problems
}

// FromText turns the result of a template into a value of the type.
func (p *Param) FromText(s string) (any, []Wrong) {
	switch s = strings.TrimSpace(s); p.Type {
	case "integer", "port":
		n, err := strconv.Atoi(s)
		if err != nil {
			return nil, newWrong("", "", "%q is not a whole number", s)
		}
		return p.Accept(n)
	case "boolean":
		if s != "true" && s != "false" {
			return nil, newWrong("", "", "%q is neither true nor false", s)
		}
		return s == "true", nil
	case "list", "hosts", "flags":
		elements := []any{}
		for _, w := range strings.Fields(s) {
			elements = append(elements, w)
		}
		return p.Accept(elements)
	}
	return p.Accept(s)
}

func newWrong(where, hint, format string, args ...any) []Wrong {
	return []Wrong{{Path: where, Message: fmt.Sprintf(format, args...), Hint: hint}}
}

// describeValue names a value of YAML for people.
func describeValue(v any) string {
	switch v := v.(type) {
	case nil:
		return "nothing"
	case string:
		return strconv.Quote(v)
	case []any:
		return "a list"
	case map[string]any:
		return "a map"
	default:
		return fmt.Sprint(v)
	}
}
