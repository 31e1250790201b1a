package profile

import (
	"bytes"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"text/template"
	tree "text/template/parse"
)

// A profile may come from anyone, and a template is a program: each of its
// texts and values has a size, and each run a number of steps, that it cannot
// exceed.
const (
	mostText  = 16 << 20  // bytes of a finished text, and of any value on the way to it
	mostSteps = 5_000_000 // pieces that one run writes, turns of its ranges included
	mostWidth = 4_096     // columns that a verb of printf may ask for
)

// output takes what a template writes, up to the bounds.
type output struct {
	bytes.Buffer
	steps int
}

// Write implements [io.Writer].
func (o *output) Write(p []byte) (int, error) {
	if o.steps++; o.steps > mostSteps {
		return 0, fmt.Errorf("the template takes more than %d steps", mostSteps)
	}
	if o.Len()+len(p) > mostText {
		return 0, tooMuch()
	}
	return o.Buffer.Write(p)
}

func tooMuch() error { return fmt.Errorf("the template makes more than %d MiB of text", mostText>>20) }

// countTurns puts an empty text into every range and every template that is
// defined, so that each turn is a write: one that writes nothing else is counted
// as well.
func countTurns(parsed *template.Template) {
	for _, t := range parsed.Templates() {
		if t.Tree != nil && t.Root != nil {
			turns(t.Root)
			t.Root.Nodes = append([]tree.Node{&tree.TextNode{NodeType: tree.NodeText, Pos: t.Root.Pos}}, t.Root.Nodes...)
		}
	}
}

func turns(n tree.Node) {
	branch := func(b *tree.BranchNode) {
		turns(b.List)
		if b.ElseList != nil {
			turns(b.ElseList)
		}
	}
	switch n := n.(type) {
	case *tree.ListNode:
		for _, child := range n.Nodes {
			turns(child)
		}
	case *tree.IfNode:
		branch(&n.BranchNode)
	case *tree.WithNode:
		branch(&n.BranchNode)
	case *tree.RangeNode:
		branch(&n.BranchNode)
		n.List.Nodes = append([]tree.Node{&tree.TextNode{NodeType: tree.NodeText, Pos: n.List.Pos}}, n.List.Nodes...)
	}
}

// callable is what templates call.
var callable = boundedFunctions()

// boundedFunctions gives the functions of templates, and those of text/template
// that make texts, with results of a bounded size.
func boundedFunctions() template.FuncMap {
	out := template.FuncMap{
		"print":    func(v ...any) string { return fmt.Sprint(fitting(v)...) },
		"println":  func(v ...any) string { return fmt.Sprintln(fitting(v)...) },
		"html":     func(v ...any) string { return template.HTMLEscaper(fitting(v)...) },
		"js":       func(v ...any) string { return template.JSEscaper(fitting(v)...) },
		"urlquery": func(v ...any) string { return template.URLQueryEscaper(fitting(v)...) },
		"printf":   printed,
	}
	maps.Copy(out, functions)
	for name, f := range out {
		out[name] = boundedResult(f)
	}
	return out
}

// boundedResult gives the same function with a result that is looked at.
// text/template makes an error of what panics.
func boundedResult(f any) any {
	v := reflect.ValueOf(f)
	return reflect.MakeFunc(v.Type(), func(args []reflect.Value) []reflect.Value {
		call := v.Call
		if v.Type().IsVariadic() {
			call = v.CallSlice
		}
		results := call(args)
		if sizeOf(results[0].Interface(), mostText) > mostText {
			panic(tooMuch())
		}
		return results
	}).Interface()
}

// fitting gives its arguments when all of them together are no longer than a
// text may be.
func fitting(values []any) []any {
	if sizeOf(values, mostText) > mostText {
		panic(tooMuch())
	}
	return values
}

// sizeOf gives about how many bytes a value takes when it is written. It looks no
// further once there are more than most.
func sizeOf(value any, most int) int {
	total := 1
	add := func(v any) bool {
		total += sizeOf(v, most-total)
		return total <= most
	}
	switch v := value.(type) {
	case string:
		return len(v)
	case []string:
		for _, s := range v {
			total += len(s) + 1
		}
	case []any:
		for _, e := range v {
			if !add(e) {
				break
			}
		}
	case map[string]any:
		for key, e := range v {
			if total += len(key); !add(e) {
				break
			}
		}
	}
	return total
}

// verb is one of printf's, with its flags, width and precision.
var verb = regexp.MustCompile(`%[-+# 0]*(\[\d+\])?([0-9]+|\*)?(?:\.(\[\d+\])?([0-9]+|\*)?)?`)

// printed is printf without widths that make megabytes of a digit.
func printed(format string, values ...any) (string, error) {
	blanks := 0
	for _, m := range verb.FindAllStringSubmatch(format, -1) {
		for _, width := range []string{m[2], m[4]} {
			n, err := strconv.Atoi(width)
			if width != "" && (err != nil || n > mostWidth) {
				return "", fmt.Errorf("the width %s is not a number of up to %d", width, mostWidth)
			}
			blanks += n
		}
	}
	if sizeOf(values, mostText)+len(format)+blanks > mostText {
		return "", tooMuch()
	}
	return fmt.Sprintf(format, values...), nil
}

// replaced is strings.ReplaceAll with a result of a bounded size.
func replaced(s, old, with string) (string, error) {
	if grows := len(with) - len(old); grows > 0 && len(s)+strings.Count(s, old)*grows > mostText {
		return "", tooMuch()
	}
	return strings.ReplaceAll(s, old, with), nil
}
