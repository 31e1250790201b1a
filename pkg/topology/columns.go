package topology

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/yamlfile"
	"github.com/kubespore/kubespore/pkg/yamlfile/schema"
)

// column is a column of an inventory and the key of a host that it gives.
type column struct {
	index int
	key   []string // as in labels, example.org/rack
	cell  cellType
}

// columns says what each column of a file gives. `columns` names those that are
// read by the names that they have there; without it all are, and have the names
// of keys. nil stands for a mistake.
func (d *decoder) columns(t *table, named *yaml.Node, at string, says reach) []column {
	var out []column
	perRow := slices.Contains(t.header, "pool")
	if named != nil {
		perRow = yamlfile.Value(named, "pool") != nil
	}
	take := func(key string, index int, where diag.Position, path string) {
		c, hint := columnOf(key, says.lists(perRow))
		if hint != "" {
			d.ErrorAt(where, codeInventory, path, "%q is not a key of a host that a column can give", yamlfile.Clip(key)).WithHint("%s", hint)
			return
		}
		c.index = index
		out = append(out, c)
	}
	mistakes := len(d.List)
	if named == nil {
		for i, name := range t.header {
			line, column := t.place(i)
			where := diag.Position{File: t.file, Line: line, Column: column}
			if slices.Index(t.header, name) < i {
				d.ErrorAt(where, codeInventory, at, "the column %s is there twice", yamlfile.Clip(name)).WithHint("keep one of them")
				continue
			}
			take(name, i, where, at)
		}
	} else {
		path := yamlfile.Join(at, "columns")
		for _, p := range d.Pairs(named, path) {
			i := slices.Index(t.header, p.Value.Value)
			if i < 0 {
				wrong := d.ErrorAt(d.Position(p.Value), codeInventory, yamlfile.Join(path, p.Key), "the file has no column %q", yamlfile.Clip(p.Value.Value))
				if near := yamlfile.Suggest(p.Value.Value, t.header); near != "" {
					wrong.WithHint("did you mean %s?", near)
				} else {
					wrong.WithHint("its columns: %s", yamlfile.Clip(strings.Join(t.header, ", ")))
				}
				continue
			}
			take(p.Key, i, d.Position(p.At), yamlfile.Join(path, p.Key))
		}
	}
	if len(d.List) > mistakes {
		return nil
	}
	return out
}

// columnOf finds what a key such as mac, labels.example.org/rack or
// interfaces.eno1.mac stands for, or says what to write.
func columnOf(key string, lists [][]yamlfile.Pair) (column, string) {
	head, rest, _ := strings.Cut(key, ".")
	switch head {
	case "labels":
		return column{key: []string{head, rest}, cell: cellType{text: true}}, hintUnless(rest != "", "write labels.KEY, as in labels.topology.kubernetes.io/zone")
	case "profiles":
		name, parameter, ok := strings.Cut(rest, ".")
		return column{key: []string{head, name, parameter}}, hintUnless(ok, "write profiles.NAME.PARAMETER, as in profiles.kubelet.maxPods")
	case "interfaces":
		i := strings.LastIndexByte(rest, '.')
		if i < 0 {
			return column{}, "write interfaces.NAME.KEY, as in interfaces.eno1.mac"
		}
		cell, hint := cellTypeOf(interfaceSchema.Shape(), rest[i+1:], "name", "macs")
		if hint == "" && !slices.ContainsFunc(lists, func(l []yamlfile.Pair) bool { return interfaceNamed(l, rest[:i]) >= 0 }) {
			hint = "the entry or its pool must list an interface " + yamlfile.Clip(rest[:i]) + " under interfaces"
		}
		return column{key: []string{head, rest[:i], rest[i+1:]}, cell: cell}, hint
	}
	cell, hint := cellTypeOf(hostSchema.Shape(), key, "names", "addresses", "macs", "serials", "from")
	return column{key: []string{key}, cell: cell}, hint
}

func hintUnless(fine bool, hint string) string {
	if fine {
		return ""
	}
	return hint
}

// cellType is how a value stands in a cell.
type cellType struct {
	list bool // several words
	text bool // never a number or a boolean
}

// cellTypeOf gives the type of a key whose value fits into a cell, or says what to
// write. An object's own keys are those of what is written, so a range is not one.
func cellTypeOf(of *schema.Shape, key string, but ...string) (cellType, string) {
	var fit []string
	for _, p := range of.Properties {
		value := p.Shape
		if value.OneOf != nil {
			value = value.OneOf[len(value.OneOf)-1]
		}
		cell := cellType{list: value.Type == "array"}
		if cell.list {
			if value = value.Items; value.OneOf != nil {
				value = value.OneOf[0]
			}
		}
		if value.Properties != nil || value.Values != nil || value.OneOf != nil || slices.Contains(but, p.Name) {
			continue
		}
		if cell.text = value.Type == "string"; p.Name == key {
			return cell, ""
		}
		fit = append(fit, p.Name)
	}
	if near := yamlfile.Suggest(key, fit); near != "" {
		return cellType{}, "did you mean " + near + "?"
	}
	return cellType{}, "possible: " + strings.Join(fit, ", ")
}
