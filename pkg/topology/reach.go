package topology

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/kubespore/kubespore/pkg/yamlfile"
)

// reach is what the rows of an inventory can speak of: what their entry says, and the
// pools of the topology, as they are written.
type reach struct {
	shared []yamlfile.Pair
	pools  *yaml.Node
}

// of gives what the entry says for one row, with the interfaces of the row's pool where
// the entry lists none.
func (r reach) of(cells []string, columns []column) []yamlfile.Pair {
	if !slices.ContainsFunc(columns, func(c column) bool { return c.key[0] == "interfaces" }) {
		return r.shared
	}
	if i := slices.IndexFunc(columns, func(c column) bool { return c.key[0] == "pool" }); i >= 0 {
		if name := strings.TrimSpace(cells[columns[i].index]); name != "" {
			return r.with(name)
		}
	}
	return r.with(r.pool())
}

// pool is the one that the entry names.
func (r reach) pool() string {
	if i := yamlfile.Find(r.shared, "pool"); i >= 0 {
		return followed(r.shared[i].Value).Value
	}
	return ""
}

// lists gives what a row may find its interfaces in: in any pool where a column names it.
func (r reach) lists(perRow bool) [][]yamlfile.Pair {
	out := [][]yamlfile.Pair{r.with(r.pool())}
	if perRow && r.pools != nil && r.pools.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(r.pools.Content); i += 2 {
			out = append(out, r.with(r.pools.Content[i].Value))
		}
	}
	return out
}

// with adds the interfaces of a pool to an entry that lists none.
func (r reach) with(name string) []yamlfile.Pair {
	if r.pools == nil || yamlfile.Find(r.shared, "interfaces") >= 0 {
		return r.shared
	}
	pool := yamlfile.Value(r.pools, name)
	if pool == nil {
		return r.shared
	}
	for i := 0; pool.Kind == yaml.MappingNode && i+1 < len(pool.Content); i += 2 {
		if pool.Content[i].Value == "interfaces" {
			return append(slices.Clone(r.shared), yamlfile.Pair{Key: "interfaces", At: pool.Content[i], Value: pool.Content[i+1]})
		}
	}
	return r.shared
}

// interfaceNamed gives the place of an interface in the list that is said.
func interfaceNamed(said []yamlfile.Pair, name string) int {
	i := yamlfile.Find(said, "interfaces")
	if i < 0 {
		return -1
	}
	list := followed(said[i].Value)
	if list.Kind != yaml.SequenceNode {
		return -1
	}
	return slices.IndexFunc(list.Content, func(n *yaml.Node) bool {
		value := yamlfile.Value(followed(n), "name")
		return value != nil && value.Value == name
	})
}

func followed(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}
