package render

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/kubespore/kubespore/pkg/diag"
)

// finding is something wrong in a Butane text.
type finding struct {
	line, column int
	path         string // as in storage.files[2].mode
	message      string
	hint         string
}

// report adds the finding to a list. The diagnostic is good until the next one.
func (f finding) report(problems *diag.List, code string, at diag.Position) *diag.Diagnostic {
	d := problems.Errorf(code, at, f.path, "%s", f.message)
	d.Hint = f.hint
	return d
}

// pathText writes a path as users do: storage.files[2].mode.
func pathText(path []any) string {
	var b strings.Builder
	for _, p := range path {
		if i, ok := p.(int); ok {
			fmt.Fprintf(&b, "[%d]", i)
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('.')
		}
		fmt.Fprint(&b, p)
	}
	return b.String()
}

var (
	yamlAtLine    = regexp.MustCompile(`line (\d+): (.*)`)
	yamlUnfitting = regexp.MustCompile("cannot unmarshal !!(\\w+)(?: `(.*)`)? into (\\S+)")
)

// yamlKinds names the kinds of YAML values.
var yamlKinds = map[string]string{
	"str": "text", "int": "a number", "float": "a number", "bool": "true or false", "seq": "a list", "map": "a mapping", "null": "nothing",
}

// yamlFindings turns a YAML error into findings with a line each.
func yamlFindings(err error) []finding {
	var out []finding
	for _, m := range yamlAtLine.FindAllStringSubmatch(err.Error(), -1) {
		line, _ := strconv.Atoi(m[1])
		message := m[2]
		if u := yamlUnfitting.FindStringSubmatch(message); u != nil {
			message = yamlKinds[u[1]] + " stands where " + wantedKind(u[3]) + " is expected"
		}
		out = append(out, finding{line: line, message: message})
	}
	if len(out) == 0 {
		out = append(out, finding{line: 1, message: strings.TrimPrefix(err.Error(), "yaml: ")})
	}
	return out
}

func wantedKind(goType string) string {
	switch {
	case goType == "int":
		return yamlKinds["int"]
	case goType == "bool":
		return yamlKinds["bool"]
	case strings.HasPrefix(goType, "[]"):
		return yamlKinds["seq"]
	case !strings.Contains(goType, "."):
		return yamlKinds["str"]
	}
	return yamlKinds["map"]
}

// templateLines maps the lines of a rendered text to the lines of its
// template: a value of several lines shifts those below it. Lines without an
// action are in both and in the same order; what is between them belongs to
// the action whose beginning it shares.
func templateLines(template, rendered string) func(int) int {
	from, to := strings.Split(template, "\n"), strings.Split(rendered, "\n")
	if len(from) == len(to) {
		return func(line int) int { return line }
	}
	lines := make([]int, len(to)+1)
	current, next := 0, 0
	for i, text := range to {
		literal := next
		for literal < len(from) && strings.Contains(from[literal], "{{") {
			literal++
		}
		if literal < len(from) && from[literal] == text {
			current, next = literal, literal+1
		} else {
			for k := next; k < literal; k++ {
				if before, _, _ := strings.Cut(from[k], "{{"); strings.TrimSpace(before) != "" && strings.HasPrefix(text, before) {
					current, next = k, k+1
					break
				}
			}
		}
		lines[i+1] = current + 1
	}
	return func(line int) int { return lines[min(max(line, 0), len(lines)-1)] }
}
