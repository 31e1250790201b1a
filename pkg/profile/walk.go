package profile

import (
	"slices"
	"strings"
	tree "text/template/parse"
)

// reference is a name that a template reads, to be checked once the whole
// profile is read.
type reference struct {
	kind    string // Param, Var, Version, VarOf, ParamOf, Has, Image, Secret, Authority, kindEveryHost
	profile string // of VarOf and ParamOf
	name    string
	pos     int
}

// kindEveryHost is a look at something that changes with every new worker, or
// at something in which that cannot be excluded. Its name says what.
const kindEveryHost = "every host"

// anyName stands for a name that is worked out.
const anyName = "*"

// walker reads off a parse tree what a template looks at.
type walker struct {
	reads *Reads
	refs  []reference
	// dynamic holds names of what some profile or other has.
	dynamic []reference
	root    bool // outside of define, which sees as a whole only what it is given
	data    bool // dot is the plan.Data; not so inside range and with
}

func (t *Template) walk() {
	w := &walker{reads: &t.Reads}
	for _, sub := range t.parsed.Templates() {
		if sub.Tree != nil {
			w.root, w.data = sub == t.parsed, true
			w.node(sub.Root)
		}
	}
	t.refs, t.dynamic = w.refs, w.dynamic
	slices.SortStableFunc(t.refs, func(a, b reference) int { return a.pos - b.pos })
	for _, r := range t.refs {
		switch r.kind {
		case "Var":
			t.Reads.Vars = append(t.Reads.Vars, r.name)
		case "VarOf":
			t.Reads.VarsOf = append(t.Reads.VarsOf, [2]string{r.profile, r.name})
		case "Slot":
			t.Reads.Slots = append(t.Reads.Slots, [2]string{r.profile, r.name})
		case "ParamOf":
			t.Reads.ParamsOf = append(t.Reads.ParamsOf, [2]string{r.profile, r.name})
		case "Has":
			t.Reads.Has = append(t.Reads.Has, r.name)
		}
	}
	t.Reads.Vars = sortedSet(t.Reads.Vars)
	t.Reads.Has = sortedSet(t.Reads.Has)
	t.Reads.VarsOf = sortedPairs(t.Reads.VarsOf)
	t.Reads.Slots = sortedPairs(t.Reads.Slots)
	t.Reads.ParamsOf = sortedPairs(t.Reads.ParamsOf)
}

func (w *walker) node(n tree.Node) {
	switch n := n.(type) {
	case *tree.ListNode:
		if n != nil {
			for _, c := range n.Nodes {
				w.node(c)
			}
		}
	case *tree.ActionNode:
		w.pipe(n.Pipe)
	case *tree.IfNode:
		w.branch(&n.BranchNode, w.data)
	case *tree.RangeNode:
		w.branch(&n.BranchNode, false)
	case *tree.WithNode:
		w.branch(&n.BranchNode, false)
	case *tree.TemplateNode:
		w.pipe(n.Pipe)
	}
}

// branch walks through if, range and with; dot says whether it still is the
// data inside.
func (w *walker) branch(n *tree.BranchNode, dot bool) {
	w.pipe(n.Pipe)
	outer := w.data
	w.data = dot
	w.node(n.List)
	w.data = outer
	w.node(n.ElseList)
}

func (w *walker) pipe(n *tree.PipeNode) {
	if n == nil {
		return
	}
	for _, c := range n.Cmds {
		w.command(c)
	}
}

// command looks at one call: the first argument may be a method of the data
// with the names it asks for behind it.
func (w *walker) command(n *tree.CommandNode) {
	for i, arg := range n.Args {
		switch arg := arg.(type) {
		case *tree.DotNode:
			if w.data && w.root {
				w.whole("the whole data", int(arg.Pos))
			}
		case *tree.VariableNode:
			if arg.Ident[0] == "$" {
				w.field(arg.Ident[1:], n.Args[i+1:], int(arg.Pos))
			}
		case *tree.FieldNode:
			if w.data {
				w.field(arg.Ident, n.Args[i+1:], int(arg.Pos))
			}
		case *tree.ChainNode:
			w.node(arg.Node)
			if p, ok := arg.Node.(*tree.PipeNode); ok {
				w.pipe(p)
			}
		case *tree.PipeNode:
			w.pipe(arg)
		}
	}
}

// field notes a field or method of the data.
func (w *walker) field(ident []string, args []tree.Node, pos int) {
	if len(ident) == 0 {
		if w.root {
			w.whole("the whole data", pos)
		}
		return
	}
	switch name := ident[0]; name {
	case "Host":
		w.reads.Host = true
	case "Each":
		w.reads.Each = true
	case "Param":
		if !w.key(name, ident, pos) {
			w.reads.Whole = true
		}
	case "Cluster":
		switch {
		case len(ident) == 1:
			w.everyHost("the whole .Cluster", pos)
		case ident[1] == "Hosts" || ident[1] == "Workers":
			w.everyHost(".Cluster."+ident[1], pos)
		}
	case "Var":
		if !w.key(name, ident, pos) {
			w.whole("the whole .Var", pos)
		}
	case "Version":
		w.key(name, ident, pos)
	case "System":
		w.reads.Host = true
		w.key(name, ident, pos)
	case "Ports", "Programs", "Packages", "LockedPackages", "Modules", "Sysctls", "Images", "Binaries", "Manifests", "Interfaces", "Leftovers":
		w.reads.Collects = true
	case "Has", "Image", "Secret", "KeyRing", "PublicKey", "Authority":
		if names := literals(args, 1); names != nil {
			w.refs = append(w.refs, reference{kind: name, name: names[0], pos: pos})
		} else {
			w.reads.Whole = true
			w.dynamic = append(w.dynamic, reference{kind: strings.ToLower(name), name: anyName})
		}
	case "Slot":
		if names := literals(args, 2); names != nil {
			w.refs = append(w.refs, reference{kind: name, profile: names[0], name: names[1], pos: pos})
		} else {
			w.whole(".Slot of something worked out", pos)
		}
	case "VarOf", "ParamOf":
		if names := literals(args, 2); names != nil {
			w.refs = append(w.refs, reference{kind: name, profile: names[0], name: names[1], pos: pos})
		} else {
			w.whole("."+name+" of something worked out", pos)
			w.workedOut(name, args)
		}
	}
}

// workedOut notes the name of a var or parameter of a profile that is worked
// out: those of this name, or any, may be meant.
func (w *walker) workedOut(name string, args []tree.Node) {
	r := reference{kind: strings.ToLower(strings.TrimSuffix(name, "Of")), name: anyName}
	if len(args) == 2 {
		if s, ok := args[1].(*tree.StringNode); ok {
			r.name = s.Text
		}
	}
	w.dynamic = append(w.dynamic, r)
}

// whole notes a look at what may be anything.
func (w *walker) whole(what string, pos int) {
	w.reads.Whole = true
	w.everyHost(what, pos)
}

func (w *walker) everyHost(what string, pos int) {
	w.refs = append(w.refs, reference{kind: kindEveryHost, name: what, pos: pos})
}

func (w *walker) key(kind string, ident []string, pos int) bool {
	if len(ident) < 2 {
		return false
	}
	w.refs = append(w.refs, reference{kind: kind, name: ident[1], pos: pos})
	return true
}

// literals gives the first n arguments when they are texts written out.
func literals(args []tree.Node, n int) []string {
	if len(args) < n {
		return nil
	}
	out := make([]string, n)
	for i := range out {
		s, ok := args[i].(*tree.StringNode)
		if !ok {
			return nil
		}
		out[i] = s.Text
	}
	return out
}

func sortedSet(list []string) []string {
	slices.Sort(list)
	return slices.Compact(list)
}

func sortedPairs(list [][2]string) [][2]string {
	slices.SortFunc(list, func(a, b [2]string) int { return slices.Compare(a[:], b[:]) })
	return slices.Compact(list)
}
