package topology

import (
	"cmp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/yamlfile"
	"github.com/kubespore/kubespore/pkg/yamlfile/schema"
)

// Setting is what a topology says for a host, and where.
type Setting struct {
	Key   string        `json:"key"`            // as a host has it: profiles.kubelet.maxPods
	Value string        `json:"value"`          // on one line
	From  string        `json:"from"`           // host, pool or topology
	Pool  string        `json:"pool,omitempty"` // its name
	At    diag.Position `json:"at"`
}

// Settings gives what counts for a host of all that the file says, by key: at the host, in
// its pool, or at the top for all hosts. Elements of lists that are added count one by one.
// The file is the one that Parse has read without errors.
func Settings(file string, data []byte, known Known, host Host) []Setting {
	d := newDecoder(file)
	d.known, d.said = known, map[string][]yamlfile.Pair{}
	root := d.load(data)
	if root == nil {
		return nil
	}
	d.inventories(root)
	f := document{Topology: Topology{File: file, positions: d.Positions}}
	d.decode(root, &f)
	own := d.said[host.Path]
	w := settingsWriter{decoder: d, from: "host", ofPool: map[*yaml.Node]bool{}}
	if i := yamlfile.Find(own, "pool"); i >= 0 {
		w.pool = followed(own[i].Value).Value
		for _, p := range f.pools[w.pool] {
			note(p.Value, w.ofPool)
		}
	}
	w.write(own, "", parameterDepth)
	settings := w.out
	w = settingsWriter{decoder: d, from: "topology"}
	w.write(slices.DeleteFunc(d.Pairs(root, ""), func(p yamlfile.Pair) bool { return !ofHosts(p.Key) }), "", parameterDepth)
	for _, s := range w.out {
		if !known.replaced(s, settings) {
			settings = append(settings, s)
		}
	}
	slices.SortStableFunc(settings, func(a, b Setting) int { return strings.Compare(a.Key, b.Key) })
	return settings
}

// ofHosts says whether a key at the top is one that hosts have, too.
func ofHosts(key string) bool {
	return slices.ContainsFunc(hostSchema.Properties, func(p schema.Property[entry]) bool { return p.Name == key })
}

// replaced says whether what the top says does not count for a host that says this.
func (k Known) replaced(top Setting, own []Setting) bool {
	added := slices.Contains(addedLists, top.Key)
	return slices.ContainsFunc(own, func(s Setting) bool {
		return s.Key == top.Key && !added || strings.HasPrefix(top.Key, s.Key+".") && !k.isLaidOver(s.Key)
	})
}

func (k Known) isLaidOver(key string) bool {
	words := strings.Split(key, ".")
	return k.LaidOver != nil && len(words) == 3 && words[0] == "profiles" && k.LaidOver(words[1], words[2])
}

// note adds a node and all that it holds.
func note(n *yaml.Node, to map[*yaml.Node]bool) {
	n = followed(n)
	to[n] = true
	for _, below := range n.Content {
		note(below, to)
	}
}

// settingsWriter goes through what is said, down to where it is joined.
type settingsWriter struct {
	*decoder
	from, pool string
	ofPool     map[*yaml.Node]bool
	out        []Setting
}

func (w *settingsWriter) write(pairs []yamlfile.Pair, above string, depth int) {
	for _, p := range pairs {
		key, value := yamlfile.Join(above, p.Key), followed(p.Value)
		switch {
		case value.Kind == yaml.MappingNode && (depth > 0 || w.known.isLaidOver(key)) && len(value.Content) > 0:
			w.write(w.Pairs(value, key), key, depth-1)
		case value.Kind == yaml.SequenceNode && slices.Contains(addedLists, key):
			for _, item := range value.Content {
				w.add(key, followed(item), item)
			}
		default:
			w.add(key, value, cmp.Or(p.At, p.Value))
		}
	}
}

func (w *settingsWriter) add(key string, value, at *yaml.Node) {
	s := Setting{Key: key, Value: oneLine(value), From: w.from, At: w.Position(at)}
	if w.ofPool[value] {
		s.From, s.Pool = "pool", w.pool
	}
	w.out = append(w.out, s)
}

// oneLine is a value as it can be written on one line.
func oneLine(n *yaml.Node) string {
	if n.Kind == yaml.ScalarNode {
		return strings.Join(strings.Fields(n.Value), " ")
	}
	flow := bare(n)
	flow.Style = yaml.FlowStyle
	text, err := yaml.Marshal(flow)
	if err != nil {
		return "" // what was read can be written
	}
	return strings.Join(strings.Fields(string(text)), " ")
}

// bare is a node without comments, anchors and aliases.
func bare(n *yaml.Node) *yaml.Node {
	n = followed(n)
	out := &yaml.Node{Kind: n.Kind, Tag: n.Tag, Value: n.Value, Style: n.Style}
	for _, below := range n.Content {
		out.Content = append(out.Content, bare(below))
	}
	return out
}
