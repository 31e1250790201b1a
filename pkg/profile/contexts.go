package profile

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	tree "text/template/parse"
	"unicode"
)

// A value that a template writes into YAML or JSON is quoted for the place where
// it stands, as html/template does for pages: a cluster may be called 7e10 or on,
// and [fd00::1]:6443 begins a list. What is a piece of the language already stays
// as it is: vars, which are there to build such pieces, versions.yaml, and what
// ends in quote, toJSON or the like.

// quoteIn walks a tree. Dot says whether {{ . }} is a piece of the language, as it
// is within {{ with .Var.x }}.
func (t *Template) quoteIn(n tree.Node, dot bool) {
	switch n := n.(type) {
	case *tree.ListNode:
		if n != nil {
			for _, child := range n.Nodes {
				t.quoteIn(child, dot)
			}
		}
	case *tree.IfNode:
		t.quoteIn(n.List, dot)
		t.quoteIn(n.ElseList, dot)
	case *tree.RangeNode:
		t.quoteIn(n.List, false)
		t.quoteIn(n.ElseList, dot)
	case *tree.WithNode:
		t.quoteIn(n.List, isPiece(n.Pipe, dot))
		t.quoteIn(n.ElseList, dot)
	case *tree.ActionNode:
		if len(n.Pipe.Decl) == 0 && !isPiece(n.Pipe, dot) {
			name := t.contextOf(int(n.Pipe.Position()))
			n.Pipe.Cmds = append(n.Pipe.Cmds, &tree.CommandNode{NodeType: tree.NodeCommand, Pos: n.Pos,
				Args: []tree.Node{tree.NewIdentifier(name).SetTree(nil).SetPos(n.Pos)}})
		}
	}
}

// isPiece says whether the value of an action is text in the file's language.
func isPiece(pipe *tree.PipeNode, dot bool) bool {
	if len(pipe.Cmds) == 0 {
		return true
	}
	last := pipe.Cmds[len(pipe.Cmds)-1]
	first, isFunction := last.Args[0].(*tree.IdentifierNode)
	if !isFunction {
		return pieceOfYAML(last.Args[0], dot)
	}
	if first.Ident == "print" || first.Ident == "printf" { // of pieces a piece
		return len(pipe.Cmds) == 1 && !slices.ContainsFunc(last.Args[1:], func(n tree.Node) bool { return !pieceOfYAML(n, dot) })
	}
	return slices.Contains(quotingFunctions, first.Ident)
}

func pieceOfYAML(n tree.Node, dot bool) bool {
	switch n := n.(type) {
	case *tree.DotNode:
		return dot
	case *tree.StringNode, *tree.NumberNode, *tree.BoolNode:
		return true // the profile's own words
	case *tree.FieldNode:
		return slices.Contains(pieceFields, n.Ident[0])
	case *tree.VariableNode:
		return n.Ident[0] == "$" && len(n.Ident) > 1 && slices.Contains(pieceFields, n.Ident[1])
	case *tree.PipeNode:
		return isPiece(n, dot)
	}
	return false
}

// actionText is one {{ ... }}.
var actionText = regexp.MustCompile(`\{\{.*?\}\}`)

// contextOf says which function quotes the value of the action at an offset, by
// what stands around it in its line.
func (t *Template) contextOf(pos int) string {
	start := strings.LastIndex(t.Raw[:pos], "{{")
	end := strings.Index(t.Raw[pos:], "}}")
	if start < 0 || end < 0 {
		return "inText"
	}
	before := t.Raw[strings.LastIndexByte(t.Raw[:start], '\n')+1 : start]
	after, _, _ := strings.Cut(t.Raw[pos+end+2:], "\n")
	before, after = actionText.ReplaceAllString(before, "\x00"), strings.TrimSpace(actionText.ReplaceAllString(after, ""))
	switch quoteAround(before) {
	case '"':
		return "inDouble"
	case '\'':
		return "inSingle"
	}
	// What stands before the value is a key, a dash or a bracket, or nothing.
	lead := strings.TrimRight(before, " ")
	begins := lead == "" || strings.Trim(lead, "- ") == "" || strings.HasSuffix(lead, ":") && lead != before || strings.HasSuffix(lead, "[") || strings.HasSuffix(lead, ",") || strings.HasSuffix(lead, "{")
	ends := after == "" || strings.ContainsRune(",]}#", rune(after[0]))
	if begins && ends {
		return "asScalar"
	}
	return "inText"
}

// quoteAround gives the quote that is open at the end of a text, or 0.
func quoteAround(text string) byte {
	var open byte
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case open == '"' && c == '\\':
			i++
		case open != 0 && c == open:
			open = 0
		case open == 0 && (c == '"' || c == '\'') && (i == 0 || strings.IndexByte(" [{,:(", text[i-1]) >= 0):
			open = c
		}
	}
	return open
}

// plainScalar is what no reader of YAML takes for anything but a text, also
// within brackets. Words that it might are in [otherWords].
var plainScalar = regexp.MustCompile(`^[A-Za-z/][A-Za-z0-9_./@+=%~-]*(:[A-Za-z0-9_./@+=%~-]+)*$`)

// plainNumber are texts that begin with a digit and are not numbers: quantities,
// durations, addresses of IPv4 with a port or a prefix length.
var plainNumber = regexp.MustCompile(`^([0-9]+(ms|[smhkKMGT]|[KMGT]i)|[0-9]{1,3}(\.[0-9]{1,3}){3}([:/][0-9]{1,5})?)$`)

// readOtherwise are what YAML 1.1 and 1.2 read as true, false, nothing or a number.
var readOtherwise = map[string]bool{"y": true, "n": true, "yes": true, "no": true, "on": true, "off": true, "true": true, "false": true, "null": true, "nan": true, "inf": true}

// asScalar writes a value that stands alone. A text gets quotes where it needs
// them; numbers and the like stay what they are.
func asScalar(v any) any {
	if s, ok := v.(string); ok {
		return Scalar(s)
	}
	return v
}

// Scalar writes a text as YAML and JSON's readers of YAML take it for a text.
func Scalar(s string) string {
	if plainScalar.MatchString(s) && !readOtherwise[strings.ToLower(s)] || plainNumber.MatchString(s) {
		return s
	}
	return quoteJSON(s)
}

// inDouble writes a value inside of double quotes.
func inDouble(v any) any {
	s, ok := v.(string)
	if !ok || !strings.ContainsFunc(s, func(r rune) bool { return r == '"' || r == '\\' || unicode.IsControl(r) }) {
		return v
	}
	quoted := quoteJSON(s)
	return quoted[1 : len(quoted)-1]
}

// inSingle writes a value inside of single quotes.
func inSingle(v any) (any, error) {
	s, ok := v.(string)
	if ok && strings.ContainsRune(s, '\n') {
		return nil, &unfit{s, "in single quotes"}
	}
	if !ok {
		return v, nil
	}
	return strings.ReplaceAll(s, "'", "''"), nil
}

// inText writes a value that is a part of a longer one without quotes.
func inText(v any) (any, error) {
	if s, ok := v.(string); ok && (strings.ContainsAny(s, "\n\"'") || strings.TrimSpace(s) != s || strings.Contains(s, ": ") || strings.Contains(s, " #")) {
		return nil, &unfit{s, "as a part of a text without quotes"}
	}
	return v, nil
}

func quoteJSON(s string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a text always has a form
	return jsonMarks.Replace(strings.TrimSuffix(b.String(), "\n"))
}
