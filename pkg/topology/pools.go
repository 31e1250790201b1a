package topology

import (
	"maps"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/kubespore/kubespore/pkg/yamlfile"
	"github.com/kubespore/kubespore/pkg/yamlfile/schema"
)

// ofOneHost are the keys of a host that a pool cannot have.
var ofOneHost = []string{"name", "names", "from", "columns", "pool", "address", "addresses", "externalAddresses", "mac", "macs", "serial", "serials"}

// addedLists are the lists of a host that come after those of its pool; any
// other list takes the place of the pool's.
var addedLists = []string{"disks", "arrays", "taints", "overlays"}

// poolSchema is what hosts of a pool may share: a host without what one machine
// has for itself, and without a key that must be there.
var poolSchema = func() *schema.Object[entry] {
	pool := &schema.Object[entry]{Name: "pool"}
	for _, p := range hostSchema.Properties {
		if !slices.Contains(ofOneHost, p.Name) {
			pool.Properties = append(pool.Properties, p.Optional())
		}
	}
	return pool
}()

// poolKind is one pool. Its entries are kept as they are written, to be read
// again with each host that names the pool.
type poolKind struct{}

func (poolKind) Shape() *schema.Shape { return poolSchema.Shape() }

func (poolKind) Read(d *schema.Decoder, n *yaml.Node, path string, into *[]yamlfile.Pair) {
	var read entry
	if poolSchema.Read(d, n, path, &read); d.OK(path) && !d.Stopped {
		*into = d.Pairs(d.Follow(n, path), path)
	}
}

var poolName = schema.Scalar[string]{Name: "name of a pool", Tag: "!!str", Parse: func(text string) (string, *schema.Fault) { return text, checkLabel(text) }}

// joinPool adds what a host's pool says to what the host says. Mappings are
// joined key by key, down to the parameters of profiles, and to the keys of a parameter
// that is laid over the topology's; lists are added where addedLists has them; of all else
// the host's own counts.
func joinPool(d *schema.Decoder, own []yamlfile.Pair, path string) []yamlfile.Pair {
	joined := withPool(d, own, path)
	if said := of(d).said; said != nil {
		said[path] = joined
	}
	return joined
}

func withPool(d *schema.Decoder, own []yamlfile.Pair, path string) []yamlfile.Pair {
	i := yamlfile.Find(own, "pool")
	if i < 0 {
		return own
	}
	name := d.Follow(own[i].Value, path)
	if name.Kind != yaml.ScalarNode || name.ShortTag() != "!!str" || !d.OK(yamlfile.Join("pools", name.Value)) {
		// What is wrong is said where the pool is, or where the key is read; what
		// the pool would have said is not known, rather than missing.
		d.Failed[yamlfile.Join(path, "roles")] = true
		return own
	}
	pool, known := (*of(d).pools)[name.Value]
	if !known {
		at := yamlfile.Join(path, "pool")
		wrong := d.ErrorAt(d.Position(name), codeReference, at, "there is no pool %s", yamlfile.Clip(name.Value))
		if near := yamlfile.Suggest(name.Value, slices.Sorted(maps.Keys(*of(d).pools))); near != "" {
			wrong.WithHint("did you mean %s?", near)
		} else {
			wrong.WithHint("write it under pools, at the top")
		}
		d.Failed[yamlfile.Join(path, "roles")] = true
		return own
	}
	return of(d).join(own, pool, path, "", parameterDepth)
}

// parameterDepth is how many mappings lie above a parameter: profiles, and the profile.
const parameterDepth = 2

// join adds pairs of a pool to those below a key of the host at a path.
func (d *decoder) join(own, pool []yamlfile.Pair, path, above string, depth int) []yamlfile.Pair {
	for _, shared := range pool {
		i := yamlfile.Find(own, shared.Key)
		if i < 0 {
			own = append(own, shared)
			continue
		}
		key := yamlfile.Join(above, shared.Key)
		at := yamlfile.Join(path, key)
		mine, theirs := d.Follow(own[i].Value, at), d.Follow(shared.Value, at)
		switch {
		case d.Stopped:
			return own
		case mine.Kind == yaml.MappingNode && theirs.Kind == yaml.MappingNode && (depth > 0 || d.known.isLaidOver(key)):
			joined := d.join(d.Pairs(mine, at), d.Pairs(theirs, at), path, key, depth-1)
			own[i].Value = mapping(mine, joined)
		case mine.Kind == yaml.SequenceNode && theirs.Kind == yaml.SequenceNode && slices.Contains(addedLists, key):
			list := *mine
			list.Content = slices.Concat(theirs.Content, mine.Content)
			own[i].Value = &list
		}
	}
	return own
}

// mapping is a node with other entries, at the same place.
func mapping(like *yaml.Node, entries []yamlfile.Pair) *yaml.Node {
	out := *like
	out.Content = make([]*yaml.Node, 0, 2*len(entries))
	for _, p := range entries {
		out.Content = append(out.Content, p.At, p.Value)
	}
	return &out
}

// checkPools warns of pools to which no host belongs.
func (c *checker) checkPools() {
	used := map[string]bool{}
	for _, e := range c.entries {
		used[e.pool] = true
	}
	for _, name := range slices.Sorted(maps.Keys(c.document.pools)) {
		if !used[name] && c.OK("hosts") {
			c.Warnf(codeReference, yamlfile.Join("pools", name), "no host belongs to the pool %s", name).WithHint("write pool: %s at its hosts, or remove it", name)
		}
	}
}
