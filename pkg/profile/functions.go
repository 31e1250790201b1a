package profile

import (
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"text/template"
)

// MarkPrefix starts every text that stands for bytes which are not known yet
// (see plan.MarkSecret). Functions that look into a text refuse such a text.
const MarkPrefix = "kubespore-mark."

// functions is the closed list of what templates may call besides the
// operators of text/template. All are pure.
var functions = template.FuncMap{
	"join":       joined,
	"split":      func(s, sep string) []string { return strings.Split(s, sep) },
	"fields":     strings.Fields,
	"lines":      func(s string) []string { return strings.Split(strings.TrimSuffix(s, "\n"), "\n") },
	"quote":      func(v any) (string, error) { return inJSON(toText(v)) },
	"hostport":   func(host string, port any) string { return net.JoinHostPort(host, toText(port)) },
	"nth":        nth,
	"prefixlen":  prefixlen,
	"addresses":  addresses,
	"isAddress":  func(s string) bool { _, err := netip.ParseAddr(s); return err == nil },
	"isIPv6":     func(s string) bool { return strings.Contains(s, ":") },
	"default":    func(d, v any) any { return orDefault(d, v) },
	"list":       func(v ...any) []any { return v },
	"dict":       dict,
	"has":        contains,
	"add":        func(v ...any) (int, error) { return sum(v) },
	"sub":        func(a, b any) (int, error) { return calculate(a, b, func(x, y int) int { return x - y }) },
	"mul":        func(a, b any) (int, error) { return calculate(a, b, func(x, y int) int { return x * y }) },
	"div":        divide,
	"int":        number,
	"toJSON":     inJSON,
	"replace":    replaced,
	"trim":       strings.TrimSpace,
	"trimPrefix": func(s, prefix string) string { return strings.TrimPrefix(s, prefix) },
	"trimSuffix": func(s, suffix string) string { return strings.TrimSuffix(s, suffix) },
	"hasPrefix":  func(s, prefix string) bool { return strings.HasPrefix(s, prefix) },
	"contains":   func(s, part string) bool { return strings.Contains(s, part) },
	"first":      func(list any) (any, error) { return element(list, "first", func(n int) int { return 0 }) },
	"last":       func(list any) (any, error) { return element(list, "last", func(n int) int { return n - 1 }) },
	"sort":       func(list any) ([]string, error) { s, err := toTexts(list); slices.Sort(s); return s, err },
	"uniq":       uniq,
	"concat":     concat,

	"words":        requirePlainWords,
	"unitArgument": unitArgument,
	"envArgument":  envArgument,
}

func functionNames() []string { return slices.Sorted(maps.Keys(functions)) }

// inJSON writes a value as JSON that readers of YAML and TOML take for the same:
// YAML has more ends of lines.
func inJSON(v any) (string, error) {
	b, err := json.Marshal(v)
	return jsonMarks.Replace(string(b)), err
}

var jsonMarks = strings.NewReplacer("\x7f", `\u007f`, "\u0085", `\u0085`, "\ufeff", `\ufeff`)

// toText writes a value as a template would.
func toText(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case nil:
		return ""
	}
	return fmt.Sprint(v)
}

// elements gives the elements of any list.
func elements(list any) ([]any, error) {
	switch list := list.(type) {
	case nil:
		return nil, nil
	case []any:
		return list, nil
	}
	v := reflect.ValueOf(list)
	if v.Kind() != reflect.Slice {
		return nil, fmt.Errorf("this must be a list")
	}
	out := make([]any, v.Len())
	for i := range out {
		out[i] = v.Index(i).Interface()
	}
	return out, nil
}

// toTexts gives the elements of any list as a new list of texts.
func toTexts(list any) ([]string, error) {
	if s, ok := list.([]string); ok {
		return slices.Clone(s), nil
	}
	values, err := elements(list)
	if err != nil {
		return nil, err
	}
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = toText(v)
	}
	return out, nil
}

func element(list any, name string, index func(n int) int) (any, error) {
	values, err := elements(list)
	if err != nil {
		return nil, err
	}
	if len(values) == 0 {
		return nil, fmt.Errorf("%s of an empty list", name)
	}
	return values[index(len(values))], nil
}

// addresses counts the addresses of a network, up to a thousand millions.
func addresses(cidr string) (int, error) {
	p, err := netip.ParsePrefix(cidr)
	if err != nil {
		return 0, err
	}
	return 1 << min(30, p.Addr().BitLen()-p.Bits()), nil
}

func uniq(list any) ([]string, error) {
	s, err := toTexts(list)
	seen := map[string]bool{}
	return slices.DeleteFunc(s, func(v string) bool {
		repeat := seen[v]
		seen[v] = true
		return repeat
	}), err
}

func concat(lists ...any) ([]any, error) {
	out := []any{}
	for _, list := range lists {
		values, err := elements(list)
		if err != nil {
			return nil, err
		}
		out = append(out, values...)
	}
	return out, nil
}

// joined takes its list first or, behind a pipe, last.
func joined(list, sep any) (string, error) {
	if _, isText := list.(string); isText {
		list, sep = sep, list
	}
	s, err := toTexts(list)
	between := toText(sep)
	if len(s)*len(between) > mostText {
		return "", tooMuch()
	}
	return strings.Join(s, between), err
}

// contains looks for a value in a list, or for a key in a map. The list comes
// first or, behind a pipe, last.
func contains(in, value any) (bool, error) {
	if k := reflect.ValueOf(in).Kind(); k != reflect.Map && k != reflect.Slice {
		in, value = value, in
	}
	if m := reflect.ValueOf(in); m.Kind() == reflect.Map {
		return m.MapIndex(reflect.ValueOf(toText(value))).IsValid(), nil
	}
	list, err := toTexts(in)
	return slices.Contains(list, toText(value)), err
}

func dict(pairs ...any) (map[string]any, error) {
	if len(pairs)%2 != 0 {
		return nil, fmt.Errorf("dict needs a value for each key")
	}
	out := map[string]any{}
	for i := 0; i < len(pairs); i += 2 {
		out[toText(pairs[i])] = pairs[i+1]
	}
	return out, nil
}

// orDefault gives the value unless it is empty: "", 0, false, no elements.
func orDefault(d, v any) any {
	if truth, _ := template.IsTrue(v); truth {
		return v
	}
	return d
}

// number reads a whole number.
func number(v any) (int, error) {
	switch v := v.(type) {
	case int:
		return v, nil
	case string:
		if n, err := strconv.Atoi(strings.TrimSpace(v)); err == nil {
			return n, nil
		}
	}
	return 0, fmt.Errorf("%q is not a whole number", toText(v))
}

func calculate(a, b any, f func(x, y int) int) (int, error) {
	x, err := number(a)
	if err != nil {
		return 0, err
	}
	y, err := number(b)
	if err != nil {
		return 0, err
	}
	return f(x, y), nil
}

func sum(values []any) (int, error) {
	total := 0
	for _, v := range values {
		n, err := number(v)
		if err != nil {
			return 0, err
		}
		total += n
	}
	return total, nil
}

func divide(a, b any) (int, error) {
	if n, err := number(b); err != nil || n == 0 {
		return 0, fmt.Errorf("%q is not a number to divide by", toText(b))
	}
	return calculate(a, b, func(x, y int) int { return x / y })
}

func prefixlen(s string) (int, error) {
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return 0, fmt.Errorf("%q is not a CIDR, such as 10.0.0.0/8", s)
	}
	return p.Bits(), nil
}

// nth gives an address of a network by its number; negative numbers count
// from the end, -1 being the last.
func nth(cidr string, n any) (string, error) {
	p, err := netip.ParsePrefix(cidr)
	if err != nil {
		return "", fmt.Errorf("%q is not a CIDR, such as 10.0.0.0/8", cidr)
	}
	i, err := number(n)
	if err != nil {
		return "", err
	}
	a, ok := addressAt(p.Masked(), i)
	if !ok {
		return "", fmt.Errorf("%s has no address number %d", p.Masked(), i)
	}
	return a.String(), nil
}

// addressAt adds to the first address of a network, or takes from one past
// its last.
func addressAt(p netip.Prefix, n int) (netip.Addr, bool) {
	b := p.Addr().AsSlice()
	carry := n
	if n < 0 {
		for i := p.Bits(); i < len(b)*8; i++ {
			b[i/8] |= 1 << (7 - i%8)
		}
		carry = n + 1
	}
	for i := len(b) - 1; i >= 0 && carry != 0; i-- {
		total := int(b[i]) + carry
		b[i] = byte(total & 0xff)
		carry = total >> 8
	}
	a, ok := netip.AddrFromSlice(b)
	return a, ok && carry == 0 && p.Contains(a)
}
