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
	mixed   []types.Config      // what layers made of each other's parts, to be validated again
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
	s, t := &to.Storage, &from.Storage
	s.Files = append(s.Files, t.Files...)
	for _, d := range t.Directories {
		if !repeated["directory:"+d.Path] {
			s.Directories = append(s.Directories, d)
		}
	}
	s.Links = append(s.Links, t.Links...)
	s.Disks = append(s.Disks, t.Disks...)
	s.Filesystems = append(s.Filesystems, t.Filesystems...)
	s.Raid = append(s.Raid, t.Raid...)
	s.Luks = append(s.Luks, t.Luks...)
	to.Systemd.Units = append(to.Systemd.Units, from.Systemd.Units...)
	to.Passwd.Users = append(to.Passwd.Users, from.Passwd.Users...)
	to.Passwd.Groups = append(to.Passwd.Groups, from.Passwd.Groups...)
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
	out := layer{config: rest, origins: lower.origins, secret: lower.secret, mixed: append(lower.mixed, merged)}
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
	out := itemsOf(*c)
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
	divide(c.Storage.Files, &with.Storage.Files, &without.Storage.Files, func(f types.File) bool { return keys["path:"+f.Path] })
	divide(c.Storage.Directories, &with.Storage.Directories, &without.Storage.Directories, func(d types.Directory) bool { return keys["path:"+d.Path] })
	divide(c.Storage.Links, &with.Storage.Links, &without.Storage.Links, func(l types.Link) bool { return keys["path:"+l.Path] })
	divide(c.Storage.Disks, &with.Storage.Disks, &without.Storage.Disks, func(d types.Disk) bool { return keys["disk:"+d.Device] })
	divide(c.Storage.Filesystems, &with.Storage.Filesystems, &without.Storage.Filesystems, func(f types.Filesystem) bool { return keys["filesystem:"+f.Device] })
	divide(c.Storage.Raid, &with.Storage.Raid, &without.Storage.Raid, func(r types.Raid) bool { return keys["raid:"+r.Name] })
	divide(c.Storage.Luks, &with.Storage.Luks, &without.Storage.Luks, func(l types.Luks) bool { return keys["luks:"+l.Name] })
	divide(c.Systemd.Units, &with.Systemd.Units, &without.Systemd.Units, func(u types.Unit) bool { return keys["unit:"+u.Name] })
	divide(c.Passwd.Users, &with.Passwd.Users, &without.Passwd.Users, func(u types.PasswdUser) bool { return keys["user:"+u.Name] })
	divide(c.Passwd.Groups, &with.Passwd.Groups, &without.Passwd.Groups, func(g types.PasswdGroup) bool { return keys["group:"+g.Name] })
	return with, without
}

func divide[T any](all []T, with, without *[]T, has func(T) bool) {
	for _, v := range all {
		if has(v) {
			*with = append(*with, v)
		} else {
			*without = append(*without, v)
		}
	}
}

// order sorts everything by its name, so that the same document has the same
// bytes whatever order its parts came in.
func order(c *types.Config) {
	byKey := func(a, b string) int { return strings.Compare(a, b) }
	s := &c.Storage
	slices.SortFunc(s.Files, func(a, b types.File) int { return byKey(a.Path, b.Path) })
	slices.SortFunc(s.Directories, func(a, b types.Directory) int { return byKey(a.Path, b.Path) })
	slices.SortFunc(s.Links, func(a, b types.Link) int { return byKey(a.Path, b.Path) })
	slices.SortFunc(s.Disks, func(a, b types.Disk) int { return byKey(a.Device, b.Device) })
	slices.SortFunc(s.Filesystems, func(a, b types.Filesystem) int { return byKey(a.Device, b.Device) })
	slices.SortFunc(s.Raid, func(a, b types.Raid) int { return byKey(a.Name, b.Name) })
	slices.SortFunc(s.Luks, func(a, b types.Luks) int { return byKey(a.Name, b.Name) })
	slices.SortFunc(c.Passwd.Users, func(a, b types.PasswdUser) int { return byKey(a.Name, b.Name) })
	slices.SortFunc(c.Passwd.Groups, func(a, b types.PasswdGroup) int { return byKey(a.Name, b.Name) })
	slices.SortFunc(c.Systemd.Units, func(a, b types.Unit) int { return byKey(a.Name, b.Name) })
	for i := range c.Systemd.Units {
		// Dropins may be shared with other hosts' documents.
		d := c.Systemd.Units[i].Dropins
		less := func(a, b types.Dropin) int { return byKey(a.Name, b.Name) }
		if !slices.IsSortedFunc(d, less) {
			d = slices.Clone(d)
			slices.SortFunc(d, less)
			c.Systemd.Units[i].Dropins = d
		}
	}
}
