package profile

import (
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"text/template"
	tree "text/template/parse"
	"unicode"
)

// A value that a template writes into a file is quoted for the file's language
// where it stands alone. Where it is a part of something that the template
// makes, each value in it must be a plain word, which means itself in every
// language; so must each value in a text of profile.yaml, which may end up in any
// of them. What a template wants otherwise it says with one of quotingFunctions.

// language is what the files of some endings are written in, and the function
// that quotes a value of them: alone, and inside of double quotes.
type language struct {
	endings       []string
	bare, doubled string
}

// languages other than YAML, whose functions depend on more: see [Template.quoteIn].
// Files of any other ending take plain words only.
var languages = []language{
	{[]string{".toml"}, "asTOML", "inDouble"},
	{[]string{".env", ".sh", ""}, "word", "inShell"},
}

// yamlFiles are the endings of files of YAML and JSON.
var yamlFiles = []string{".yaml", ".yml", ".json", ".conflist", ".bu"}

// contexts are the functions that the loader adds to actions.
var contexts = template.FuncMap{"asScalar": asScalar, "inDouble": inDouble, "inSingle": inSingle, "inText": inText,
	"asTOML": asTOML, "inShell": inShell, "word": requirePlainWord}

var (
	// pieceFields hold what the core or a profile made for the place where it goes.
	pieceFields = []string{"Var", "VarOf", "Slot", "Version", "Secret", "KeyRing", "PublicKey", "Authority", "Generation", "ClockFloor", "Written", "State"}
	// plainFields hold names, numbers and addresses, or texts of profile.yaml.
	plainFields = []string{"Host", "Cluster", "Ports", "Programs", "Modules", "Sysctls", "Binaries", "Manifests", "Interfaces", "Leftovers"}
	// quotingFunctions say how the profile wants its value.
	quotingFunctions = []string{"quote", "toJSON", "words", "unitArgument", "envArgument"}
)

// quoteValues adds the functions that quote to the actions of a file.
func (t *Template) quoteValues() {
	in := language{bare: "word", doubled: "word"}
	for _, l := range languages {
		if slices.Contains(l.endings, path.Ext(t.Name)) {
			in = l
		}
	}
	for _, x := range t.parsed.Templates() {
		switch {
		case x.Tree == nil || x.Root == nil:
		case slices.Contains(yamlFiles, path.Ext(t.Name)):
			t.quoteIn(x.Root, false)
		default:
			g := guard{t: t, language: in, made: map[string]bool{}}
			g.node(x.Root, map[bool]dot{true: dotData, false: dotPiece}[x == t.parsed])
		}
	}
}

// guardWords demands of a text that may end up in any language that its values
// are plain words.
func (t *Template) guardWords() {
	if t.parsed != nil {
		g := guard{t: t, language: language{bare: "word", doubled: "word"}, made: map[string]bool{}}
		g.node(t.parsed.Root, dotData)
	}
}

// dot is what a point stands for.
type dot int

const (
	dotData  dot = iota // plan.Data
	dotPiece            // text in the file's language, or what a template was called with
	dotOther
)

// guard walks the tree of a template.
type guard struct {
	t        *Template
	language language
	made     map[string]bool // variables that hold what the template made
}

func (g *guard) node(n tree.Node, at dot) {
	switch n := n.(type) {
	case *tree.ListNode:
		if n != nil {
			for _, child := range n.Nodes {
				g.node(child, at)
			}
		}
	case *tree.IfNode:
		g.declare(n.Pipe, at)
		g.node(n.List, at)
		g.node(n.ElseList, at)
	case *tree.WithNode:
		g.declare(n.Pipe, at)
		g.node(n.List, g.within(n.Pipe, at))
		g.node(n.ElseList, at)
	case *tree.RangeNode:
		for _, v := range n.Pipe.Decl {
			g.made[v.Ident[0]] = g.within(n.Pipe, at) == dotPiece
		}
		g.node(n.List, g.within(n.Pipe, at))
		g.node(n.ElseList, at)
	case *tree.TemplateNode:
		if n.Pipe != nil {
			g.pipe(n.Pipe, at, "word")
		}
	case *tree.ActionNode:
		if len(n.Pipe.Decl) > 0 {
			g.declare(n.Pipe, at)
			return
		}
		g.pipe(n.Pipe, at, g.language.at(g.t.lineBefore(int(n.Pipe.Position()))))
	}
}

// declare notes what a variable holds: what is put together is made of words, and
// what is taken out of a value is no less a value.
func (g *guard) declare(p *tree.PipeNode, at dot) {
	for _, v := range p.Decl {
		if f, ok := p.Cmds[0].Args[0].(*tree.IdentifierNode); ok && (f.Ident == "print" || f.Ident == "printf") {
			g.pipe(p, at, "word")
			g.made[v.Ident[0]] = true
			continue
		}
		g.made[v.Ident[0]] = g.within(p, at) == dotPiece
	}
}

// within says what a point stands for inside of a range or with.
func (g *guard) within(p *tree.PipeNode, at dot) dot {
	for _, c := range p.Cmds {
		for _, arg := range c.Args {
			inner, isPipe := arg.(*tree.PipeNode)
			if isPipe && g.within(inner, at) != dotPiece || !isPipe && isLeaf(arg) && !g.piece(arg, at) {
				return dotOther
			}
		}
	}
	return dotPiece
}

// pipe guards every value in a pipe; alone is the function for a value that is
// the whole of it.
func (g *guard) pipe(p *tree.PipeNode, at dot, alone string) {
	last := p.Cmds[len(p.Cmds)-1]
	if f, ok := last.Args[0].(*tree.IdentifierNode); ok && slices.Contains(quotingFunctions, f.Ident) {
		return
	}
	if len(p.Cmds) > 1 || !isLeaf(last.Args[0]) {
		alone = "word"
	}
	for _, c := range p.Cmds {
		for i, arg := range c.Args {
			switch inner, isPipe := arg.(*tree.PipeNode); {
			case isPipe:
				g.pipe(inner, at, "word")
			case !isLeaf(arg) || g.piece(arg, at):
			case i == 0: // a field, or a method with its arguments
				call := &tree.CommandNode{NodeType: tree.NodeCommand, Pos: c.Pos, Args: c.Args}
				c.Args = []tree.Node{guarded(call, p.Line, alone)}
			default:
				c.Args[i] = guarded(&tree.CommandNode{NodeType: tree.NodeCommand, Pos: c.Pos, Args: []tree.Node{arg}}, p.Line, "word")
			}
			if len(c.Args) <= i+1 {
				break
			}
		}
	}
}

// guarded is (VALUE | NAME).
func guarded(value *tree.CommandNode, line int, name string) *tree.PipeNode {
	function := &tree.CommandNode{NodeType: tree.NodeCommand, Pos: value.Pos, Args: []tree.Node{tree.NewIdentifier(name).SetPos(value.Pos)}}
	return &tree.PipeNode{NodeType: tree.NodePipe, Pos: value.Pos, Line: line, Cmds: []*tree.CommandNode{value, function}}
}

func isLeaf(n tree.Node) bool {
	switch n.(type) {
	case *tree.DotNode, *tree.FieldNode, *tree.VariableNode, *tree.ChainNode:
		return true
	}
	return false
}

// piece says whether a value needs no guard.
func (g *guard) piece(n tree.Node, at dot) bool {
	switch n := n.(type) {
	case *tree.DotNode:
		return at == dotPiece
	case *tree.FieldNode:
		return at == dotPiece || isOwnText(n.Ident, at == dotData)
	case *tree.VariableNode:
		if n.Ident[0] == "$" {
			return len(n.Ident) > 1 && isOwnText(n.Ident[1:], true)
		}
		return g.made[n.Ident[0]] || isOwnText(n.Ident[1:], false)
	}
	return false
}

// isOwnText says whether a field holds text of the core or the profile.
func isOwnText(ident []string, data bool) bool {
	if len(ident) == 0 {
		return false
	}
	return data && (slices.Contains(pieceFields, ident[0]) || slices.Contains(plainFields, ident[0])) || ident[len(ident)-1] == "Doc"
}

// lineBefore gives what stands in the line of an action before it.
func (t *Template) lineBefore(pos int) string {
	start := max(strings.LastIndex(t.Raw[:pos], "{{"), 0)
	return actionText.ReplaceAllString(t.Raw[strings.LastIndexByte(t.Raw[:start], '\n')+1:start], "")
}

// at names the function for a value by what stands before it in its line.
func (l language) at(before string) string {
	switch {
	case strings.HasPrefix(strings.TrimSpace(before), "#"):
		return "word"
	case strings.Count(before, `"`)%2 == 1:
		return l.doubled
	}
	return l.bare
}

// unfit is a value that cannot stand where a template writes it.
type unfit struct{ value, where string }

func (u *unfit) Error() string { return fmt.Sprintf("%q cannot stand %s", u.value, u.where) }

// plainWord means itself in every language that profiles write: no blanks,
// quotes, or marks of a shell, systemd, YAML, TOML, nft or sudo.
var plainWord = regexp.MustCompile(`^[A-Za-z0-9_./:@+=,~^*\[\]-]*$`)

// requirePlainWord refuses texts that are not plain words, also inside of lists and maps.
func requirePlainWord(v any) (any, error) {
	return v, eachText(v, plainWord, "here: it must be one word of letters, digits and ._/:@+=,~^*[]-")
}

var plainWords = regexp.MustCompile(`^[A-Za-z0-9_./:@+=,~^*\[\] -]*$`)

// requirePlainWords is requirePlainWord for texts that may be several.
func requirePlainWords(v any) (any, error) {
	return v, eachText(v, plainWords, "here: it must be words of letters, digits and ._/:@+=,~^*[]-")
}

func eachText(v any, rule *regexp.Regexp, where string) error {
	switch v := v.(type) {
	case string:
		if !rule.MatchString(v) {
			return &unfit{v, where}
		}
	case []string:
		for _, e := range v {
			if !rule.MatchString(e) {
				return &unfit{e, where}
			}
		}
	case []any:
		for _, e := range v {
			if err := eachText(e, rule, where); err != nil {
				return err
			}
		}
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			if err := eachText([]any{key, v[key]}, rule, where); err != nil {
				return err
			}
		}
	}
	return nil
}

// asTOML writes a value that stands alone in TOML, whose texts always have quotes.
func asTOML(v any) any {
	if s, ok := v.(string); ok {
		return quoteJSON(s)
	}
	return v
}

var shellMarks = strings.NewReplacer(`\`, `\\`, `"`, `\"`, `$`, `\$`, "`", "\\`")

// inShell writes a value inside of double quotes for a shell, and for systemd,
// which reads environment files alike.
func inShell(v any) (any, error) {
	s, ok := v.(string)
	if !ok {
		return v, nil
	}
	if strings.ContainsFunc(s, unicode.IsControl) {
		return nil, &unfit{s, "in one line"}
	}
	return shellMarks.Replace(s), nil
}

// argument writes one argument of a command line as systemd splits it.
func argument(v any) (string, error) {
	s := toText(v)
	if strings.ContainsFunc(s, unicode.IsControl) {
		return "", &unfit{s, "in one line"}
	}
	if s != "" && plainWord.MatchString(s) {
		return s, nil
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`, nil
}

var unitMarks = strings.NewReplacer("%", "%%", "$", "$$")

// unitArgument writes one argument of a command line in a unit.
func unitArgument(v any) (string, error) {
	s, err := argument(v)
	return unitMarks.Replace(s), err
}

// envArgument writes one argument of a command line that is a variable in double
// quotes in an environment file.
func envArgument(v any) (string, error) {
	s, err := argument(v)
	return shellMarks.Replace(s), err
}
