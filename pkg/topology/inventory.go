package topology

import (
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/yamlfile"
	"github.com/kubespore/kubespore/pkg/yamlfile/schema"
)

// inventories puts hosts in the place of each entry that takes them from a file:
// one for each of its rows, with what the entry says for all of them. What a cell
// says stands at its own place in that file.
func (d *decoder) inventories(root *yaml.Node) {
	hosts := yamlfile.Value(root, "hosts")
	if hosts != nil && hosts.Kind == yaml.MappingNode && yamlfile.Value(hosts, "from") != nil {
		*hosts = yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Line: hosts.Line, Column: hosts.Column, Content: []*yaml.Node{copyOf(hosts)}}
	}
	if hosts == nil || hosts.Kind != yaml.SequenceNode {
		return
	}
	var out []*yaml.Node
	for _, entry := range hosts.Content {
		if entry.Kind == yaml.MappingNode && yamlfile.Value(entry, "from") != nil {
			out = append(out, d.inventory(entry, yamlfile.Value(root, "pools"), len(out))...)
			continue
		}
		out = append(out, entry)
	}
	hosts.Content = out
}

func copyOf(n *yaml.Node) *yaml.Node {
	out := *n
	return &out
}

// hostList is the list of hosts. A mapping in its place names an inventory, which
// has become a list by the time that it is read.
type hostList struct{ schema.List[entry] }

func (h hostList) Shape() *schema.Shape {
	return &schema.Shape{Name: "list of mappings, see below", OneOf: []*schema.Shape{{Name: "mapping with from", Type: "object"}, h.List.Shape()}}
}

// inventory gives the hosts of an entry that takes them from a file.
func (d *decoder) inventory(entry, pools *yaml.Node, first int) []*yaml.Node {
	at := yamlfile.Element("hosts", first)
	d.Record(at, entry)
	shared := slices.DeleteFunc(d.Pairs(entry, at), func(p yamlfile.Pair) bool { return p.Key == "from" || p.Key == "columns" })
	for _, p := range shared {
		if slices.Contains([]string{"name", "names", "address", "addresses", "mac", "macs", "serial", "serials"}, p.Key) {
			d.ErrorAt(d.Position(p.At), codeInventory, yamlfile.Join(at, p.Key), "%s is each machine's own, and this entry stands for all rows of a file", p.Key).
				WithHint("write it as a column of the file")
		}
	}
	table := d.openInventory(yamlfile.Value(entry, "from"), yamlfile.Join(at, "from"))
	var columns []column
	if table != nil {
		columns = d.columns(table, yamlfile.Value(entry, "columns"), at, reach{shared, pools})
	}
	if columns == nil {
		d.lost = true
		return nil
	}
	var out []*yaml.Node
	for {
		cells, ok := table.next(d, at)
		if !ok {
			return out
		}
		if len(out) == maxHosts {
			d.Stop(at, "the file declares more than %d hosts", maxHosts).WithHint("split the fleet into several clusters")
			return out
		}
		out = append(out, d.row(table, cells, columns, reach{shared, pools}, yamlfile.Element("hosts", first+len(out))))
	}
}

// table is an inventory that is being read.
type table struct {
	*csv.Reader
	file   string // in messages
	header []string
	node   *yaml.Node // its name, in the topology
}

// openInventory reads a file and the line of its columns; nil when that is not
// possible.
func (d *decoder) openInventory(from *yaml.Node, path string) *table {
	fail := func(format string, args ...any) *diag.Diagnostic {
		return d.ErrorAt(d.Position(from), codeInventory, path, format, args...)
	}
	if from.Kind != yaml.ScalarNode || from.Value == "" {
		fail("expected the name of a file, found %s", yamlfile.Describe(from)).WithHint("write from: inventory.csv")
		return nil
	}
	if d.known.Read == nil {
		fail("%s cannot be read: a topology without a folder has no files", yamlfile.Clip(from.Value)).WithHint("write the hosts out")
		return nil
	}
	text, err := d.known.Read(from.Value)
	if err != nil {
		fail("%s cannot be read%s", yamlfile.Clip(from.Value), reason(err)).WithHint("name a file below the folder of the topology")
		return nil
	}
	d.sum(from.Value, text)
	t := &table{file: filepath.ToSlash(filepath.Join(filepath.Dir(d.File), from.Value)), node: from}
	text = bytes.TrimPrefix(text, []byte("\ufeff")) // what spreadsheets put in front
	t.Reader = csv.NewReader(bytes.NewReader(text))
	t.Comma, t.Comment, t.ReuseRecord = separator(text), '#', true
	t.TrimLeadingSpace = t.Comma != '\t' // else it would take empty cells for space
	mistakes := len(d.List)
	header, ok := t.next(d, path)
	if !ok {
		if len(d.List) == mistakes {
			fail("%s holds no line of columns", yamlfile.Clip(from.Value)).WithHint("begin it with a line such as name,address,mac")
		}
		return nil
	}
	t.header = slices.Clone(header)
	for i := range t.header {
		t.header[i] = strings.TrimSpace(t.header[i])
	}
	return t
}

func reason(err error) string {
	if err = errors.Unwrap(err); err != nil {
		return ": " + err.Error()
	}
	return ""
}

// separator is what stands between the columns of the first line.
func separator(text []byte) rune {
	for line := range bytes.Lines(text) {
		if line = bytes.TrimSpace(line); len(line) == 0 || line[0] == '#' {
			continue
		}
		for _, c := range []rune{',', ';', '\t'} {
			if bytes.ContainsRune(line, c) {
				return c
			}
		}
		break
	}
	return ','
}

// next gives the cells of the next row; false at the end, or behind a mistake.
func (t *table) next(d *decoder, path string) ([]string, bool) {
	cells, err := t.Read()
	var wrong *csv.ParseError
	switch {
	case errors.Is(err, io.EOF):
		return nil, false
	case errors.As(err, &wrong):
		at := diag.Position{File: t.file, Line: wrong.StartLine, Column: max(1, wrong.Column)}
		message, hint := "this is not CSV: "+wrong.Err.Error(), "write a value with quotes or separators in double quotes, and a quote in it twice"
		if errors.Is(err, csv.ErrFieldCount) {
			at.Line = wrong.Line
			message, hint = "this row has more or fewer values than there are columns", "write one value for each column; an empty one is fine"
		}
		d.ErrorAt(at, codeInventory, path, "%s", message).WithHint("%s", hint)
		d.lost = true
		return nil, false
	}
	return cells, true
}

// place is where a cell of the row that was read last stands.
func (t *table) place(i int) (line, column int) { return t.FieldPos(i) }

// row makes the host of a row: what its cells say, and under it what the entry does.
func (d *decoder) row(t *table, cells []string, columns []column, says reach, path string) *yaml.Node {
	line, _ := t.place(0)
	node := func(kind yaml.Kind, line, column int) *yaml.Node {
		n := &yaml.Node{Kind: kind, Line: line, Column: column}
		d.Elsewhere[n] = t.file
		return n
	}
	host := node(yaml.MappingNode, line, 1)
	nics := map[int][]*yaml.Node{} // what cells say of the interfaces of the entry
	shared := says.of(cells, columns)
	for _, c := range columns {
		text := strings.TrimSpace(cells[c.index])
		if text == "" {
			continue
		}
		line, at := t.place(c.index)
		value := cell(text, c.cell, func(kind yaml.Kind, offset int) *yaml.Node { return node(kind, line, at+offset) })
		keys := make([]*yaml.Node, len(c.key))
		for i, key := range c.key {
			keys[i] = node(yaml.ScalarNode, line, at)
			keys[i].Value, keys[i].Tag = key, "!!str"
		}
		if c.key[0] == "interfaces" {
			i := interfaceNamed(shared, c.key[1])
			if i < 0 {
				d.ErrorAt(d.Position(value), codeInventory, path, "the pool of this host has no interface %s", yamlfile.Clip(c.key[1])).WithHint("leave the cell empty, or list the interface under pools")
				continue
			}
			nics[i] = append(nics[i], keys[2], value)
			continue
		}
		put(host, keys, value, func() *yaml.Node { return node(yaml.MappingNode, line, at) })
	}
	host = mapping(host, d.join(d.Pairs(host, path), withInterfaces(shared, nics), path, "", parameterDepth))
	d.Elsewhere[host] = t.file
	return host
}

// put sets a value below a mapping, through the mappings that its keys name.
func put(into *yaml.Node, keys []*yaml.Node, value *yaml.Node, mapping func() *yaml.Node) {
	if len(keys) > 1 {
		below := yamlfile.Value(into, keys[0].Value)
		if below == nil {
			below = mapping()
			into.Content = append(into.Content, keys[0], below)
		}
		put(below, keys[1:], value, mapping)
		return
	}
	into.Content = append(into.Content, keys[0], value)
}

// cell makes a value of a text, of the type that its key takes. A list stands in
// it with blanks between its elements.
func cell(text string, of cellType, node func(kind yaml.Kind, offset int) *yaml.Node) *yaml.Node {
	scalar := func(text string, offset int) *yaml.Node {
		n := node(yaml.ScalarNode, offset)
		if n.Value = text; of.text {
			n.Tag = "!!str"
		}
		return n
	}
	if !of.list {
		return scalar(text, 0)
	}
	list := node(yaml.SequenceNode, 0)
	for _, word := range strings.Fields(text) {
		list.Content = append(list.Content, scalar(word, strings.Index(text, word)))
	}
	return list
}

// withInterfaces gives the pairs of an entry with more keys for its interfaces.
func withInterfaces(shared []yamlfile.Pair, more map[int][]*yaml.Node) []yamlfile.Pair {
	if len(more) == 0 {
		return shared
	}
	out := slices.Clone(shared)
	at := yamlfile.Find(out, "interfaces")
	list := copyOf(followed(out[at].Value))
	list.Content = slices.Clone(list.Content)
	for i, keys := range maps.All(more) {
		said := followed(list.Content[i])
		nic := copyOf(said)
		nic.Content = slices.Clone(keys)
		for k := 0; k+1 < len(said.Content); k += 2 {
			if yamlfile.Value(nic, said.Content[k].Value) == nil {
				nic.Content = append(nic.Content, said.Content[k], said.Content[k+1])
			}
		}
		list.Content[i] = nic
	}
	out[at].Value = list
	return out
}

// sum lets what was read count for the digest of the topology.
func (d *decoder) sum(name string, text []byte) {
	sum := sha256.Sum256(text)
	d.read = append(d.read, name, hex.EncodeToString(sum[:]))
}
