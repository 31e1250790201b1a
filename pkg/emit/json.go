package emit

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"
)

// encoder writes Ignition's types as JSON. The standard encoder cannot leave
// out empty structs, which Ignition's types are full of, and every file would
// carry several.
type encoder struct{ fields fieldTable }

// fieldTable holds the JSON members of each struct type met so far.
type fieldTable map[reflect.Type][]field

type field struct {
	index     []int // path through embedded structs
	name      string
	omitEmpty bool
}

func valueOf(v any) reflect.Value { return reflect.ValueOf(v) }

// of lists the members of a struct type, those of embedded structs in place.
func (t fieldTable) of(s reflect.Type) []field {
	if known, ok := t[s]; ok {
		return known
	}
	var out []field
	for i := range s.NumField() {
		f := s.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous && name == "" {
			for _, inner := range t.of(f.Type) {
				inner.index = append([]int{i}, inner.index...)
				out = append(out, inner)
			}
			continue
		}
		out = append(out, field{[]int{i}, name, options == "omitempty"})
	}
	t[s] = out
	return out
}

// value appends a value and says whether it is empty: a nil pointer, an empty
// list, the zero of a scalar, a struct of nothing else.
func (e encoder) value(out []byte, v reflect.Value) (_ []byte, empty bool, err error) {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return append(out, "null"...), true, nil
		}
		out, _, err = e.value(out, v.Elem())
		return out, false, err
	case reflect.Struct:
		return e.object(out, v)
	case reflect.Slice:
		out = append(out, '[')
		for i := range v.Len() {
			if i > 0 {
				out = append(out, ',')
			}
			if out, _, err = e.value(out, v.Index(i)); err != nil {
				return nil, false, err
			}
		}
		return append(out, ']'), v.Len() == 0, nil
	case reflect.String:
		return appendString(out, v.String()), v.Len() == 0, nil
	case reflect.Bool:
		return strconv.AppendBool(out, v.Bool()), !v.Bool(), nil
	case reflect.Int:
		return strconv.AppendInt(out, v.Int(), 10), v.Int() == 0, nil
	}
	return nil, false, fmt.Errorf("a value of kind %s has no form in an Ignition document", v.Kind())
}

func (e encoder) object(out []byte, v reflect.Value) (_ []byte, empty bool, err error) {
	out = append(out, '{')
	first := len(out)
	for _, f := range e.fields.of(v.Type()) {
		before := len(out)
		if before > first {
			out = append(out, ',')
		}
		out = appendString(out, f.name)
		out = append(out, ':')
		if out, empty, err = e.value(out, v.FieldByIndex(f.index)); err != nil {
			return nil, false, err
		}
		if empty && f.omitEmpty {
			out = out[:before]
		}
	}
	return append(out, '}'), len(out) == first, nil
}

const hexDigits = "0123456789abcdef"

// appendString appends a JSON string. Only what JSON demands is escaped; bytes
// that are not UTF-8 become the replacement character, as JSON cannot hold them.
func appendString(out []byte, s string) []byte {
	out = append(out, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && n == 1 {
				out = append(append(out, s[start:i]...), "\ufffd"...)
				start = i + 1
			}
			i += n
			continue
		}
		out = append(out, s[start:i]...)
		switch c {
		case '"', '\\':
			out = append(out, '\\', c)
		case '\n':
			out = append(out, '\\', 'n')
		case '\t':
			out = append(out, '\\', 't')
		case '\r':
			out = append(out, '\\', 'r')
		default:
			out = append(out, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
		i++
		start = i
	}
	return append(append(out, s[start:]...), '"')
}
