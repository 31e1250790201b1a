package topology

import (
	"maps"
	"slices"

	"go.yaml.in/yaml/v3"
)

// ofOneHost are the keys of a host that a pool cannot have.
var ofOneHost = []string{"name", "names", "pool", "address", "addresses", "mac", "serial"}

// addedLists are the lists of a host that come after those of its pool; any
// other list takes the place of the pool's.
var addedLists = []string{"disks", "taints", "overlays"}

// poolSchema is what hosts of a pool may share: a host without what one machine
// has for itself, and without a key that must be there.
var poolSchema = func() *object[entry] {
	pool := &object[entry]{name: "pool"}
	for _, p := range hostSchema.properties {
		if !slices.Contains(ofOneHost, p.name) {
			if p.must = false; p.unless != "" {
				p.unless, p.fallback = "", ""
			}
			pool.properties = append(pool.properties, p)
		}
	}
	return pool
}()

// poolKind is one pool. Its entries are kept as they are written, to be read
// again with each host that names the pool.
type poolKind struct{}

func (poolKind) form() *shape { return poolSchema.form() }

func (poolKind) read(d *decoder, n *yaml.Node, path string, into *[]pair) {
	var read entry
	if poolSchema.read(d, n, path, &read); d.ok(path) && !d.stopped {
		*into = d.pairs(d.follow(n, path), path)
	}
}

var poolName = scalar[string]{name: "name of a pool", tag: "!!str", parse: func(text string) (string, *fault) { return text, checkLabel(text) }}

// joinPool adds what a host's pool says to what the host says. Mappings are
// joined key by key, down to the parameters of profiles; lists are added where
// addedLists has them; of all else the host's own counts.
func joinPool(d *decoder, own []pair, path string) []pair {
	i := find(own, nil, "pool")
	if i < 0 {
		return own
	}
	name := d.follow(own[i].value, path)
	if name.Kind != yaml.ScalarNode || name.ShortTag() != "!!str" || !d.ok(joinPath("pools", name.Value)) {
		// What is wrong is said where the pool is, or where the key is read; what
		// the pool would have said is not known, rather than missing.
		d.failed[joinPath(path, "roles")] = true
		return own
	}
	pool, known := (*d.pools)[name.Value]
	if !known {
		at := joinPath(path, "pool")
		wrong := d.errorAt(d.position(name), codeReference, at, "there is no pool %s", clip(name.Value))
		if near := suggest(name.Value, slices.Sorted(maps.Keys(*d.pools))); near != "" {
			wrong.WithHint("did you mean %s?", near)
		} else {
			wrong.WithHint("write it under pools, at the top")
		}
		d.failed[joinPath(path, "roles")] = true
		return own
	}
	return d.join(own, pool, path, 2)
}

// join adds pairs of a pool to those of a host.
func (d *decoder) join(own, pool []pair, path string, depth int) []pair {
	for _, shared := range pool {
		i := find(own, nil, shared.key)
		if i < 0 {
			own = append(own, shared)
			continue
		}
		at := joinPath(path, shared.key)
		mine, theirs := d.follow(own[i].value, at), d.follow(shared.value, at)
		switch {
		case d.stopped:
			return own
		case mine.Kind == yaml.MappingNode && theirs.Kind == yaml.MappingNode && depth > 0:
			joined := d.join(d.pairs(mine, at), d.pairs(theirs, at), at, depth-1)
			own[i].value = mapping(mine, joined)
		case mine.Kind == yaml.SequenceNode && theirs.Kind == yaml.SequenceNode && slices.Contains(addedLists, shared.key) && depth == 2:
			list := *mine
			list.Content = slices.Concat(theirs.Content, mine.Content)
			own[i].value = &list
		}
	}
	return own
}

// mapping is a node with other entries, at the same place.
func mapping(like *yaml.Node, entries []pair) *yaml.Node {
	out := *like
	out.Content = make([]*yaml.Node, 0, 2*len(entries))
	for _, p := range entries {
		out.Content = append(out.Content, p.at, p.value)
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
		if !used[name] && c.ok("hosts") {
			c.warnf(codeReference, joinPath("pools", name), "no host belongs to the pool %s", name).WithHint("write pool: %s at its hosts, or remove it", name)
		}
	}
}
