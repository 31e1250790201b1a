package render

import (
	"cmp"
	"reflect"
	"slices"
	"strings"

	ign "github.com/coreos/ignition/v2/config/v3_4"
	"github.com/coreos/ignition/v2/config/v3_4/types"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/document"
)

// piece is a part of a host's document: a config, where each item in it comes
// from, and which items are secret.
type piece struct {
	config  types.Config
	origins []itemOrigin
	secret  []secretItem
}

// secretItem is an item that must not be shown, and the keys and secrets in it
// by the store's names.
type secretItem struct {
	item string
	keys []string
}

type itemOrigin struct {
	item   string
	origin document.Origin
}

// layer is what pieces of the same rank make together.
type layer struct {
	config  types.Config
	origins map[string]document.Origin
	secret  map[string][]string // keys by item
}

// assemble joins peers. Two peers that write the same thing are an error, even
// when they agree: which of them wins must never be a question. Directories
// are the exception, since many profiles need the same one.
func assemble(pieces []piece) (layer, diag.List) {
	var problems diag.List
	total := 0
	for i := range pieces {
		total += len(pieces[i].origins)
	}
	out := layer{origins: make(map[string]document.Origin, total), secret: map[string][]string{}}
	taken := make(map[string]itemOrigin, total)
	for i := range pieces {
		p := &pieces[i]
		repeated := map[string]bool{}
		for _, c := range p.origins {
			first, ok := taken[exclusionKey(c.item)]
			if !ok {
				taken[exclusionKey(c.item)] = c
				out.origins[c.item] = c.origin
				continue
			}
			if c.item == first.item && sameDirectory(&out.config, &p.config, c.item) {
				repeated[c.item] = true
				continue
			}
			conflict(&problems, first, c)
		}
		for _, s := range p.secret {
			out.secret[s.item] = s.keys
		}
		concatenate(&out.config, &p.config, repeated)
	}
	joinUnits(&out.config)
	return out, problems
}

func conflict(problems *diag.List, first, second itemOrigin) {
	kind, name, _ := strings.Cut(second.item, ":")
	message := "%s %s is written by two profiles: %s and %s"
	if first.origin.Profile == second.origin.Profile {
		problems.Errorf("R005", second.origin.Position, "", "%s %s is written twice by %s", kind, name, second.origin.Profile).
			WithHint("keep one of the two").
			WithRelated(first.origin.Position, "first written here")
		return
	}
	problems.Errorf("R005", second.origin.Position, "", message, kind, name, first.origin.Profile, second.origin.Profile).
		WithHint("let one profile write it, or change it from an overlay: only overlays override").
		WithRelated(first.origin.Position, "first written here")
}

// sameDirectory says whether two configs make a directory with the same mode
// and owner.
func sameDirectory(a, b *types.Config, item string) bool {
	path, ok := strings.CutPrefix(item, "directory:")
	if !ok {
		return false
	}
	is := func(d types.Directory) bool { return d.Path == path }
	i, j := slices.IndexFunc(a.Storage.Directories, is), slices.IndexFunc(b.Storage.Directories, is)
	return i >= 0 && j >= 0 && reflect.DeepEqual(a.Storage.Directories[i], b.Storage.Directories[j])
}

// concatenate adds a config to another with which it shares no item but the
// repeated directories.
func concatenate(to, from *types.Config, repeated map[string]bool) {
	for _, k := range document.Kinds() {
		k.Add(to, from, func(name string) bool { return !repeated[k.Name+":"+name] })
	}
	to.KernelArguments.ShouldExist = union(to.KernelArguments.ShouldExist, from.KernelArguments.ShouldExist)
	to.KernelArguments.ShouldNotExist = union(to.KernelArguments.ShouldNotExist, from.KernelArguments.ShouldNotExist)
	if !reflect.DeepEqual(from.Ignition, types.Ignition{Version: from.Ignition.Version}) {
		to.Ignition = ign.Merge(types.Config{Ignition: to.Ignition}, types.Config{Ignition: from.Ignition}).Ignition
	}
	to.Ignition.Version = types.MaxVersion.String()
}

func union[T comparable](to, from []T) []T {
	for _, v := range from {
		if !slices.Contains(to, v) {
			to = append(to, v)
		}
	}
	return to
}

// joinUnits brings a unit and the drop-ins that others give it together.
func joinUnits(c *types.Config) {
	units := c.Systemd.Units
	slices.SortStableFunc(units, func(a, b types.Unit) int { return strings.Compare(a.Name, b.Name) })
	var out []types.Unit
	for _, u := range units {
		if n := len(out) - 1; n >= 0 && out[n].Name == u.Name {
			last := &out[n]
			last.Contents = cmp.Or(last.Contents, u.Contents)
			last.Enabled = cmp.Or(last.Enabled, u.Enabled)
			last.Mask = cmp.Or(last.Mask, u.Mask)
			last.Dropins = slices.Concat(last.Dropins, u.Dropins)
			continue
		}
		out = append(out, u)
	}
	c.Systemd.Units = out
}

// override merges a layer over another, by Ignition's rules: what the upper
// layer says wins, what it does not say stays.
func override(lower, upper layer) layer {
	keys := map[string]bool{}
	for _, name := range allKeys(&upper.config) {
		keys[name] = true
	}
	// Only what both layers speak of needs Ignition's merge, which walks
	// everything it is given by reflection.
	common, rest := split(lower.config, keys)
	merged := ign.Merge(common, upper.config)
	out := layer{config: rest, origins: lower.origins, secret: lower.secret}
	concatenate(&out.config, &merged, nil)
	out.config.Ignition, out.config.KernelArguments = merged.Ignition, merged.KernelArguments

	before := make(map[string]string, len(lower.origins))
	for item := range lower.origins {
		before[exclusionKey(item)] = item
	}
	for item, origin := range upper.origins {
		if old, ok := before[exclusionKey(item)]; ok {
			earlier := lower.origins[old]
			origin.Earlier = append(slices.Clone(earlier.Earlier), withoutEarlier(earlier))
			delete(out.origins, old)
			if keys, ok := lower.secret[old]; ok {
				delete(out.secret, old)
				out.secret[item] = keys
			}
		}
		out.origins[item] = origin
		if keys, ok := upper.secret[item]; ok {
			out.secret[item] = append(slices.Clone(out.secret[item]), keys...)
		}
	}
	return out
}

func withoutEarlier(o document.Origin) document.Origin {
	o.Earlier = nil
	return o
}

// allKeys lists what a config speaks of, units with nothing but drop-ins
// included.
func allKeys(c *types.Config) []string {
	out := itemsOf(c)
	for i := range out {
		out[i] = exclusionKey(out[i])
	}
	for _, u := range c.Systemd.Units {
		out = append(out, "unit:"+u.Name)
	}
	return out
}

// split divides a config into what has one of the keys and the rest. What has
// no key, such as kernel arguments, goes with the first.
func split(c types.Config, keys map[string]bool) (with, without types.Config) {
	with.Ignition, with.KernelArguments = c.Ignition, c.KernelArguments
	for _, k := range document.Kinds() {
		listed := func(name string) bool { return keys[exclusionKey(k.Name+":"+name)] }
		k.Add(&with, &c, listed)
		k.Add(&without, &c, func(name string) bool { return !listed(name) })
	}
	return with, without
}

// order sorts everything by its name, so that the same document has the same
// bytes whatever order its parts came in.
func order(c *types.Config) {
	for _, k := range document.Kinds() {
		k.Sort(c)
	}
	for i := range c.Systemd.Units {
		// Dropins may be shared with other hosts' documents.
		d := c.Systemd.Units[i].Dropins
		less := func(a, b types.Dropin) int { return strings.Compare(a.Name, b.Name) }
		if !slices.IsSortedFunc(d, less) {
			d = slices.Clone(d)
			slices.SortFunc(d, less)
			c.Systemd.Units[i].Dropins = d
		}
	}
}
