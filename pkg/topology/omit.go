package topology

import (
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/kubespore/kubespore/pkg/diag"
)

// Ends says whether nothing is known of the file behind a mistake: it is not YAML,
// or it is larger than what is read.
func Ends(d diag.Diagnostic) bool {
	return d.Code == codeSyntax || d.Code == codeDocument || d.Code == codeLimit
}

// omit takes the value of a path such as access.users[0].name out of a mapping,
// with its key. Elements of lists stay where they are, or the paths of those
// behind them would change; it says whether something went.
func omit(n *yaml.Node, path string) bool {
	if n.Kind == yaml.AliasNode {
		return omit(n.Alias, path)
	}
	if index, rest, ok := strings.Cut(path, "]"); ok && strings.HasPrefix(index, "[") && n.Kind == yaml.SequenceNode {
		i, err := strconv.Atoi(index[1:])
		return err == nil && i < len(n.Content) && omit(n.Content[i], strings.TrimPrefix(rest, "."))
	}
	if n.Kind != yaml.MappingNode {
		return false
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		rest, ok := strings.CutPrefix(path, n.Content[i].Value)
		switch {
		case !ok:
		case rest == "":
			n.Content = append(n.Content[:i:i], n.Content[i+2:]...)
			return true
		case rest[0] == '.' || rest[0] == '[':
			if omit(n.Content[i+1], strings.TrimPrefix(rest, ".")) {
				return true
			}
		}
	}
	return false
}
